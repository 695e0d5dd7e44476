# Two authorities in one account that publish into one bucket: servers' certificates from the one, devices' from the other.
# File names begin with the project, so that neither touches the other's.

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

module "servers" {
  source = "../../"

  project = "servers"

  root_ca_info    = { commonName = "Example Servers Root CA", organization = "Example Ltd", country = "GB" }
  issuing_ca_info = { commonName = "Example Servers Issuing CA", organization = "Example Ltd", country = "GB" }
}

module "devices" {
  source = "../../"

  project                 = "devices"
  external_s3_bucket_name = module.servers.external_s3_bucket_name

  root_ca_info    = { commonName = "Example Devices Root CA", organization = "Example Ltd", country = "GB" }
  issuing_ca_info = { commonName = "Example Devices Issuing CA", organization = "Example Ltd", country = "GB" }
}

output "ca_bundles" {
  value       = [module.servers.ca_bundle_s3_location, module.devices.ca_bundle_s3_location]
  description = "Where the two CA bundles are"
}
