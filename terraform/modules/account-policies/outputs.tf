output "resource_control_policy" {
  value       = local.resource_control_policy
  description = "Policy on the account's resources, whoever comes to them"

  precondition {
    condition     = length(local.resource_control_policy) <= 5120
    error_message = "The resource control policy has ${length(local.resource_control_policy)} characters, and AWS takes 5,120."
  }
}

output "service_control_policy" {
  value       = local.service_control_policy
  description = "Policy on the account's principals"

  precondition {
    condition     = length(local.service_control_policy) <= 5120
    error_message = "The service control policy has ${length(local.service_control_policy)} characters, and AWS takes 5,120: name fewer principals."
  }
}
