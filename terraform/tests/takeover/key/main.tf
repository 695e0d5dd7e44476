terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "alias" {
  type = string
}

variable "key_spec" {
  type = string
}

variable "usage" {
  type = string
}

resource "aws_kms_key" "encryption" {
  customer_master_key_spec = var.key_spec
  key_usage                = var.usage
  deletion_window_in_days  = 7
}

resource "aws_kms_alias" "encryption" {
  name          = "alias/${var.alias}"
  target_key_id = aws_kms_key.encryption.key_id
}

output "arn" {
  value = aws_kms_key.encryption.arn
}
