# The key of one certificate authority. It is made in KMS, never leaves it, and signs for the named roles only.

module "algorithm" {
  source = "./algorithm"

  key_spec = var.key_spec
}

locals {
  # Every use of the key but the one is shut. Whoever has the public key verifies with that; a kms:Verify would stand where the
  # key's last use is looked up, in the place of a signature.
  no_verification = [{
    Sid       = "NobodyVerifies"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "kms:Verify"
    Resource  = "*"
  }]

  # Credentials that were carried out of a function sign from nowhere else.
  endpoints_only = [for statement in [{
    Sid       = "SignThroughEndpointsAlone"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "kms:Sign"
    Resource  = "*"
    Condition = { StringNotEquals = { "aws:SourceVpce" = var.signing_vpc_endpoint_ids } }
  }] : statement if length(var.signing_vpc_endpoint_ids) > 0]

  # A role that is deleted, and made again under the same name, is another one; and so is one whose session is not its function's.
  sessions_only = [for statement in [{
    Sid       = "SignInTheseSessionsAlone"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "kms:Sign"
    Resource  = "*"
    Condition = { StringNotEquals = { "aws:userid" = var.signing_user_ids } }
  }] : statement if length(var.signing_user_ids) > 0]

  # Whoever wakes the key and puts it to sleep again does nothing else with it; and where somebody is named for it, nobody else
  # wakes it, whatever else they administer.
  waking = [for statement in [
    merge(
      {
        Sid       = "WakeAndPutToSleep"
        Effect    = "Allow"
        Principal = { AWS = var.waking_role_arns }
        Action    = ["kms:DescribeKey", "kms:DisableKey", "kms:EnableKey"]
        Resource  = "*"
      },
      { for condition in [{ Bool = { "aws:MultiFactorAuthPresent" = "true" } }] : "Condition" => condition if var.waking_needs_mfa },
    ),
    {
      Sid       = "NobodyElseWakes"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "kms:EnableKey"
      Resource  = "*"
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = concat(var.waking_role_arns, var.emergency_role_arns) } }
    },
  ] : statement if length(var.waking_role_arns) > 0]
}

module "policy" {
  source = "../key-policy"

  id                     = "ca-key"
  account_id             = var.account_id
  partition              = var.partition
  administrators         = var.administrators
  further_administration = ["kms:GetPublicKey"]
  further_statements     = concat(local.no_verification, local.endpoints_only, local.sessions_only, local.waking)

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
    # Whether it sleeps is for those to say who wake it, and that it was stopped for those who stopped it: no apply undoes it.
    ignore_changes = [is_enabled]
  }
}

resource "aws_kms_alias" "encryption" {
  name          = "alias/${var.alias}"
  target_key_id = aws_kms_key.encryption.key_id
}
