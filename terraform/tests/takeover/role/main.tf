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

resource "aws_iam_role" "lambda" {
  name               = var.name
  assume_role_policy = "{}"
}

output "arn" {
  value = aws_iam_role.lambda.arn
}
