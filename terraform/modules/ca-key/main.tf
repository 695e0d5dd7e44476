# The key of one certificate authority. It is made in KMS, never leaves it, and signs for the named roles only.

module "algorithm" {
  source = "./algorithm"

  key_spec = var.key_spec
}

locals {
  administrators = length(var.administrators) > 0 ? var.administrators : ["arn:${var.partition}:iam::${var.account_id}:root"]
}

resource "aws_kms_key" "encryption" {
  #checkov:skip=CKV_AWS_7:KMS cannot rotate asymmetric keys; a new key means a new CA certificate
  description              = var.description
  customer_master_key_spec = var.key_spec
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 30
  tags                     = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Id      = "ca-key"
    Statement = [
      {
        # Neither kms:Sign nor kms:CreateGrant: who administers the key does not use it, nor lends it. Changing this
        # policy is administration, and shows in CloudTrail.
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
          "kms:GetPublicKey",
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
          "kms:Verify",
        ]
        Resource = "*"
      },
      {
        Sid       = "Sign"
        Effect    = "Allow"
        Principal = { AWS = var.signing_role_arns }
        Action    = "kms:Sign"
        Resource  = "*"
        Condition = {
          StringEquals = {
            "kms:SigningAlgorithm" = module.algorithm.name
            "kms:MessageType"      = module.algorithm.message_type
          }
        }
      },
      {
        Sid       = "ReadPublicKey"
        Effect    = "Allow"
        Principal = { AWS = distinct(concat(var.signing_role_arns, var.reading_role_arns)) }
        Action    = "kms:GetPublicKey"
        Resource  = "*"
      },
      {
        # Whatever identity policies or grants say, now or later.
        Sid       = "NobodyElseSigns"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "kms:Sign"
        Resource  = "*"
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = var.signing_role_arns } }
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
