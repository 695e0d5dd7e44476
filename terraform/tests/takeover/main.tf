# Where a deployment of the former module has its things, with the arguments by which AWS knows them: what is replaced when
# one of them changes.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

# Any file will do where the provider is mocked.
variable "zip" {
  type    = string
  default = "./versions.tf"
}

module "kms_rsa_root_ca" {
  source   = "./key"
  alias    = "serverless-root-ca-dev"
  key_spec = "ECC_NIST_P384"
  usage    = "SIGN_VERIFY"
}

module "kms_rsa_issuing_ca" {
  source   = "./key"
  alias    = "serverless-issuing-ca-dev"
  key_spec = "ECC_NIST_P256"
  usage    = "SIGN_VERIFY"
}

module "kms_tls_keygen" {
  source   = "./key"
  alias    = "serverless-tls-keygen-dev"
  key_spec = "SYMMETRIC_DEFAULT"
  usage    = "ENCRYPT_DECRYPT"
}

module "dynamodb" {
  source      = "./table"
  name        = "ServerlessCADev"
  kms_key_arn = module.kms_tls_keygen.arn
}

# The suffixes that were drawn by chance.
module "internal_s3" {
  source = "./bucket"
  name   = "serverless-ca-internal-dev-q7w2e"
}

module "external_s3" {
  source = "./bucket"
  count  = 1
  name   = "serverless-ca-external-dev-z9x8c"
}

module "sns_ca_notifications" {
  source = "./topic"
  name   = "serverless-ca-notifications-dev"
}

module "slack_secret" {
  source = "./secret"
  count  = 1
  name   = "serverless-slack-token-dev"
}

module "tls_keygen_iam" {
  source = "./role"
  name   = "serverless-tls-cert-dev"
}

module "rsa_tls_cert_lambda" {
  source = "./function"
  name   = "serverless-tls-cert-dev"
  role   = module.tls_keygen_iam.arn
  zip    = var.zip
}

module "expiry_iam" {
  source = "./role"
  count  = 1
  name   = "serverless-expiry-dev"
}

module "expiry_lambda" {
  source = "./function"
  count  = 1
  name   = "serverless-expiry-dev"
  role   = module.expiry_iam[0].arn
  zip    = var.zip
}

module "step-function-role" {
  source = "./role"
  name   = "serverless-ca-dev"
}

module "step-function" {
  source = "./machine"
  name   = "serverless-ca-dev"
  role   = module.step-function-role.arn
}

module "scheduler-role" {
  source = "./role"
  name   = "serverless-scheduler-dev"
}

output "bucket_names" {
  value = [module.internal_s3.name, module.external_s3[0].name]
}
