output "arn" {
  value       = aws_acm_certificate_validation.validation.certificate_arn
  description = "ARN of the certificate, once it is issued"
}
