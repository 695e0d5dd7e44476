resource "aws_scheduler_schedule" "schedule" {
  #checkov:skip=CKV_AWS_297:What it sends is empty
  name                = var.schedule_name
  schedule_expression = var.schedule_expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.machine.arn
    role_arn = aws_iam_role.scheduler.arn
    input    = "{}"

    dead_letter_config {
      arn = var.dead_letter_queue_arn
    }
  }
}

resource "aws_iam_role" "scheduler" {
  name = var.scheduler_role_name
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "SchedulerStartsIt"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = var.scheduler_role_name
  role = aws_iam_role.scheduler.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "StartExecutions"
        Effect   = "Allow"
        Action   = "states:StartExecution"
        Resource = local.arn
      },
      {
        Sid      = "KeepWhatCouldNotStart"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = var.dead_letter_queue_arn
      },
    ]
  })
}
