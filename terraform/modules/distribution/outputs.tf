output "domain_name" {
  value       = aws_cloudfront_distribution.website.domain_name
  description = "Domain of the distribution"
}

output "origin_access_identity_arn" {
  value       = one(aws_cloudfront_origin_access_identity.website[*].iam_arn)
  description = "ARN of the origin access identity that is kept, or null"
}
