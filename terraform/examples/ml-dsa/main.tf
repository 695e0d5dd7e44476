# Keys that quantum computers do not break. KMS keys of these specs need version 6 of the AWS provider.

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

module "certificate_authority" {
  source = "../../"

  project             = "pqc"
  root_ca_key_spec    = "ML_DSA_87"
  issuing_ca_key_spec = "ML_DSA_65"

  root_ca_info = {
    commonName   = "Example Post-Quantum Root CA"
    organization = "Example Ltd"
    country      = "GB"
  }

  issuing_ca_info = {
    commonName   = "Example Post-Quantum Issuing CA"
    organization = "Example Ltd"
    country      = "GB"
  }
}

output "issuing_ca_cert_s3_location" {
  value       = module.certificate_authority.issuing_ca_cert_s3_location
  description = "Where the issuing CA's certificate is"
}
