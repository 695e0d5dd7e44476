# A private, versioned bucket that answers over TLS only.

locals {
  arn = "arn:${var.partition}:s3:::${aws_s3_bucket.bucket.bucket}"

  read_statements = [for statement in [
    {
      Sid       = "NamedPrincipalsReadObjects"
      Effect    = "Allow"
      Principal = { AWS = var.reader_principals }
      Action    = ["s3:GetObject", "s3:GetObjectAttributes", "s3:GetObjectTagging", "s3:GetObjectVersion"]
      Resource  = "${local.arn}/*"
    },
    {
      Sid       = "NamedPrincipalsListTheBucket"
      Effect    = "Allow"
      Principal = { AWS = var.reader_principals }
      Action    = ["s3:GetBucketLocation", "s3:GetEncryptionConfiguration", "s3:ListBucket"]
      Resource  = local.arn
    },
  ] : statement if length(var.reader_principals) > 0]

  # Named by account, not by distribution: the policy then stands before the distribution asks for anything, and nothing
  # that is published is out of reach while either changes.
  cloudfront_statements = [for statement in [
    {
      Sid       = "CloudFrontReads"
      Effect    = "Allow"
      Principal = { Service = "cloudfront.amazonaws.com" }
      Action    = "s3:GetObject"
      Resource  = "${local.arn}/*"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${var.partition}:cloudfront::${var.account_id}:distribution/*" }
      }
    },
  ] : statement if var.cloudfront]

  identity_statements = [for statement in [
    {
      Sid       = "FormerOriginAccessIdentityReads"
      Effect    = "Allow"
      Principal = { AWS = var.origin_access_identity_arn }
      Action    = "s3:GetObject"
      Resource  = "${local.arn}/*"
    },
  ] : statement if var.origin_access_identity_arn != ""]

  # Whoever else may do anything in the account puts none of these in place, and takes none away.
  writer_statements = [
    for name, rule in var.writers : {
      Sid       = "Only${name}"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject", "s3:ReplicateDelete", "s3:ReplicateObject"]
      Resource  = [for key in rule.keys : "${local.arn}/${key}"]
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = rule.arns } }
    }
  ]

  administrator_statements = [for statement in [
    {
      Sid       = "OnlyAdministratorsChangeTheBucket"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = ["s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration", "s3:PutReplicationConfiguration"]
      Resource  = local.arn
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = var.administrators } }
    },
  ] : statement if length(var.administrators) > 0]

  block_statements = [for statement in [
    {
      # Objects under a caller's own key could be read by nobody else, the authority included.
      Sid       = "NoCustomerProvidedKeys"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "s3:PutObject"
      Resource  = "${local.arn}/*"
      Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
    },
  ] : statement if contains(var.blocked_encryption_types, "SSE-C")]
}

resource "aws_s3_bucket" "bucket" {
  #checkov:skip=CKV_AWS_144:What is published is made anew with every run, and versions are kept; a second region is the owner's choice
  #checkov:skip=CKV_AWS_18:Access logs are an input, as they need a bucket of the owner's (access_logs, log_bucket)
  #checkov:skip=CKV2_AWS_61:Nothing here ages out: certificates and CRLs stay for as long as somebody verifies
  #checkov:skip=CKV2_AWS_62:Nothing listens for changes of objects
  #checkov:skip=CKV_AWS_145:The internal bucket has a KMS key; the published one cannot, as readers in other accounts would need it
  bucket = var.name
  tags   = merge({ Name = var.purpose }, var.tags)

  lifecycle {
    prevent_destroy = true
    # A bucket keeps the name it was made with: that of a deployment taken over ends in a suffix that was drawn by chance.
    ignore_changes = [bucket]
  }
}

resource "aws_s3_bucket_versioning" "bucket" {
  bucket = aws_s3_bucket.bucket.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_logging" "bucket" {
  count = var.log_bucket == "" ? 0 : 1

  bucket        = aws_s3_bucket.bucket.id
  target_bucket = var.log_bucket
  target_prefix = "${aws_s3_bucket.bucket.bucket}/"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "kms" {
  count = var.kms ? 1 : 0

  bucket = aws_s3_bucket.bucket.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
    bucket_key_enabled = var.bucket_key_enabled
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "s3" {
  count = var.kms ? 0 : 1

  bucket = aws_s3_bucket.bucket.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_policy" "bucket" {
  bucket = aws_s3_bucket.bucket.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = "s3:*"
          Resource  = [local.arn, "${local.arn}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ],
      local.block_statements,
      local.writer_statements,
      local.administrator_statements,
      local.cloudfront_statements,
      local.identity_statements,
      local.read_statements,
    )
  })

  depends_on = [aws_s3_bucket_public_access_block.bucket]
}

resource "aws_s3_bucket_public_access_block" "bucket" {
  bucket                  = aws_s3_bucket.bucket.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "bucket" {
  bucket = aws_s3_bucket.bucket.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}
