# Who hears of certificates, refusals, revocations, reminders and alarms.

locals {
  slack            = length(var.slack_channels) > 0
  own_slack_secret = local.slack && var.external_slack_secret_name == ""
  slack_secret_arn = local.own_slack_secret ? module.slack_secret[0].arn : one(data.aws_secretsmanager_secret.external_slack[*].arn)

  # A shared secret may be under the key of the deployment that owns it, or under the account's default key, which needs
  # no permission.
  slack_secret_key_arns = concat(
    local.own_slack_secret ? [local.resource_key_arn] : [],
    [for arn in data.aws_secretsmanager_secret.external_slack[*].kms_key_id : arn if try(length(arn), 0) > 0],
  )
}

module "sns_ca_notifications" {
  source = "./modules/topic"

  name                = local.topic_name
  display_name        = var.custom_sns_topic_display_name
  kms_key_arn         = local.resource_key_arn
  policy              = var.sns_policy
  policy_template     = var.sns_policy_template
  workload_account_id = var.workload_account_id
  account_id          = local.account_id
  partition           = local.partition
  region              = local.region
  tags                = var.tags

  email_subscriptions = var.sns_email_subscriptions
  sqs_subscriptions   = var.sns_sqs_subscriptions
  lambda_subscriptions = merge(
    var.sns_lambda_subscriptions,
    { for name in local.slack ? ["notify"] : [] : name => module.function["notify"].function_arn },
  )
}

module "slack_secret" {
  source = "./modules/secret"
  count  = local.own_slack_secret ? 1 : 0

  name                    = "${var.project}-slack-token-${var.env}"
  description             = "OAuth token for Slack app"
  kms_key_arn             = local.resource_key_arn
  managed                 = nonsensitive(var.slack_token != "")
  value                   = var.slack_token
  recovery_window_in_days = var.secret_recovery_window_in_days
  tags                    = var.tags
}

# The secret of another deployment in the account.
data "aws_secretsmanager_secret" "external_slack" {
  count = local.slack && var.external_slack_secret_name != "" ? 1 : 0

  name = var.external_slack_secret_name
}

# Events that no function could handle, and runs that could not be started: kept to be looked at, with an alarm.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.project}-ca-dead-letters-${var.env}"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.dead_letters.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
