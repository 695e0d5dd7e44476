# CRLs and CA certificates for everybody, at http://ca.example.com/, and RSA keys for verifiers that know nothing else.

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

# CloudFront takes its certificates from here alone.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"
}

variable "hosted_zone_domain" {
  type        = string
  description = "Domain of the public CRL"
  default     = "ca.example.com"
}

variable "hosted_zone_id" {
  type        = string
  description = "Route 53 zone of that domain"
  default     = "Z0123456789ABCDEFGHIJ"
}

module "certificate" {
  source = "../../modules/certificate"

  domain_name = var.hosted_zone_domain
  zone_id     = var.hosted_zone_id

  providers = {
    aws = aws.us_east_1
  }
}

module "certificate_authority" {
  source = "../../"

  env                          = "prod"
  bucket_prefix                = "example-ltd"
  dynamodb_deletion_protection = true
  root_ca_key_spec             = "RSA_4096"
  issuing_ca_key_spec          = "RSA_4096"
  public_crl                   = true
  hosted_zone_domain           = var.hosted_zone_domain
  hosted_zone_id               = var.hosted_zone_id
  cloudfront_certificate_arn   = module.certificate.arn

  root_ca_info = {
    commonName   = "Example Root CA"
    organization = "Example Ltd"
    country      = "GB"
  }

  issuing_ca_info = {
    commonName   = "Example Issuing CA"
    organization = "Example Ltd"
    country      = "GB"
  }
}

output "cloudfront_domain_name" {
  value       = module.certificate_authority.cloudfront_domain_name
  description = "Domain of the distribution, for records kept elsewhere"
}
