# Where people and systems hear of what happened.

locals {
  arn = "arn:${var.partition}:sns:${var.region}:${var.account_id}:${var.name}"

  account_statements = [
    {
      Sid       = "AccountDecidesByIamPolicies"
      Effect    = "Allow"
      Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
      Action = [
        "sns:GetTopicAttributes",
        "sns:ListSubscriptionsByTopic",
        "sns:Publish",
        "sns:SetTopicAttributes",
        "sns:Subscribe",
      ]
      Resource = local.arn
    },
    {
      Sid       = "AlarmsPublish"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = local.arn
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    },
    {
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "sns:Publish"
      Resource  = local.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    },
  ]

  workload_statements = [for statement in [
    {
      Sid       = "WorkloadAccountSubscribes"
      Effect    = "Allow"
      Principal = { AWS = "arn:${var.partition}:iam::${var.workload_account_id}:root" }
      Action    = "sns:Subscribe"
      Resource  = local.arn
    },
  ] : statement if var.policy_template == "cross-account"]
}

resource "aws_sns_topic" "sns_topic" {
  name              = var.name
  display_name      = var.display_name == "" ? null : var.display_name
  kms_master_key_id = var.kms_key_arn
  tags              = merge(var.tags, { Name = var.name })

  policy = var.policy != "" ? var.policy : jsonencode({
    Version   = "2012-10-17"
    Id        = "topic"
    Statement = concat(local.account_statements, local.workload_statements)
  })

  lifecycle {
    precondition {
      condition     = var.policy_template != "cross-account" || can(regex("^[0-9]{12}$", var.workload_account_id))
      error_message = "sns_policy_template \"cross-account\" needs workload_account_id, an account number of 12 digits."
    }
  }
}

resource "aws_sns_topic_subscription" "email_subscriptions" {
  for_each = toset(var.email_subscriptions)

  topic_arn            = aws_sns_topic.sns_topic.arn
  protocol             = "email"
  endpoint             = each.key
  raw_message_delivery = false
}

resource "aws_sns_topic_subscription" "lambda_subscriptions" {
  for_each = var.lambda_subscriptions

  topic_arn            = aws_sns_topic.sns_topic.arn
  protocol             = "lambda"
  endpoint             = each.value
  raw_message_delivery = false
}

resource "aws_sns_topic_subscription" "sqs_subscriptions" {
  for_each = var.sqs_subscriptions

  topic_arn            = aws_sns_topic.sns_topic.arn
  protocol             = "sqs"
  endpoint             = each.value
  raw_message_delivery = true
}
