# The key that authenticates what is to be signed: an HMAC key, which those roles alone use that may prepare certificates. What
# anybody else writes into the journal carries no code of it, and is not signed.

locals {
  administrators = length(var.administrators) > 0 ? var.administrators : ["arn:${var.partition}:iam::${var.account_id}:root"]
}

resource "aws_kms_key" "encryption" {
  #checkov:skip=CKV_AWS_7:KMS does not rotate HMAC keys
  description              = var.description
  customer_master_key_spec = "HMAC_256"
  key_usage                = "GENERATE_VERIFY_MAC"
  deletion_window_in_days  = 30
  tags                     = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Id      = "intents-key"
    Statement = [
      {
        # Who administers the key does not use it, nor lends it.
        Sid       = "Administer"
        Effect    = "Allow"
        Principal = { AWS = local.administrators }
        Action = [
          "kms:CancelKeyDeletion",
          "kms:CreateAlias",
          "kms:DeleteAlias",
          "kms:DescribeKey",
          "kms:DisableKey",
          "kms:EnableKey",
          "kms:GetKeyPolicy",
          "kms:GetKeyRotationStatus",
          "kms:ListGrants",
          "kms:ListKeyPolicies",
          "kms:ListResourceTags",
          "kms:PutKeyPolicy",
          "kms:RevokeGrant",
          "kms:ScheduleKeyDeletion",
          "kms:TagResource",
          "kms:UntagResource",
          "kms:UpdateAlias",
          "kms:UpdateKeyDescription",
        ]
        Resource = "*"
      },
      {
        Sid       = "Authenticate"
        Effect    = "Allow"
        Principal = { AWS = var.preparing_role_arns }
        Action    = "kms:GenerateMac"
        Resource  = "*"
        Condition = { StringEquals = { "kms:MacAlgorithm" = "HMAC_SHA_256" } }
      },
      {
        # Whatever identity policies or grants say, now or later.
        Sid       = "NobodyElseAuthenticates"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "kms:GenerateMac"
        Resource  = "*"
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = var.preparing_role_arns } }
      },
      {
        Sid       = "NoGrants"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "kms:CreateGrant"
        Resource  = "*"
      },
    ]
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "encryption" {
  name          = "alias/${var.alias}"
  target_key_id = aws_kms_key.encryption.key_id
}
