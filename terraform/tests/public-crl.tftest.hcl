# CRLs for everybody: through CloudFront, while the bucket stays private. The check that speaks of it fails, as it should.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  lambda_zip         = "./versions.tf"
  public_crl         = true
  hosted_zone_domain = "ca.example.com"
  hosted_zone_id     = "Z0123456789ABCDEFGHIJ"
}

run "with_a_certificate_from_elsewhere" {
  command = plan

  variables {
    cloudfront_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/elsewhere"
  }

  assert {
    condition     = length(module.ca_cloudfront) == 1 && length(module.cloudfront_certificate) == 0 && local.environment.PUBLIC_CRL == "enabled" && local.environment.DOMAIN == "ca.example.com"
    error_message = "A distribution is made, and functions know of it."
  }

  expect_failures = [check.public_crl]
}

run "in_us_east_1" {
  command = plan

  override_data {
    target          = data.aws_region.current
    override_during = plan
    values          = { id = "us-east-1", name = "us-east-1" }
  }

  assert {
    condition     = length(module.cloudfront_certificate) == 1 && length(module.ca_cloudfront) == 1
    error_message = "There the certificate is made too."
  }

  expect_failures = [check.public_crl]
}

run "in_a_shared_bucket" {
  command = plan

  variables {
    external_s3_bucket_name = "shared-bucket"
  }

  assert {
    condition     = length(module.ca_cloudfront) == 0 && local.environment.PUBLIC_CRL == "enabled"
    error_message = "The deployment that owns the bucket serves it."
  }

  expect_failures = [check.public_crl]
}

run "distribution" {
  command = plan

  module {
    source = "./modules/distribution"
  }

  variables {
    bucket_name                 = "external"
    bucket_regional_domain_name = "external.s3.eu-west-2.amazonaws.com"
    certificate_arn             = "arn:aws:acm:us-east-1:123456789012:certificate/elsewhere"
    domain_name                 = "ca.example.com"
    env                         = "dev"
    geo_restricted_locations    = []
    minimum_protocol_version    = "TLSv1.2_2021"
    project                     = "p"
    zone_id                     = "Z0123456789ABCDEFGHIJ"
  }

  assert {
    condition     = length(one(aws_cloudfront_distribution.website.origin).s3_origin_config) == 0 && aws_cloudfront_origin_access_control.website.signing_behavior == "always"
    error_message = "It reads the bucket through an access control."
  }

  assert {
    condition     = aws_cloudfront_distribution.website.default_cache_behavior[0].viewer_protocol_policy == "allow-all" && aws_cloudfront_distribution.website.restrictions[0].geo_restriction[0].restriction_type == "none"
    error_message = "CRLs are served over plain HTTP, and everywhere where nobody is named."
  }

  assert {
    condition     = aws_route53_record.ipv4[0].name == "ca.example.com" && aws_route53_record.ipv6[0].type == "AAAA" && length(aws_cloudfront_origin_access_identity.website) == 0
    error_message = "The domain leads to it."
  }
}
