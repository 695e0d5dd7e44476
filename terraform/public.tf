# CRLs and CA certificates for verifiers outside, only where asked for.

locals {
  serves_public = var.public_crl && local.own_bucket

  # CloudFront takes certificates from us-east-1 alone, and a module cannot choose its provider's region by itself in all
  # supported versions of the provider. The region decides first, so that elsewhere the ARN of a certificate that is yet to
  # be made does not leave this open in the plan.
  makes_certificate = local.serves_public && local.region == "us-east-1" ? var.cloudfront_certificate_arn == "" : false
}

module "cloudfront_certificate" {
  source = "./modules/certificate"
  count  = local.makes_certificate ? 1 : 0

  domain_name = var.hosted_zone_domain
  zone_id     = var.hosted_zone_id
  tags        = var.tags
}

module "ca_cloudfront" {
  source = "./modules/distribution"
  count  = local.serves_public ? 1 : 0

  project                     = var.project
  env                         = var.env
  domain_name                 = var.hosted_zone_domain
  zone_id                     = var.hosted_zone_id
  bucket_name                 = local.bucket_name["external"]
  bucket_regional_domain_name = module.external_s3[0].regional_domain_name
  certificate_arn             = local.makes_certificate ? module.cloudfront_certificate[0].arn : var.cloudfront_certificate_arn
  web_acl_id                  = var.cloudfront_web_acl_id
  geo_restricted_locations    = var.cloudfront_geo_restricted_locations
  minimum_protocol_version    = var.cloudfront_minimum_protocol_version
  keep_origin_access_identity = var.cloudfront_keep_origin_access_identity
  tags                        = var.tags
}
