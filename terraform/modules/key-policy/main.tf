# The policy of a key that named roles alone use: who administers it neither uses nor lends it.

locals {
  administrators = length(var.administrators) > 0 ? var.administrators : ["arn:${var.partition}:iam::${var.account_id}:root"]

  # Neither the use nor kms:CreateGrant. Changing the policy is administration, and shows in CloudTrail.
  administration = sort(concat(var.further_administration, [
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
  ]))

  policy = jsonencode({
    Version = "2012-10-17"
    Id      = var.id
    Statement = concat(
      [
        {
          Sid       = "Administer"
          Effect    = "Allow"
          Principal = { AWS = local.administrators }
          Action    = local.administration
          Resource  = "*"
        },
        {
          Sid       = var.use.sid
          Effect    = "Allow"
          Principal = { AWS = var.use.role_arns }
          Action    = var.use.action
          Resource  = "*"
          Condition = { StringEquals = var.use.condition }
        },
      ],
      [
        for statement in var.reading : {
          Sid       = statement.sid
          Effect    = "Allow"
          Principal = { AWS = statement.role_arns }
          Action    = statement.action
          Resource  = "*"
        }
      ],
      [
        {
          # Whatever identity policies or grants say, now or later.
          Sid       = var.use.nobody_else_sid
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = var.use.action
          Resource  = "*"
          Condition = { ArnNotEquals = { "aws:PrincipalArn" = var.use.role_arns } }
        },
        {
          Sid       = "NoGrants"
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = "kms:CreateGrant"
          Resource  = "*"
        },
      ],
      var.further_statements,
    )
  })
}
