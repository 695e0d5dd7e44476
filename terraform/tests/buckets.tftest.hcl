# Who reads and writes a bucket.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  account_id = "123456789012"
  kms        = false
  name       = "p-ca-external-dev-abcde"
  partition  = "aws"
  purpose    = "p-ca-external-dev"
}

run "closed_by_default" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_s3_bucket_policy.bucket.policy).Statement : statement.Effect == "Deny"])
    error_message = "Nobody outside the account is let in by default."
  }

  assert {
    condition = [for statement in jsondecode(aws_s3_bucket_policy.bucket.policy).Statement : statement if statement.Sid == "TlsOnly"][0] == jsondecode(jsonencode({
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::p-ca-external-dev-abcde", "arn:aws:s3:::p-ca-external-dev-abcde/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }))
    error_message = "It answers over TLS only."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.bucket.block_public_acls,
      aws_s3_bucket_public_access_block.bucket.block_public_policy,
      aws_s3_bucket_public_access_block.bucket.ignore_public_acls,
      aws_s3_bucket_public_access_block.bucket.restrict_public_buckets,
      aws_s3_bucket_versioning.bucket.versioning_configuration[0].status == "Enabled",
      aws_s3_bucket_ownership_controls.bucket.rule[0].object_ownership == "BucketOwnerEnforced",
      length(aws_s3_bucket_logging.bucket) == 0,
    ])
    error_message = "Public access is blocked, versions are kept, and there are no access lists."
  }
}

run "readers_and_cloudfront" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    cloudfront        = true
    log_bucket        = "logs"
    reader_principals = ["arn:aws:iam::999999999999:root"]
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_s3_bucket_policy.bucket.policy).Statement : [
        for action in flatten([statement.Action]) : startswith(action, "s3:Get") || startswith(action, "s3:List")
      ] if statement.Effect == "Allow"
    ]))
    error_message = "Who is let in reads."
  }

  assert {
    condition = [for statement in jsondecode(aws_s3_bucket_policy.bucket.policy).Statement : statement if statement.Sid == "CloudFrontReads"][0] == jsondecode(jsonencode({
      Sid       = "CloudFrontReads"
      Effect    = "Allow"
      Principal = { Service = "cloudfront.amazonaws.com" }
      Action    = "s3:GetObject"
      Resource  = "arn:aws:s3:::p-ca-external-dev-abcde/*"
      Condition = {
        ArnLike      = { "aws:SourceArn" = "arn:aws:cloudfront::123456789012:distribution/*" }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
    }))
    error_message = "CloudFront reads for this account's distributions alone."
  }

  assert {
    condition     = aws_s3_bucket_logging.bucket[0].target_bucket == "logs" && aws_s3_bucket_logging.bucket[0].target_prefix == "p-ca-external-dev-abcde/"
    error_message = "Access logs go below the bucket's name."
  }
}

run "encryption" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    kms                      = true
    kms_key_arn              = "arn:aws:kms:eu-west-2:123456789012:alias/p-tls-keygen-dev"
    blocked_encryption_types = []
  }

  assert {
    condition = (
      one(aws_s3_bucket_server_side_encryption_configuration.kms[0].rule).apply_server_side_encryption_by_default[0].kms_master_key_id == "arn:aws:kms:eu-west-2:123456789012:alias/p-tls-keygen-dev"
      && length(aws_s3_bucket_server_side_encryption_configuration.s3) == 0
      && !strcontains(aws_s3_bucket_policy.bucket.policy, "NoCustomerProvidedKeys")
    )
    error_message = "Objects are under the given key."
  }
}
