# The TLS certificate of the published files' domain. CloudFront takes it from us-east-1 alone: deployments elsewhere call
# this module with a provider for that region, and give the root module its ARN.

resource "aws_acm_certificate" "certificate" {
  domain_name       = var.domain_name
  validation_method = "DNS"
  tags              = var.tags

  options {
    certificate_transparency_logging_preference = "ENABLED"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  # The domain is the key, which is known before the certificate is asked for.
  for_each = toset([var.domain_name])

  zone_id         = var.zone_id
  name            = one(aws_acm_certificate.certificate.domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.certificate.domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.certificate.domain_validation_options).resource_record_value]
  ttl             = 86400
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "validation" {
  certificate_arn         = aws_acm_certificate.certificate.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}
