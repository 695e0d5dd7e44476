# What somebody must look at, told to the topic.

locals {
  alarmed_functions = var.alarms_enabled ? local.function_names : toset([])

  # How long a CRL lives, and how often it is published where the schedule says so plainly; null where it does not.
  crl_life_hours = merge(
    {
      root    = var.root_crl_days * 24 + var.root_crl_seconds / 3600
      issuing = var.issuing_crl_days * 24 + var.issuing_crl_seconds / 3600
    },
    {
      for ca, settings in var.issuing_cas :
      ca => coalesce(settings.crl_days, var.issuing_crl_days) * 24 + coalesce(settings.crl_seconds, var.issuing_crl_seconds) / 3600
    },
  )

  rate_parts = try(regex("^rate\\(([0-9]+) (minute|hour|day)s?\\)$", trimspace(var.schedule_expression)), null)
  rate_hours = local.rate_parts == null ? null : tonumber(local.rate_parts[0]) * { minute = 1, hour = 60, day = 1440 }[local.rate_parts[1]] / 60

  # cron(minutes hours * * ? *), every day: the longest wait between two of its hours.
  cron_field  = try(regex("^cron\\([0-9]+ ([0-9,]+|\\*) [*?] \\* [*?] \\*\\)$", trimspace(var.schedule_expression))[0], null)
  cron_times  = local.cron_field == null ? [] : [for hour in local.cron_field == "*" ? range(24) : split(",", local.cron_field) : tonumber(hour)]
  cron_sorted = [for text in sort([for hour in distinct(local.cron_times) : format("%02d", hour)]) : tonumber(text)]
  cron_waits = [
    for index, hour in local.cron_sorted :
    index + 1 < length(local.cron_sorted) ? local.cron_sorted[index + 1] - hour : local.cron_sorted[0] + 24 - hour
  ]
  cron_hours = length(local.cron_waits) == 0 ? null : max(local.cron_waits...)

  interval_hours = try(coalesce(local.rate_hours, local.cron_hours), null)

  # Ages are measured with every run. A CRL is stale where it is older than one and a half waits between two runs, so that two
  # publications in a row have failed, or, where runs are many, one wait before half of its life is over; but never so old
  # that the run after has less than an hour left. Where the schedule does not say plainly, half of its life counts.
  stale_hours = {
    # Of a root that sleeps, no run publishes the CRL: somebody is to wake it when two thirds of the CRL's life are over.
    for ca, life in local.crl_life_hours : ca => ca == "root" && var.sleeping_root ? floor(life * 2 / 3) : max(1, floor(min(168, local.interval_hours == null ? min(ceil(life / 2), life - 1) : min(
      life - 1 - coalesce(local.interval_hours, 0),
      max(coalesce(local.interval_hours, 0) * 3 / 2, life / 2 - coalesce(local.interval_hours, 0)),
    ))))
  }

  # Hours in which no run measured anything. CloudWatch looks back over a week at most: where runs are rarer, it cannot tell.
  silent_hours = {
    for ca, stale in local.stale_hours : ca => local.interval_hours == null ? min(168, stale) : ceil(coalesce(local.interval_hours, 0)) + 2
  }

  # The contract's names of alarms say "root-ca" and "issuing-ca"; the keys of `issuing_cas` are whole names already. Of a CA
  # that is retired no CRL is published any more.
  alarmed_cas = { for ca, ca_name in local.ca_names : ca => ca_name if var.alarms_enabled && !contains(var.ended_cas, local.ca_labels[ca]) }
  ca_labels   = { for ca in keys(local.ca_names) : ca => contains(["root", "issuing"], ca) ? "${ca}-ca" : ca }
}

resource "aws_cloudwatch_metric_alarm" "function_errors" {
  for_each = local.alarmed_functions

  alarm_name          = "${var.project}-${each.key}-errors-${var.env}"
  alarm_description   = "The function ${var.project}-${each.key}-${var.env} failed. Its log tells of what; the state machine tries again by itself."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = module.function[each.key].function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.sns_ca_notifications.arn]
  tags                = var.tags
}

# Concurrency is the account's, so one alarm over all functions says as much as one for each.
resource "aws_cloudwatch_metric_alarm" "function_throttles" {
  count = var.alarms_enabled ? 1 : 0

  alarm_name          = "${var.project}-functions-throttles-${var.env}"
  alarm_description   = "Invocations were turned away for want of concurrency in this account; those of the authority's functions are tried again by themselves."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.sns_ca_notifications.arn]
  tags                = var.tags
}

