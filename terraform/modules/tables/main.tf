# The ledger: one table of certificates, whose rows outlive every deployment, and a journal of what was
# begun, signed and revoked, read by the key of each thing.

resource "aws_dynamodb_table" "ca" {
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "CommonName"
  range_key                   = "SerialNumber"
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  attribute {
    name = "CommonName"
    type = "S"
  }

  attribute {
    name = "SerialNumber"
    type = "S"
  }

  # Fills itself from the rows that are there, so that every certificate is found by its serial number at once. What CRLs
  # and reminders need is in the journal, where it is read consistently: an index lags behind.
  global_secondary_index {
    name            = "serial"
    hash_key        = "SerialNumber"
    projection_type = "KEYS_ONLY"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_dynamodb_table" "journal" {
  name                        = var.journal_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "Key"
  range_key                   = "Sort"
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  attribute {
    name = "Key"
    type = "S"
  }

  attribute {
    name = "Sort"
    type = "S"
  }

  attribute {
    name = "Open"
    type = "S"
  }

  attribute {
    name = "Since"
    type = "N"
  }

  # Holds only what has been begun and not ended.
  global_secondary_index {
    name            = "open"
    hash_key        = "Open"
    range_key       = "Since"
    projection_type = "KEYS_ONLY"
  }

  # Rejections alone have it: they are kept for 90 days. Policies let nobody write it into anything else.
  ttl {
    attribute_name = "ForgetAfter"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  lifecycle {
    prevent_destroy = true
  }
}

# What roles' own policies say is theirs; this is the tables'. Whoever else may do anything in the account writes no row, nor
# revokes by hand: that is for the functions, and for the operators who are named.
locals {
  writes = [
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
  ]

  # What takes items away in many partitions at once. Nothing of ours does.
  deletions_at_large = ["dynamodb:BatchWriteItem", "dynamodb:PartiQLDelete"]

  administration = [
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:DeleteTable",
    "dynamodb:PutResourcePolicy",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
  ]

  table_arns = { certificates = aws_dynamodb_table.ca.arn, journal = aws_dynamodb_table.journal.arn }

  statements = {
    for table, arn in local.table_arns : table => concat(
      [
        {
          Sid       = "NobodyElseWrites"
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = local.writes
          Resource  = arn
          # What DynamoDB does by itself (rejections are forgotten after 90 days) is no principal's doing.
          Condition = {
            ArnNotEquals = { "aws:PrincipalArn" = var.writing_role_arns }
            BoolIfExists = { "aws:PrincipalIsAWSService" = "false" }
          }
        },
      ],
      [for statement in [{
        Sid       = "OnlyAdministratorsChangeTheTable"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = local.administration
        Resource  = arn
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = var.administrators }, BoolIfExists = { "aws:PrincipalIsAWSService" = "false" } }
      }] : statement if length(var.administrators) > 0],
    )
  }
}

resource "aws_dynamodb_resource_policy" "ca" {
  resource_arn = aws_dynamodb_table.ca.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.statements["certificates"], [
      {
        Sid       = "NobodyDeletesRows"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = concat(local.deletions_at_large, ["dynamodb:DeleteItem"])
        Resource  = aws_dynamodb_table.ca.arn
      },
    ])
  })
}

resource "aws_dynamodb_resource_policy" "journal" {
  resource_arn = aws_dynamodb_table.journal.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.statements["journal"], [
      {
        Sid       = "NobodyDeletesAttempts"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "dynamodb:DeleteItem"
        Resource  = aws_dynamodb_table.journal.arn
        Condition = { "ForAnyValue:StringLike" = { "dynamodb:LeadingKeys" = ["attempts#*"] } }
      },
      {
        Sid       = "NobodyDeletesAtLarge"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = local.deletions_at_large
        Resource  = aws_dynamodb_table.journal.arn
      },
    ])
  })
}
