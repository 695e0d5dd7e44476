# The CAs' keys, which only named functions sign with, and the key that everything stored is encrypted with.

module "kms_rsa_root_ca" {
  source = "./modules/ca-key"

  alias          = local.root_ca_name
  description    = "${var.project}-${var.env} Root CA key pair"
  key_spec       = var.root_ca_key_spec
  administrators = var.key_administrators
  account_id     = local.account_id
  partition      = local.partition
  tags           = var.tags

  # Named one by one: a computed name would make the key wait for all of the functions, which wait for the key.
  signing_role_arns = [
    module.function["create-root-ca"].role_arn,
    module.function["create-issuing-ca"].role_arn,
    module.function["root-ca-crl"].role_arn,
  ]
  signing_user_ids = !var.pin_signing_roles ? [] : [
    module.function["create-root-ca"].user_id,
    module.function["create-issuing-ca"].user_id,
    module.function["root-ca-crl"].user_id,
  ]
  signing_vpc_endpoint_ids = var.signing_vpc_endpoint_ids
  waking_role_arns         = var.root_operator_role_arns
  waking_needs_mfa         = var.root_operator_mfa
  emergency_role_arns      = var.break_glass_role_arns
  # A CA's certificate is believed only if its key is the one in KMS, by whoever goes by it.
  reading_role_arns = concat(var.operator_role_arns, compact([
    module.function["issuing-ca-crl"].role_arn,
    module.function["tls-cert"].role_arn,
    module.function["sweep"].role_arn,
    try(module.function["expiry"].role_arn, ""),
  ]))
}

module "kms_rsa_issuing_ca" {
  source = "./modules/ca-key"

  alias          = local.issuing_ca_name
  description    = "${var.project}-${var.env} Issuing CA key pair"
  key_spec       = var.issuing_ca_key_spec
  administrators = var.key_administrators
  account_id     = local.account_id
  partition      = local.partition
  tags           = var.tags

  signing_role_arns = [
    module.function["issuing-ca-crl"].role_arn,
    module.function["tls-cert"].role_arn,
    module.function["sweep"].role_arn,
  ]
  signing_user_ids = !var.pin_signing_roles ? [] : [
    module.function["issuing-ca-crl"].user_id,
    module.function["tls-cert"].user_id,
    module.function["sweep"].user_id,
  ]
  signing_vpc_endpoint_ids = var.signing_vpc_endpoint_ids
  reading_role_arns = concat(var.operator_role_arns, compact([
    module.function["create-root-ca"].role_arn,
    module.function["create-issuing-ca"].role_arn,
    module.function["root-ca-crl"].role_arn,
    try(module.function["expiry"].role_arn, ""),
  ]))
}

# Of its own for each further issuing CA. The same functions serve all CAs that issue leaves.
module "kms_issuing_cas" {
  source   = "./modules/ca-key"
  for_each = var.issuing_cas

  alias          = local.ca_names[each.key]
  description    = "${var.project}-${var.env} Issuing CA key pair of ${each.key}"
  key_spec       = each.value.key_spec
  administrators = var.key_administrators
  account_id     = local.account_id
  partition      = local.partition
  tags           = var.tags

  signing_role_arns = [
    module.function["issuing-ca-crl"].role_arn,
    module.function["tls-cert"].role_arn,
    module.function["sweep"].role_arn,
  ]
  signing_user_ids = !var.pin_signing_roles ? [] : [
    module.function["issuing-ca-crl"].user_id,
    module.function["tls-cert"].user_id,
    module.function["sweep"].user_id,
  ]
  signing_vpc_endpoint_ids = var.signing_vpc_endpoint_ids
  reading_role_arns = concat(var.operator_role_arns, compact([
    module.function["create-root-ca"].role_arn,
    module.function["create-issuing-ca"].role_arn,
    module.function["root-ca-crl"].role_arn,
    try(module.function["expiry"].role_arn, ""),
  ]))
}

module "kms_intents" {
  source = "./modules/intents-key"

  alias          = local.intents_alias
  description    = "${var.project}-${var.env} authentication of what is to be signed"
  administrators = var.key_administrators
  account_id     = local.account_id
  partition      = local.partition
  tags           = var.tags

  preparing_role_arns = [
    module.function["create-root-ca"].role_arn,
    module.function["create-issuing-ca"].role_arn,
    module.function["tls-cert"].role_arn,
    module.function["sweep"].role_arn,
  ]
}

module "kms_tls_keygen" {
  source = "./modules/resource-key"

  alias       = local.key_gen_alias
  description = "${var.project}-${var.env} asymmetric key generation for TLS certs without CSR"
  account_id  = local.account_id
  partition   = local.partition
  tags        = var.tags
}

# Objects in the internal bucket may be under a key known by its alias alone.
data "aws_kms_alias" "internal_bucket" {
  count = var.kms_key_alias == "" ? 0 : 1

  name = var.kms_key_alias
}

locals {
  # Where the account as a whole is among them, no principal's own ARN is: its IAM policies decide.
  named_administrators = anytrue([for arn in var.key_administrators : endswith(arn, ":root")]) ? [] : var.key_administrators

  ca_keys = merge({ root = module.kms_rsa_root_ca, issuing = module.kms_rsa_issuing_ca }, module.kms_issuing_cas)

  resource_key_arn = var.kms_arn_resource == "" ? module.kms_tls_keygen.key_arn : var.kms_arn_resource

  internal_bucket_key_arns = distinct(concat([module.kms_tls_keygen.key_arn], data.aws_kms_alias.internal_bucket[*].target_key_arn))
}