# Throttling is retried, so some of it is no news; a quarter of an hour of it is.
resource "aws_cloudwatch_metric_alarm" "service_throttles" {
  count = var.alarms_enabled ? 1 : 0

  alarm_name          = "${var.project}-ca-throttles-${var.env}"
  alarm_description   = "KMS, DynamoDB or S3 have throttled the authority for 15 minutes. See the service quotas of this account, KMS's for asymmetric keys first."
  namespace           = "Chancery"
  metric_name         = "Throttles"
  dimensions          = { Project = var.project, Environment = var.env }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.sns_ca_notifications.arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "runs" {
  for_each = toset([for metric in ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled"] : metric if var.alarms_enabled])

  alarm_name          = "${var.project}-ca-${each.key}-${var.env}"
  alarm_description   = "A run of the state machine ${local.machine_name} did not end well (${each.key}). What could be done was done; the execution's data names what failed."
  namespace           = "AWS/States"
  metric_name         = each.key
  dimensions          = { StateMachineArn = module.state_machine.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.sns_ca_notifications.arn]
  tags                = var.tags
}

# One figure is enough: it was measured, and in a run that publishes the youngest is that of what was published. Between two
# runs nothing is measured, and what was found stays.
resource "aws_cloudwatch_metric_alarm" "crl_stale" {
  for_each = local.alarmed_cas

  alarm_name          = "${var.project}-${local.ca_labels[each.key]}-crl-stale-${var.env}"
  alarm_description   = "The CRL of ${each.value} is older than ${local.stale_hours[each.key]} hours. When it expires, verifiers that check refuse every certificate of this CA."
  namespace           = "Chancery"
  metric_name         = "CrlAge"
  dimensions          = { Project = var.project, Environment = var.env, Authority = each.value }
  statistic           = "Minimum"
  period              = 3600
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  threshold           = local.stale_hours[each.key] * 3600
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "ignore"
  alarm_actions       = [module.sns_ca_notifications.arn]
  ok_actions          = [module.sns_ca_notifications.arn]
  tags                = var.tags
}

# A CRL that nobody measures has no age to tell. In a new deployment it is raised until the first run.
resource "aws_cloudwatch_metric_alarm" "crl_unmeasured" {
  for_each = { for ca, ca_name in local.alarmed_cas : ca => ca_name if local.silent_hours[ca] <= 168 }

  alarm_name          = "${var.project}-${local.ca_labels[each.key]}-crl-unmeasured-${var.env}"
  alarm_description   = "Nobody has measured the CRL of ${each.value} for ${local.silent_hours[each.key]} hours: there is none, or no run came. When it expires, verifiers that check refuse every certificate of this CA."
  namespace           = "Chancery"
  metric_name         = "CrlAge"
  dimensions          = { Project = var.project, Environment = var.env, Authority = each.value }
  statistic           = "SampleCount"
  period              = 3600
  evaluation_periods  = local.silent_hours[each.key]
  datapoints_to_alarm = local.silent_hours[each.key]
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [module.sns_ca_notifications.arn]
  ok_actions          = [module.sns_ca_notifications.arn]
  tags                = var.tags
}

# The CRL is published all the same, so this is not for the alarm on its age. A run that finds damage fails, too; this one says
# of which CA, and of damage that is found outside of runs.
resource "aws_cloudwatch_metric_alarm" "crl_damaged" {
  for_each = local.alarmed_cas

  alarm_name          = "${var.project}-${local.ca_labels[each.key]}-crl-damaged-${var.env}"
  alarm_description   = "Revocations of ${each.value} could not be read, or not be followed, as they should be, or were lost and put back. Its CRL is published; the log of its function says which, and somebody may have written to the tables."
  namespace           = "Chancery"
  metric_name         = "CrlDamaged"
  dimensions          = { Project = var.project, Environment = var.env, Authority = each.value }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.sns_ca_notifications.arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "refused_intents" {
  count = var.alarms_enabled ? 1 : 0

  alarm_name          = "${var.project}-ca-refused-intents-${var.env}"
  alarm_description   = "Something in the journal was to be signed that the authority did not prepare, or would not issue now. Nothing was signed. The functions' logs name it: find out who wrote it."
  namespace           = "Chancery"
  metric_name         = "RefusedIntents"
  dimensions          = { Project = var.project, Environment = var.env }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.sns_ca_notifications.arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  count = var.alarms_enabled ? 1 : 0

  alarm_name          = "${var.project}-ca-dead-letters-${var.env}"
  alarm_description   = "Events that could not be handled, or runs that could not be started, lie in ${aws_sqs_queue.dead_letters.name}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.sns_ca_notifications.arn]
  tags                = var.tags
}
