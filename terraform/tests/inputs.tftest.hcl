# Inputs that cannot work stop the plan, and risky ones are spoken of.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  lambda_zip = "./versions.tf"
}

run "crls_overlap_by_default" {
  command = plan

  assert {
    condition     = local.interval_hours == 6 && min(values(local.crl_life_hours)...) >= 4 * local.interval_hours
    error_message = "Four publications must fall into one CRL's life."
  }

  # Measured at 6 and 12 hours, when two publications have failed; the CRL lives for 24.
  assert {
    condition     = local.stale_hours == { root = 9, issuing = 9 } && alltrue([for alarm in aws_cloudwatch_metric_alarm.crl_stale : alarm.threshold == 9 * 3600 && alarm.evaluation_periods == 1 && alarm.datapoints_to_alarm == 1])
    error_message = "The second publication in a row that fails raises an alarm, by the one figure that it leaves."
  }

  # Runs measure once in six hours: what counts hours in which nothing is measured as bad, or as good, is not about the age.
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.crl_stale : alarm.treat_missing_data == "ignore" && alarm.statistic == "Minimum"])
    error_message = "Between two runs, what the last one found stays."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.crl_unmeasured : alarm.evaluation_periods == 8 && alarm.statistic == "SampleCount" && alarm.treat_missing_data == "breaching"])
    error_message = "A run that does not come raises an alarm of its own."
  }

  assert {
    condition     = alltrue([for ca, life in local.crl_life_hours : local.stale_hours[ca] + local.silent_hours[ca] <= life - 1])
    error_message = "Also where publications fail first, and then nothing runs any more, an hour is left at least."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.crl_stale["issuing"].dimensions == tomap({ Project = "serverless", Environment = "dev", Authority = "serverless-issuing-ca-dev" })
    error_message = "The alarm must look at the metric that the functions write."
  }

  assert {
    condition = { for ca, alarm in aws_cloudwatch_metric_alarm.crl_damaged : ca => [alarm.namespace, alarm.metric_name, alarm.dimensions["Authority"], alarm.statistic, tostring(alarm.threshold), alarm.treat_missing_data] } == {
      root    = ["Chancery", "CrlDamaged", "serverless-root-ca-dev", "Sum", "0", "notBreaching"]
      issuing = ["Chancery", "CrlDamaged", "serverless-issuing-ca-dev", "Sum", "0", "notBreaching"]
    }
    error_message = "Revocations that are damaged raise an alarm, whatever the age of the CRL."
  }
}

run "schedule_hourly" {
  command = plan
  variables {
    schedule_expression = "cron(0 * * * ? *)"
  }
  assert {
    condition     = local.interval_hours == 1
    error_message = "Every hour is one hour."
  }
  assert {
    condition     = local.stale_hours.issuing == 11 && local.silent_hours.issuing == 3
    error_message = "Where runs are many, half of the CRL's life counts."
  }
}

run "schedule_by_rate" {
  command = plan
  variables {
    schedule_expression = "rate(90 minutes)"
  }
  assert {
    condition     = local.interval_hours == 1.5
    error_message = "90 minutes are an hour and a half."
  }
}

run "schedule_twice_a_day" {
  command = plan
  variables {
    schedule_expression = "rate(10 hours)"
  }
  assert {
    condition     = local.stale_hours.issuing == 13 && 20 <= local.crl_life_hours.issuing - 1
    error_message = "The last run that is measured in time raises the alarm."
  }
}

run "schedule_rare" {
  command = plan
  variables {
    schedule_expression = "rate(14 days)"
    root_crl_days       = 60
    issuing_crl_days    = 60
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.crl_unmeasured) == 0 && alltrue([for alarm in aws_cloudwatch_metric_alarm.crl_stale : alarm.threshold == 168 * 3600])
    error_message = "CloudWatch looks back over a week at most."
  }
}

run "schedule_unknown" {
  command = plan
  variables {
    schedule_expression = "cron(0/30 8-18 ? * MON-FRI *)"
  }
  assert {
    condition     = local.interval_hours == null && local.stale_hours.issuing == 13 && local.silent_hours.issuing == 13
    error_message = "What is not understood is not judged, and half of the CRL's life counts."
  }
}

