output "certificates_arn" {
  value       = aws_dynamodb_table.ca.arn
  description = "ARN of the certificate table"
}

output "certificates_name" {
  value       = aws_dynamodb_table.ca.name
  description = "Name of the certificate table"
}

output "certificates_policy" {
  value       = aws_dynamodb_resource_policy.ca.policy
  description = "Policy of the certificate table, as JSON"
}

output "journal_arn" {
  value       = aws_dynamodb_table.journal.arn
  description = "ARN of the journal table"
}

output "journal_name" {
  value       = aws_dynamodb_table.journal.name
  description = "Name of the journal table"
}

output "journal_policy" {
  value       = aws_dynamodb_resource_policy.journal.policy
  description = "Policy of the journal table, as JSON"
}
