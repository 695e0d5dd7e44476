output "caller_arns" {
  value       = { for name, alias in aws_lambda_alias.caller : name => alias.arn }
  description = "ARNs of the function by the aliases that are for one caller each"
}

output "function_arn" {
  value       = aws_lambda_function.function.arn
  description = "ARN of the function"
}

output "function_name" {
  value       = aws_lambda_function.function.function_name
  description = "Name of the function"
}

output "log_group_name" {
  value       = aws_cloudwatch_log_group.function.name
  description = "Name of its log group"
}

output "role_arn" {
  value       = aws_iam_role.role.arn
  description = "ARN of its role"
}