run "daily_schedule_is_spoken_of" {
  command = plan
  variables {
    schedule_expression = "cron(15 8 * * ? *)"
  }
  expect_failures = [check.crl_overlap]
}

run "rsa_is_spoken_of" {
  command = plan
  variables {
    issuing_ca_key_spec = "RSA_4096"
  }
  expect_failures = [check.rsa_keys]
}

run "compatibility_is_off_by_default" {
  command = plan
  assert {
    condition     = jsondecode(local.environment.COMPATIBILITY) == { ec_key_encipherment = false }
    error_message = "What is against the standards is set by nobody's default."
  }
}

run "compatibility_is_spoken_of" {
  command = plan
  variables {
    compatibility = { ec_key_encipherment = true }
  }
  assert {
    condition     = jsondecode(local.environment.COMPATIBILITY).ec_key_encipherment
    error_message = "The functions must learn of the input."
  }
  expect_failures = [check.compatibility]
}

run "requests_are_kept_to_the_names_of_their_csrs_where_that_is_said" {
  command = plan
  variables {
    replace_common_name = false
  }
  assert {
    condition     = local.environment.REPLACE_COMMON_NAME == "false"
    error_message = "The functions must learn of the input."
  }
}

run "long_certificates_are_spoken_of" {
  command = plan
  variables {
    max_cert_lifetime = 825
  }
  expect_failures = [check.certificate_lifetime]
}

run "whole_accounts_in_production_are_spoken_of" {
  command = plan
  variables {
    env                          = "prod"
    aws_principals               = ["arn:aws:iam::999999999999:root"]
    dynamodb_deletion_protection = true
    key_administrators           = ["arn:aws:iam::123456789012:role/deployer"]
    request_writer_arns          = ["arn:aws:iam::123456789012:role/deployer"]
  }
  expect_failures = [check.whole_accounts]
}

run "unprotected_production_is_spoken_of" {
  command = plan
  variables {
    env = "prod"
  }
  expect_failures = [check.production_tables, check.key_administrators, check.request_writers]
}

run "a_token_in_the_state_is_spoken_of" {
  command = plan
  variables {
    slack_channels = ["pki"]
    slack_token    = "xoxb-example"
  }
  expect_failures = [check.slack_token]
}

run "an_open_topic_is_spoken_of" {
  command = plan
  variables {
    sns_policy = "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\": {\"AWS\": \"*\"},\"Action\":\"sns:Publish\"}]}"
  }
  expect_failures = [check.topic_policy]
}

run "another_account" {
  command = plan
  variables {
    allowed_account_ids = ["210987654321"]
  }
  expect_failures = [data.aws_caller_identity.current]
}

run "the_right_account" {
  command = plan
  variables {
    allowed_account_ids = ["123456789012"]
  }
  assert {
    condition     = local.account_id == "123456789012"
    error_message = "The account that is named is let in."
  }
}

run "everybody_as_principal" {
  command = plan
  variables {
    aws_principals = ["*"]
  }
  expect_failures = [var.aws_principals]
}

run "a_wildcard_in_a_principal" {
  command = plan
  variables {
    aws_principals = ["arn:aws:iam::123456789012:role/*"]
  }
  expect_failures = [var.aws_principals]
}

run "everybody_reads_the_bucket" {
  command = plan
  variables {
    s3_aws_principals = ["*"]
  }
  expect_failures = [var.s3_aws_principals]
}

run "reserved_extension" {
  command = plan
  variables {
    custom_extension_allowlist = ["2.5.29.19"]
  }
  expect_failures = [var.custom_extension_allowlist]
}

run "unknown_key_spec" {
  command = plan
  variables {
    root_ca_key_spec = "ECC_SECG_P256K1"
  }
  expect_failures = [var.root_ca_key_spec]
}

run "csr_file_in_a_folder" {
  command = plan
  variables {
    csr_files = ["../secrets"]
  }
  expect_failures = [var.csr_files]
}

run "unknown_list" {
  command = plan
  variables {
    cert_info_files = ["tls.json"]
  }
  expect_failures = [var.cert_info_files]
}

run "logs_without_a_bucket" {
  command = plan
  variables {
    access_logs = true
  }
  expect_failures = [terraform_data.inputs]
}

