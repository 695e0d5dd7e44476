output "key_arn" {
  value       = aws_kms_key.encryption.arn
  description = "ARN of the key"
}

output "signing_algorithm" {
  value       = local.signing.algorithm
  description = "The one algorithm that the key signs with"
}

output "message_type" {
  value       = local.signing.message_type
  description = "What KMS is given to sign"
}
