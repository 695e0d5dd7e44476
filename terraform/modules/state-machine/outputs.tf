output "arn" {
  value       = aws_sfn_state_machine.machine.arn
  description = "ARN of the state machine"
}

output "definition" {
  value       = local.definition
  description = "Its definition, in Amazon States Language"
}
