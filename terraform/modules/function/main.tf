# One function: its role with exactly the calls it makes, its log group, its code, its alias, and who may invoke it.

resource "aws_iam_role" "role" {
  name = coalesce(var.role_name, var.name)
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaRunsIt"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "role" {
  name   = var.name
  role   = aws_iam_role.role.id
  policy = var.policy
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts every log group; a key of one's own is an input (log_kms_key_arn)
  #checkov:skip=CKV_AWS_338:30 days by default, as before; the ledger is the record, and longer is an input (log_retention_days)
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn == "" ? null : var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_cloudwatch_log_subscription_filter" "logs" {
  count = var.log_destination_arn == "" ? 0 : 1

  name            = "${var.name}-logs"
  log_group_name  = aws_cloudwatch_log_group.function.name
  filter_pattern  = var.log_filter_pattern
  destination_arn = var.log_destination_arn
}

resource "aws_lambda_function" "function" {
  #checkov:skip=CKV_AWS_115:A limit would take concurrency from the account for good; throttling is retried and raises an alarm
  #checkov:skip=CKV_AWS_117:It talks to AWS interfaces alone (notify also to Slack), which a VPC makes slower and dearer; it is an input (signing_subnet_ids)
  #checkov:skip=CKV_AWS_173:The variables hold names and settings, no secret, and a key would add a KMS call to each cold start
  #checkov:skip=CKV_AWS_272:Code signing needs a signing profile of the owner's; it is an input (code_signing_config_arn)
  function_name           = var.name
  description             = var.description
  role                    = aws_iam_role.role.arn
  filename                = var.zip
  source_code_hash        = fileexists(var.zip) ? filebase64sha256(var.zip) : null
  runtime                 = "provided.al2023"
  handler                 = var.handler
  architectures           = [var.architecture]
  memory_size             = var.memory_size
  timeout                 = var.timeout
  code_signing_config_arn = var.code_signing_config_arn == "" ? null : var.code_signing_config_arn
  tags                    = var.tags

  environment {
    variables = var.environment
  }

  dead_letter_config {
    target_arn = var.dead_letter_queue_arn
  }

  logging_config {
    # The program itself writes JSON, a line an event; CloudWatch finds the metrics in it.
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) > 0 ? [true] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  tracing_config {
    mode = var.xray_enabled ? "Active" : "PassThrough"
  }

  lifecycle {
    precondition {
      condition     = fileexists(var.zip)
      error_message = "There is no file ${var.zip}. Make it with `cargo xtask lambda`, or give the path of a released one as lambda_zip."
    }
  }

  # Otherwise a function could run before it may do anything.
  depends_on = [aws_iam_role_policy.role]
}

resource "aws_lambda_alias" "function" {
  name             = var.name
  description      = "What is deployed of ${var.name}"
  function_name    = aws_lambda_function.function.function_name
  function_version = "$LATEST"
}

# Names of one caller each, by which the function tells that caller from all others: nobody else is permitted to use them.
resource "aws_lambda_alias" "caller" {
  for_each = var.callers

  name             = each.key
  description      = "For ${each.value} alone"
  function_name    = aws_lambda_function.function.function_name
  function_version = "$LATEST"
}

resource "aws_lambda_permission" "invoke" {
  for_each = var.unqualified_invocation ? var.invokers : {}

  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  principal     = each.key
  source_arn    = each.value
}

# A permission for the function alone does not cover calls by the alias.
resource "aws_lambda_permission" "invoke_alias" {
  for_each = var.invokers

  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  qualifier     = aws_lambda_alias.function.name
  principal     = each.key
  source_arn    = each.value
}