run "public_crl_without_a_domain" {
  command = plan
  variables {
    public_crl                 = true
    cloudfront_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/mocked"
  }
  expect_failures = [terraform_data.inputs, check.public_crl]
}

run "public_crl_without_a_certificate" {
  command = plan
  variables {
    public_crl         = true
    hosted_zone_domain = "ca.example.com"
    hosted_zone_id     = "Z0123456789ABCDEFGHIJ"
  }
  expect_failures = [terraform_data.inputs, check.public_crl]
}

run "certificate_of_another_region" {
  command = plan
  variables {
    cloudfront_certificate_arn = "arn:aws:acm:eu-west-2:123456789012:certificate/x"
  }
  expect_failures = [var.cloudfront_certificate_arn]
}

run "short_crl" {
  command = plan
  variables {
    issuing_crl_days    = 0
    issuing_crl_seconds = 3600
  }
  expect_failures = [terraform_data.inputs, check.crl_overlap]
}

run "issuing_ca_outlives_the_root" {
  command = plan
  variables {
    root_ca_info = { commonName = "Root", lifetime = 100 }
  }
  expect_failures = [terraform_data.inputs]
}

run "cross_account_without_an_account" {
  command = plan
  module {
    source = "./modules/topic"
  }
  variables {
    account_id      = "123456789012"
    kms_key_arn     = "arn:aws:kms:eu-west-2:123456789012:key/resource"
    name            = "p-ca-notifications-dev"
    partition       = "aws"
    policy_template = "cross-account"
    region          = "eu-west-2"
  }
  expect_failures = [aws_sns_topic.sns_topic]
}

run "missing_code" {
  command = plan
  module {
    source = "./modules/function"
  }
  variables {
    architecture          = "x86_64"
    dead_letter_queue_arn = "arn:aws:sqs:eu-west-2:123456789012:letters"
    description           = "Issue"
    environment           = {}
    handler               = "tls_cert.lambda_handler"
    log_retention_days    = 30
    memory_size           = 128
    name                  = "p-tls-cert-dev"
    policy                = "{}"
    timeout               = 180
    xray_enabled          = true
    zip                   = "./no-such-file.zip"
  }
  expect_failures = [aws_lambda_function.function]
}

run "function" {
  command = plan
  module {
    source = "./modules/function"
  }
  variables {
    architecture          = "arm64"
    dead_letter_queue_arn = "arn:aws:sqs:eu-west-2:123456789012:letters"
    description           = "Issue"
    environment           = { PROJECT = "p" }
    handler               = "tls_cert.lambda_handler"
    callers               = { state-machine = "the state machine" }
    invokers              = { "arn:aws:iam::999999999999:role/workload" = null }
    log_retention_days    = 30
    memory_size           = 128
    name                  = "p-tls-cert-dev"
    policy                = "{}"
    timeout               = 180
    xray_enabled          = false
    zip                   = "./versions.tf"
  }
  assert {
    condition = (
      aws_lambda_function.function.runtime == "provided.al2023"
      && aws_lambda_function.function.handler == "tls_cert.lambda_handler"
      && aws_lambda_function.function.architectures[0] == "arm64"
      && aws_lambda_function.function.tracing_config[0].mode == "PassThrough"
      && aws_lambda_alias.function.name == "p-tls-cert-dev"
      && aws_lambda_alias.function.function_version == "$LATEST"
      && aws_iam_role.role.name == "p-tls-cert-dev"
      && aws_cloudwatch_log_group.function.name == "/aws/lambda/p-tls-cert-dev"
      && aws_cloudwatch_log_group.function.retention_in_days == 30
    )
    error_message = "A function has its runtime, handler, alias, role and log group."
  }
  assert {
    condition     = aws_lambda_permission.invoke["arn:aws:iam::999999999999:role/workload"].qualifier == null && aws_lambda_permission.invoke_alias["arn:aws:iam::999999999999:role/workload"].qualifier == "p-tls-cert-dev"
    error_message = "Named principals invoke the function and its alias."
  }
  assert {
    condition     = aws_lambda_alias.caller["state-machine"].name == "state-machine" && aws_lambda_alias.caller["state-machine"].function_version == "$LATEST" && length(aws_lambda_permission.invoke_alias) == 1
    error_message = "The alias of one caller is permitted to nobody else."
  }
}
