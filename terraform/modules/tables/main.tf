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
