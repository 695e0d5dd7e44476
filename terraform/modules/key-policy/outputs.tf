output "json" {
  value       = local.policy
  description = "The policy"
}
