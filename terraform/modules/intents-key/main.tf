# The key that authenticates what is to be signed: an HMAC key, which those roles alone use that may prepare certificates. What
# anybody else writes into the journal carries no code of it, and is not signed.

module "policy" {
  source = "../key-policy"

  id             = "intents-key"
  account_id     = var.account_id
  partition      = var.partition
  administrators = var.administrators

  use = {
    sid             = "Authenticate"
    nobody_else_sid = "NobodyElseAuthenticates"
    action          = "kms:GenerateMac"
    condition       = { "kms:MacAlgorithm" = "HMAC_SHA_256" }
    role_arns       = var.preparing_role_arns
  }
}

resource "aws_kms_key" "encryption" {
  #checkov:skip=CKV_AWS_7:KMS does not rotate HMAC keys
  description              = var.description
  customer_master_key_spec = "HMAC_256"
  key_usage                = "GENERATE_VERIFY_MAC"
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
