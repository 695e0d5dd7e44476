# The authority in an account of its own, as it should be, and a workload account that asks it for certificates.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.90, < 7"
    }
  }
}

variable "ca_account_id" {
  type        = string
  description = "Account of the authority"
  default     = "123456789012"
}

variable "workload_account_id" {
  type        = string
  description = "Account that asks"
  default     = "210987654321"
}

variable "application_role_arns" {
  type        = list(string)
  description = "Roles of that account that ask: they must exist, and must be allowed lambda:InvokeFunction by their own policies too"
  default     = ["arn:aws:iam::210987654321:role/application"]
}

provider "aws" {
  region = "eu-west-2"

  assume_role {
    role_arn = "arn:aws:iam::${var.ca_account_id}:role/deploy"
  }
}

module "certificate_authority" {
  source = "../../"

  allowed_account_ids = [var.ca_account_id]
  aws_principals      = var.application_role_arns
  s3_aws_principals   = ["arn:aws:iam::${var.workload_account_id}:root"]
  sns_policy_template = "cross-account"
  workload_account_id = var.workload_account_id

  root_ca_info    = { commonName = "Example Root CA", organization = "Example Ltd", country = "GB" }
  issuing_ca_info = { commonName = "Example Issuing CA", organization = "Example Ltd", country = "GB" }
}

output "tls_cert_function_arn" {
  value       = module.certificate_authority.function_arns["tls-cert"]
  description = "What the workload account calls"
}
