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

resource "aws_s3_bucket" "bucket" {
  bucket        = var.name
  force_destroy = true
}

output "name" {
  value = aws_s3_bucket.bucket.bucket
}
