output "caller_arns" {
  value       = { for name, alias in aws_lambda_alias.caller : name => alias.arn }
  description = "ARNs of the function by the aliases that are for one caller each"
}

output "alias_arn" {
  value       = aws_lambda_alias.function.arn
  description = "ARN of the function by the alias that has its name"
}

output "function_arn" {
  value       = aws_lambda_function.function.arn
  description = "ARN of the function"
}

output "function_name" {
  value       = aws_lambda_function.function.function_name
  description = "Name of the function"
}

output "invoked_as" {
  value = {
    for principal in keys(var.invokers) : principal => concat(
      [for permission in values(aws_lambda_permission.invoke) : "" if permission.principal == principal],
      [for permission in values(aws_lambda_permission.invoke_alias) : permission.qualifier if permission.principal == principal],
    )
  }
  description = "Who is permitted to invoke the function, and by which of its aliases; an empty one is its name"
}

output "log_group_name" {
  value       = aws_cloudwatch_log_group.function.name
  description = "Name of its log group"
}

output "role_arn" {
  value       = aws_iam_role.role.arn
  description = "ARN of its role"
}

output "user_id" {
  value       = "${aws_iam_role.role.unique_id}:${var.name}"
  description = "What its sessions are to IAM: the unique id of its role, and its name"
}
