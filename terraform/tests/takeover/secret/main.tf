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

resource "aws_secretsmanager_secret" "secret" {
  name                    = var.name
  recovery_window_in_days = 7
}
