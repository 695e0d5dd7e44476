# Machines outside AWS that get AWS credentials for a certificate. The CRL is imported by crl.sh, as the
# provider has no resource for it.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.90, < 7"
    }
  }
}

provider "aws" {
  region = "eu-west-2"
}

variable "ca_bundle" {
  type        = string
  description = "The CA bundle, PEM: both CAs' certificates"
  default     = ""
}

variable "common_name" {
  type        = string
  description = "Common name of the certificates that may assume the role"
  default     = "builder.example.com"
}

variable "artifact_bucket_name" {
  type        = string
  description = "What the role may read"
  default     = "example-artifacts"
}

resource "aws_rolesanywhere_trust_anchor" "authority" {
  name    = "chancery"
  enabled = true

  source {
    source_type = "CERTIFICATE_BUNDLE"
    source_data {
      x509_certificate_data = var.ca_bundle
    }
  }
}

resource "aws_iam_role" "builder" {
  name = "builder"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "rolesanywhere.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
      Condition = {
        StringEquals = { "aws:PrincipalTag/x509Subject/CN" = var.common_name }
        ArnEquals    = { "aws:SourceArn" = aws_rolesanywhere_trust_anchor.authority.arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "builder" {
  name = "read-artifacts"
  role = aws_iam_role.builder.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::${var.artifact_bucket_name}/*" }]
  })
}

resource "aws_rolesanywhere_profile" "builder" {
  name      = "builder"
  enabled   = true
  role_arns = [aws_iam_role.builder.arn]
}

output "credential_process" {
  value       = "aws_signing_helper credential-process --certificate cert.pem --private-key key.pem --trust-anchor-arn ${aws_rolesanywhere_trust_anchor.authority.arn} --profile-arn ${aws_rolesanywhere_profile.builder.arn} --role-arn ${aws_iam_role.builder.arn}"
  description = "Line for credential_process in ~/.aws/config"
}
