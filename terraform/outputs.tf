output "ca_bundle_s3_key" {
  value       = local.bundle_key
  description = "Key of the CA bundle in the external bucket, e.g. for a trust store of a load balancer"
}

output "ca_bundle_s3_location" {
  value       = "${local.external_bucket_domain}/${local.bundle_key}"
  description = "Where the CA bundle is: root, then issuing CAs"
}

output "cloudfront_domain_name" {
  value       = one(module.ca_cloudfront[*].domain_name)
  description = "Domain of the public CRL's distribution; null without one"
}

output "external_s3_bucket_name" {
  value       = local.external_bucket_name
  description = "Bucket of certificates and CRLs"
}

output "internal_s3_bucket_name" {
  value       = module.internal_s3.name
  description = "Bucket of lists and requests"
}

output "issuing_ca_cert_s3_location" {
  value       = "${local.external_bucket_domain}/${local.issuing_ca_name}.crt"
  description = "Where the issuing CA's certificate is"
}

output "issuing_ca_crl_s3_location" {
  value       = "${local.external_bucket_domain}/${local.issuing_ca_name}.crl"
  description = "Where the issuing CA's CRL is"
}

output "issuing_cas" {
  value = {
    for ca, ca_name in local.further_ca_names : ca => {
      name             = ca_name
      key_arn          = module.kms_issuing_cas[ca].key_arn
      cert_s3_location = "${local.external_bucket_domain}/${ca_name}.crt"
      crl_s3_location  = "${local.external_bucket_domain}/${ca_name}.crl"
    }
  }
  description = "The further issuing CAs, by the names in `issuing_cas`: whole name, key, and where certificate and CRL are"
}

output "ca_operator_policy" {
  value       = local.ca_operator_policy
  description = "Policy, as JSON, for who lists, adds, activates and retires issuing CAs with `chancery --aws … ca`"
}

output "root_ca_cert_s3_location" {
  value       = "${local.external_bucket_domain}/${local.root_ca_name}.crt"
  description = "Where the root CA's certificate is"
}

output "root_ca_crl_s3_location" {
  value       = "${local.external_bucket_domain}/${local.root_ca_name}.crl"
  description = "Where the root CA's CRL is"
}

output "sns_topic_arn" {
  value       = module.sns_ca_notifications.arn
  description = "Topic of notices and alarms"
}

output "certificate_table_name" {
  value       = module.dynamodb.certificates_name
  description = "Table of certificates"
}

output "journal_table_name" {
  value       = module.dynamodb.journal_name
  description = "Table of what is under way, and of signatures"
}

output "root_ca_key_arn" {
  value       = module.kms_rsa_root_ca.key_arn
  description = "Key of the root CA"
}

output "issuing_ca_key_arn" {
  value       = module.kms_rsa_issuing_ca.key_arn
  description = "Key of the issuing CA"
}

output "function_arns" {
  value       = { for name, function in module.function : name => function.function_arn }
  description = "Functions by their short names, e.g. `tls-cert`"
}

output "state_machine_arn" {
  value       = module.state_machine.arn
  description = "State machine that a first run by hand initialises the CAs with"
}

output "dead_letter_queue_url" {
  value       = aws_sqs_queue.dead_letters.url
  description = "Queue of events that nothing could handle"
}

output "root_operator_policy" {
  value       = local.root_operator_policy
  description = "Policy, as JSON, for who wakes the root's key and puts it to sleep again; it demands a second factor unless `root_operator_mfa` is false"
}

output "resource_control_policy" {
  value       = one(module.account_policies[*].resource_control_policy)
  description = "Resource control policy, as JSON, for the CA's account, to be attached by the organisation; null without `key_administrators`"
}

output "service_control_policy" {
  value       = one(module.account_policies[*].service_control_policy)
  description = "Service control policy, as JSON, for the CA's account, to be attached by the organisation; null without `key_administrators`"
}
