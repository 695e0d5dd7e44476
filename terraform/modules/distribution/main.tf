# CRLs and CA certificates for the public, from a bucket that stays private.

locals {
  domain_slug = replace(var.domain_name, ".", "-")
}

resource "aws_cloudfront_origin_access_control" "website" {
  name                              = "${var.project}-ca-${var.env}"
  description                       = "Reads ${var.bucket_name}"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

# Only for a distribution that is taken over, until it reads through the access control everywhere.
resource "aws_cloudfront_origin_access_identity" "website" {
  count = var.keep_origin_access_identity ? 1 : 0

  comment = "Allows access to ${var.bucket_name} S3 bucket"
}

resource "aws_cloudfront_distribution" "website" {
  #checkov:skip=CKV_AWS_34:CRLs are fetched over plain HTTP (RFC 5280, section 8), as checking a TLS certificate for them would need them
  #checkov:skip=CKV_AWS_68:A firewall is an input (cloudfront_web_acl_id)
  #checkov:skip=CKV2_AWS_47:A firewall is an input (cloudfront_web_acl_id), and no Java runs behind this distribution
  #checkov:skip=CKV_AWS_86:Access logs of public files would record who verifies which certificate
  #checkov:skip=CKV_AWS_174:The input is validated to be TLS 1.2 at least, and is by default
  #checkov:skip=CKV_AWS_305:There is no page at the root, only files by name
  #checkov:skip=CKV_AWS_310:One bucket holds the files; a CRL lives much longer than S3 has ever been away
  enabled         = true
  is_ipv6_enabled = true
  comment         = "CRLs and CA certificates of ${var.domain_name}"
  web_acl_id      = var.web_acl_id
  aliases         = [var.domain_name]
  price_class     = "PriceClass_200"
  tags            = var.tags

  origin {
    origin_id                = "${local.domain_slug}-${var.env}"
    domain_name              = var.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.website.id
  }

  default_cache_behavior {
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    target_origin_id           = "${local.domain_slug}-${var.env}"
    cache_policy_id            = aws_cloudfront_cache_policy.policy.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.policy.id
    viewer_protocol_policy     = "allow-all"
    compress                   = true
  }

  restrictions {
    geo_restriction {
      restriction_type = length(var.geo_restricted_locations) == 0 ? "none" : "blacklist"
      locations        = var.geo_restricted_locations
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    minimum_protocol_version = var.minimum_protocol_version
    ssl_support_method       = "sni-only"
  }
}

# A CRL that was just replaced is seen within minutes; a flood of requests reaches the bucket once a minute.
resource "aws_cloudfront_cache_policy" "policy" {
  name        = "${local.domain_slug}-cache-policy"
  comment     = "Published files of ${var.domain_name}"
  min_ttl     = 1
  default_ttl = 60
  max_ttl     = 300

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "policy" {
  #checkov:skip=CKV_AWS_259:The domain serves CRLs over plain HTTP; strict transport security would forbid it to browsers
  name = "${lower(replace(var.project, " ", "-"))}-response-headers-policy-${var.env}"

  security_headers_config {
    content_type_options {
      override = true
    }
    frame_options {
      frame_option = "DENY"
      override     = true
    }
    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }
  }
}

resource "aws_route53_record" "ipv4" {
  count = var.zone_id == "" ? 0 : 1

  zone_id = var.zone_id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = aws_cloudfront_distribution.website.domain_name
    zone_id                = aws_cloudfront_distribution.website.hosted_zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "ipv6" {
  count = var.zone_id == "" ? 0 : 1

  zone_id = var.zone_id
  name    = var.domain_name
  type    = "AAAA"

  alias {
    name                   = aws_cloudfront_distribution.website.domain_name
    zone_id                = aws_cloudfront_distribution.website.hosted_zone_id
    evaluate_target_health = false
  }
}
