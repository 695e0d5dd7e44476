# An authority with the defaults: ECDSA keys, nothing public. Lists and requests are in certs/dev beside this file.

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

  cert_info_files         = ["tls", "revoked", "revoked-root-ca"]
  sns_email_subscriptions = ["pki@example.com"]

  root_ca_info = {
    commonName   = "Example Root CA"
    organization = "Example Ltd"
    country      = "GB"
    lifetime     = 7300
  }

  issuing_ca_info = {
    commonName           = "Example Issuing CA"
    organization         = "Example Ltd"
    country              = "GB"
    lifetime             = 3650
    pathLengthConstraint = 0
  }
}

output "ca_bundle_s3_location" {
  value       = module.certificate_authority.ca_bundle_s3_location
  description = "Where the CA bundle is"
}
