# The key of one certificate authority. It is made in KMS, never leaves it, and signs for the named roles only.

module "algorithm" {
  source = "./algorithm"

  key_spec = var.key_spec
}

module "policy" {
  source = "../key-policy"

  id                     = "ca-key"
  account_id             = var.account_id
  partition              = var.partition
  administrators         = var.administrators
  further_administration = ["kms:GetPublicKey", "kms:Verify"]

  use = {
    sid             = "Sign"
    nobody_else_sid = "NobodyElseSigns"
    action          = "kms:Sign"
    condition       = { "kms:SigningAlgorithm" = module.algorithm.name, "kms:MessageType" = module.algorithm.message_type }
    role_arns       = var.signing_role_arns
  }

  reading = [{
    sid       = "ReadPublicKey"
    action    = "kms:GetPublicKey"
    role_arns = distinct(concat(var.signing_role_arns, var.reading_role_arns))
  }]
}

resource "aws_kms_key" "encryption" {
  #checkov:skip=CKV_AWS_7:KMS cannot rotate asymmetric keys; a new key means a new CA certificate
  description              = var.description
  customer_master_key_spec = var.key_spec
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 30
  tags                     = var.tags
  policy                   = module.policy.json

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "encryption" {
  name          = "alias/${var.alias}"
  target_key_id = aws_kms_key.encryption.key_id
}
