output "name" {
  value       = aws_s3_bucket.bucket.bucket
  description = "Name of the bucket"
}

output "arn" {
  value       = local.arn
  description = "ARN of the bucket"
}

output "domain_name" {
  value       = aws_s3_bucket.bucket.bucket_domain_name
  description = "Domain of the bucket"
}

output "regional_domain_name" {
  value       = aws_s3_bucket.bucket.bucket_regional_domain_name
  description = "Domain of the bucket in its region, for a distribution: known once the policy admits CloudFront"
  depends_on  = [aws_s3_bucket_policy.bucket]
}

output "policy" {
  value       = aws_s3_bucket_policy.bucket.policy
  description = "The bucket's policy, as JSON"
}
