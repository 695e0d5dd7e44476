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

variable "kms_key_arn" {
  type = string
}

resource "aws_dynamodb_table" "ca" {
  name         = var.name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "CommonName"
  range_key    = "SerialNumber"

  attribute {
    name = "CommonName"
    type = "S"
  }

  attribute {
    name = "SerialNumber"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}
