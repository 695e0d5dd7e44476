locals {
  # By the alias that is the machine's own, where a function has one.
  invoked_arns = { for name, function in module.function : name => lookup(function.caller_arns, "state-machine", function.function_arn) }
}

module "state_machine" {
  source = "./modules/state-machine"

  name                = local.machine_name
  schedule_name       = "${var.project}-ca-scheduler-${var.env}"
  scheduler_role_name = "${var.project}-scheduler-${var.env}"
  schedule_expression = var.schedule_expression
  function_arns       = local.invoked_arns
  tls                 = local.tls_json
  root_crl            = !var.sleeping_root
  expiry              = local.reminders
  task_timeout        = var.timeout + 30

  internal_bucket_name     = module.internal_s3.name
  internal_bucket_key_arns = local.internal_bucket_key_arns
  dead_letter_queue_arn    = aws_sqs_queue.dead_letters.arn
  log_kms_key_arn          = var.log_kms_key_arn
  account_id               = local.account_id
  partition                = local.partition
  region                   = local.region
  dns_suffix               = local.dns_suffix
  tags                     = var.tags
}
