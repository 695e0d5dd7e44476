output "key_arn" {
  value       = aws_kms_key.encryption.arn
  description = "ARN of the key"
}
