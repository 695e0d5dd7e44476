terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  type = string
}

variable "role" {
  type = string
}

resource "aws_sfn_state_machine" "state_machine" {
  name       = var.name
  role_arn   = var.role
  definition = jsonencode({ StartAt = "Done", States = { Done = { Type = "Succeed" } } })
}
