# The ledger: one table of certificates, whose rows outlive every deployment, and one of what is under way.

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

  attribute {
    name = "RevocationShard"
    type = "S"
  }

  attribute {
    name = "ExpiryDay"
    type = "S"
  }

  # The indexes are sparse where they can be: a row is in `revocation` and `expiry` only while it matters there, so that
  # a CRL costs what is revoked, not what was issued.
  global_secondary_index {
    name            = "serial"
    hash_key        = "SerialNumber"
    projection_type = "KEYS_ONLY"
  }

  global_secondary_index {
    name               = "revocation"
    hash_key           = "RevocationShard"
    range_key          = "SerialNumber"
    projection_type    = "INCLUDE"
    non_key_attributes = ["Expires", "InvalidityDate", "RevocationReason", "Revoked"]
  }

  global_secondary_index {
    name            = "expiry"
    hash_key        = "ExpiryDay"
    range_key       = "SerialNumber"
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
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  attribute {
    name = "Key"
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

  # Holds only what has been begun and not ended; everything about it, as the sweep completes it from here.
  global_secondary_index {
    name            = "open"
    hash_key        = "Open"
    range_key       = "Since"
    projection_type = "ALL"
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
