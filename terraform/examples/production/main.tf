# An authority that others depend on: who may do what is named, the root sleeps, and the organisation lays its policies on the
# account from outside of it.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.90, < 7"
    }
  }
}

variable "account_id" {
  type        = string
  description = "Account of the authority, which holds nothing else"
}

variable "management_profile" {
  type        = string
  description = "Profile with rights in the organisation's management account"
}

variable "organization_id" {
  type        = string
  description = "The organisation, e.g. o-exampleorgid"
}

variable "root_ca_public_key_sha256" {
  type        = string
  description = "What was noted of the root's key when it was made; empty: not yet"
  default     = ""
}

locals {
  region        = "eu-west-2"
  deployer      = "arn:aws:iam::${var.account_id}:role/deployer"
  break_glass   = "arn:aws:iam::${var.account_id}:role/break-glass"
  root_operator = "arn:aws:iam::${var.account_id}:role/root-operator"
}

provider "aws" {
  region = local.region
}

provider "aws" {
  alias   = "management"
  region  = "us-east-1"
  profile = var.management_profile
}

module "certificate_authority" {
  source = "../../"

  env                          = "prd"
  allowed_account_ids          = [var.account_id]
  dynamodb_deletion_protection = true
  replace_common_name          = false
  unqualified_invocation       = false

  # Who applies this is the pipeline, which also puts requests and revocations into the bucket.
  key_administrators      = [local.deployer]
  request_writer_arns     = [local.deployer]
  operator_role_arns      = ["arn:aws:iam::${var.account_id}:role/ca-operator"]
  break_glass_role_arns   = [local.break_glass]
  root_operator_role_arns = [local.root_operator]
  organization_id         = var.organization_id

  # From the second apply on, when the root's key has been made and noted: docs/aws/operations.md says how, and how it is woken.
  sleeping_root             = var.root_ca_public_key_sha256 != ""
  root_ca_public_key_sha256 = var.root_ca_public_key_sha256
  root_crl_days             = 180
  root_crl_seconds          = 0

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

# The same policies as the outputs of the module above, with the organisation's own roles excepted.
module "account_policies" {
  source = "../../modules/account-policies"

  account_id             = var.account_id
  region                 = local.region
  project                = "serverless"
  env                    = "prd"
  organization_id        = var.organization_id
  administrators         = [local.deployer, "arn:aws:iam::${var.account_id}:role/AWSControlTowerExecution"]
  break_glass            = [local.break_glass]
  root_operators         = [local.root_operator]
  unqualified_invocation = false
}

resource "aws_organizations_policy" "account" {
  for_each = {
    SERVICE_CONTROL_POLICY  = module.account_policies.service_control_policy
    RESOURCE_CONTROL_POLICY = module.account_policies.resource_control_policy
  }
  provider = aws.management

  name    = "certificate-authority-${replace(lower(each.key), "_", "-")}"
  type    = each.key
  content = each.value
}

resource "aws_organizations_policy_attachment" "account" {
  for_each = aws_organizations_policy.account
  provider = aws.management

  policy_id = each.value.id
  target_id = var.account_id
}
