resource "aws_cloudwatch_log_group" "machine" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts every log group; a key of one's own is an input (log_kms_key_arn)
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = 365
  kms_key_id        = var.log_kms_key_arn == "" ? null : var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_sfn_state_machine" "machine" {
  #checkov:skip=CKV_AWS_285:Every step is logged; the data is left out, since names, CSRs and idempotency tokens would stand in it
  name       = var.name
  role_arn   = aws_iam_role.machine.arn
  definition = local.definition
  tags       = var.tags

  logging_configuration {
    # Without the data, in which CSRs, names and idempotency tokens of tls.json would stand: which step failed, and with what
    # type of error, is told all the same, and the rest by the function's own log.
    log_destination        = "${aws_cloudwatch_log_group.machine.arn}:*"
    include_execution_data = false
    level                  = "ALL"
  }

  tracing_configuration {
    enabled = true
  }

  depends_on = [aws_iam_role_policy.machine]
}

resource "aws_iam_role" "machine" {
  name = var.name
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "StepFunctionsRunsIt"
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

locals {
  arn           = "arn:${var.partition}:states:${var.region}:${var.account_id}:stateMachine:${var.name}"
  execution_arn = "arn:${var.partition}:states:${var.region}:${var.account_id}:execution:${var.name}"

  map_statements = [for statement in [
    {
      Sid      = "ReadItems"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "arn:${var.partition}:s3:::${var.internal_bucket_name}/tls.json"
    },
    {
      Sid       = "DecryptItems"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = var.internal_bucket_key_arns
      Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.${var.dns_suffix}" } }
    },
    {
      Sid      = "StartItems"
      Effect   = "Allow"
      Action   = "states:StartExecution"
      Resource = local.arn
    },
    {
      Sid      = "WatchItems"
      Effect   = "Allow"
      Action   = ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"]
      Resource = ["${local.execution_arn}:*", "${local.execution_arn}/*"]
    },
  ] : statement if var.tls]
}

resource "aws_iam_role_policy" "machine" {
  #checkov:skip=CKV_AWS_290:Log delivery and tracing know no resources; everything else names them
  #checkov:skip=CKV_AWS_355:Log delivery and tracing know no resources; everything else names them
  name = var.name
  role = aws_iam_role.machine.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "RunSteps"
          Effect   = "Allow"
          Action   = "lambda:InvokeFunction"
          Resource = [for step in local.steps : var.function_arns[step.function]]
        },
        {
          # AWS knows no resource for these.
          Sid    = "DeliverLogs"
          Effect = "Allow"
          Action = [
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
          ]
          Resource = "*"
        },
        {
          Sid      = "Trace"
          Effect   = "Allow"
          Action   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
          Resource = "*"
        },
      ],
      local.map_statements,
    )
  })
}
