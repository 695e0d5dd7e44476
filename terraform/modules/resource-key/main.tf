# The symmetric key that encrypts tables, internal bucket, topic and secret. Callers also make key pairs under it with
# GenerateDataKeyPair, which their own IAM policies must allow.

resource "aws_kms_key" "encryption" {
  description             = var.description
  deletion_window_in_days = 30
  enable_key_rotation     = true
  tags                    = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Id      = "resource-key"
    Statement = [
      {
        Sid       = "AccountDecidesByIamPolicies"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        # Alarms publish to the encrypted topic.
        Sid       = "AlarmsReachTheTopic"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
    ]
  })

  lifecycle {
    # What it encrypts cannot be read without it.
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "encryption" {
  name          = "alias/${var.alias}"
  target_key_id = aws_kms_key.encryption.key_id
}
