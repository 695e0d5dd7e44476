# The functions: one program, which the handler's name tells what to be.

locals {
  reminders = length(var.expiry_reminders) > 0
  tls_json  = contains(var.cert_info_files, "tls")

  descriptions = {
    create-root-ca    = "Create Root Certificate Authority with KMS private key"
    create-issuing-ca = "Create Issuing Certificate Authority with KMS private key"
    root-ca-crl       = "Publish Root CA certificate revocation list signed by KMS private key"
    issuing-ca-crl    = "Publish Issuing CA certificate revocation list signed by KMS private key"
    tls-cert          = "Issue TLS certificates signed by KMS private key"
    expiry            = "Remind of certificates that are about to expire"
    notify            = "Tell Slack what is published to the topic"
    sweep             = "Complete what was begun and not ended, or mark it lost"
  }

  # Names alone, which depend on nothing: keys name the roles in their policies, and roles name the keys in theirs.
  function_names = toset([
    for name in keys(local.descriptions) : name
    if name == "notify" ? local.slack : name == "expiry" ? local.reminders : true
  ])

  ca_info = merge(
    {
      ROOT_CA_INFO    = jsonencode(var.root_ca_info)
      ISSUING_CA_INFO = jsonencode(var.issuing_ca_info)
    },
    length(var.issuing_cas) == 0 ? {} : { ISSUING_CAS = local.issuing_cas_json },
    var.root_ca_public_key_sha256 == "" ? {} : { ROOT_CA_PUBLIC_KEY_SHA256 = var.root_ca_public_key_sha256 },
  )

  # Without what is not set: a function's environment has room for 4 KB.
  issuing_cas_json = jsonencode({
    for ca, settings in var.issuing_cas : ca => merge(
      { info = { for field, value in settings.info : field => value if value != null } },
      { for field, value in { crl_days = settings.crl_days, crl_seconds = settings.crl_seconds } : field => value if value != null },
    )
  })

  environment = merge(local.ca_info, {
    PROJECT                    = var.project
    ENVIRONMENT_NAME           = var.env
    PROD_ENVIRONMENTS          = jsonencode(var.prod_envs)
    EXTERNAL_S3_BUCKET         = local.external_bucket_name
    INTERNAL_S3_BUCKET         = module.internal_s3.name
    DOMAIN                     = var.hosted_zone_domain
    PUBLIC_CRL                 = var.public_crl ? "enabled" : "disabled"
    ROOT_CRL_DAYS              = tostring(var.root_crl_days)
    ROOT_CRL_SECONDS           = tostring(var.root_crl_seconds)
    ISSUING_CRL_DAYS           = tostring(var.issuing_crl_days)
    ISSUING_CRL_SECONDS        = tostring(var.issuing_crl_seconds)
    MAX_CERT_LIFETIME          = tostring(var.max_cert_lifetime)
    SNS_TOPIC_ARN              = module.sns_ca_notifications.arn
    CUSTOM_EXTENSION_ALLOWLIST = jsonencode(var.custom_extension_allowlist)
    COMPATIBILITY              = jsonencode(var.compatibility)
    REPLACE_COMMON_NAME        = tostring(var.replace_common_name)
    EXPIRY_REMINDERS           = jsonencode(var.expiry_reminders)
  })

  notify_environment = {
    PROJECT             = var.project
    SLACK_SECRET_ARN    = local.slack ? local.slack_secret_arn : ""
    SLACK_CHANNELS      = join(",", var.slack_channels)
    SLACK_USERNAME      = var.slack_username
    SLACK_GOOD_EMOJI    = var.slack_good_emoji
    SLACK_WARNING_EMOJI = var.slack_warning_emoji
    SLACK_BAD_EMOJI     = var.slack_bad_emoji
  }

  # Principal to the ARN on whose behalf. Functions that are not here are invoked from inside the account alone.
  invokers = {
    tls-cert = { for principal in var.aws_principals : principal => null }
    notify   = { for service in local.slack ? ["sns.amazonaws.com"] : [] : service => local.topic_arn }
  }

  # A token of a caller's is looked up among that caller's own: whoever may invoke tls-cert cannot use one before the state
  # machine does. The program knows the name (crates/lambda/src/state.rs).
  callers = {
    tls-cert = { state-machine = "the state machine ${local.machine_name}" }
  }

  topic_arn = "arn:${local.partition}:sns:${local.region}:${local.account_id}:${local.topic_name}"

  log_destination_arn = var.subscription_filter_destination == "" || var.logging_account_id == "" ? "" : "arn:${local.partition}:logs:${local.region}:${var.logging_account_id}:destination:${var.subscription_filter_destination}"
}

module "function" {
  source   = "./modules/function"
  for_each = local.function_names

  name        = "${var.project}-${each.key}-${var.env}"
  description = local.descriptions[each.key]
  handler     = "${replace(each.key, "-", "_")}.lambda_handler"
  environment = each.key == "notify" ? local.notify_environment : local.environment
  policy      = local.policies[each.key]
  invokers    = lookup(local.invokers, each.key, {})
  callers     = lookup(local.callers, each.key, {})

  # A permission for the function's name covers neither caller nor purpose; the topic's subscription is to the name.
  unqualified_invocation = var.unqualified_invocation || each.key != "tls-cert"

  subnet_ids         = contains(local.signing_functions, each.key) ? var.signing_subnet_ids : []
  security_group_ids = contains(local.signing_functions, each.key) ? var.signing_security_group_ids : []

  zip                     = var.lambda_zip == "" ? "${path.module}/../dist/chancery-lambda.zip" : var.lambda_zip
  architecture            = var.lambda_architecture
  memory_size             = var.memory_size
  timeout                 = var.timeout
  xray_enabled            = var.xray_enabled
  code_signing_config_arn = var.code_signing_config_arn
  dead_letter_queue_arn   = aws_sqs_queue.dead_letters.arn
  log_retention_days      = var.log_retention_days
  log_kms_key_arn         = var.log_kms_key_arn
  log_destination_arn     = local.log_destination_arn
  log_filter_pattern      = var.filter_pattern
  tags                    = merge(var.tags, var.additional_lambda_tags)
}
