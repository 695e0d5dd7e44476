output "key_arn" {
  value       = aws_kms_key.encryption.arn
  description = "ARN of the key"
}

output "alias_arn" {
  value       = aws_kms_alias.encryption.arn
  description = "ARN of the alias"
}
