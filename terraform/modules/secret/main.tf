# The token that notify speaks to Slack with.

resource "aws_secretsmanager_secret" "secret" {
  #checkov:skip=CKV2_AWS_57:Slack has no interface to renew the token of an installed app
  name                    = lower(var.name)
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_in_days
  tags                    = var.tags
}

# Whoever gives no token here puts it into the secret by hand, and it stays out of Terraform's state.
resource "aws_secretsmanager_secret_version" "value_not_managed_by_terraform" {
  count = var.managed ? 0 : 1

  secret_id     = aws_secretsmanager_secret.secret.id
  secret_string = "put the token of the Slack app here"

  lifecycle {
    ignore_changes = [secret_string]
  }
}

resource "aws_secretsmanager_secret_version" "value_managed_by_terraform" {
  count = var.managed ? 1 : 0

  secret_id     = aws_secretsmanager_secret.secret.id
  secret_string = var.value
}
