output "key_arn" {
  value       = aws_kms_key.encryption.arn
  description = "ARN of the key"
}

output "signing_algorithm" {
  value       = module.algorithm.name
  description = "The one algorithm that the key signs with"
}

output "message_type" {
  value       = module.algorithm.message_type
  description = "What KMS is given to sign"
}
