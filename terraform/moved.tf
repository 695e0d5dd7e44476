# Where things stood in the module that this one takes over from. Keys, tables, buckets, topic and secret keep their
# addresses (module.kms_rsa_root_ca, module.dynamodb, module.internal_s3, module.sns_ca_notifications, module.slack_secret);
# everything else with a name of its own moves, as making a second thing of the same name would fail.

moved {
  from = module.external_s3
  to   = module.external_s3[0]
}

# create-root-ca

moved {
  from = module.create_root_ca_iam.aws_iam_role.lambda
  to   = module.function["create-root-ca"].aws_iam_role.role
}

moved {
  from = module.create_root_ca_iam.aws_iam_role_policy.lambda
  to   = module.function["create-root-ca"].aws_iam_role_policy.role
}

moved {
  from = module.create_rsa_root_ca_lambda.aws_lambda_function.lambda
  to   = module.function["create-root-ca"].aws_lambda_function.function
}

moved {
  from = module.create_rsa_root_ca_lambda.aws_lambda_alias.lambda
  to   = module.function["create-root-ca"].aws_lambda_alias.function
}

moved {
  from = module.create_rsa_root_ca_lambda.aws_lambda_permission.lambda_invoke
  to   = module.function["create-root-ca"].aws_lambda_permission.invoke
}

moved {
  from = module.create_rsa_root_ca_lambda.aws_cloudwatch_log_group.function_log_group
  to   = module.function["create-root-ca"].aws_cloudwatch_log_group.function
}

moved {
  from = module.create_rsa_root_ca_lambda.aws_cloudwatch_log_subscription_filter.logs_to_s3_sentinel
  to   = module.function["create-root-ca"].aws_cloudwatch_log_subscription_filter.logs
}

# create-issuing-ca

moved {
  from = module.create_issuing_ca_iam.aws_iam_role.lambda
  to   = module.function["create-issuing-ca"].aws_iam_role.role
}

moved {
  from = module.create_issuing_ca_iam.aws_iam_role_policy.lambda
  to   = module.function["create-issuing-ca"].aws_iam_role_policy.role
}

moved {
  from = module.create_rsa_issuing_ca_lambda.aws_lambda_function.lambda
  to   = module.function["create-issuing-ca"].aws_lambda_function.function
}

moved {
  from = module.create_rsa_issuing_ca_lambda.aws_lambda_alias.lambda
  to   = module.function["create-issuing-ca"].aws_lambda_alias.function
}

moved {
  from = module.create_rsa_issuing_ca_lambda.aws_lambda_permission.lambda_invoke
  to   = module.function["create-issuing-ca"].aws_lambda_permission.invoke
}

moved {
  from = module.create_rsa_issuing_ca_lambda.aws_cloudwatch_log_group.function_log_group
  to   = module.function["create-issuing-ca"].aws_cloudwatch_log_group.function
}

moved {
  from = module.create_rsa_issuing_ca_lambda.aws_cloudwatch_log_subscription_filter.logs_to_s3_sentinel
  to   = module.function["create-issuing-ca"].aws_cloudwatch_log_subscription_filter.logs
}

# root-ca-crl

moved {
  from = module.root_crl_iam.aws_iam_role.lambda
  to   = module.function["root-ca-crl"].aws_iam_role.role
}

moved {
  from = module.root_crl_iam.aws_iam_role_policy.lambda
  to   = module.function["root-ca-crl"].aws_iam_role_policy.role
}

moved {
  from = module.rsa_root_ca_crl_lambda.aws_lambda_function.lambda
  to   = module.function["root-ca-crl"].aws_lambda_function.function
}

moved {
  from = module.rsa_root_ca_crl_lambda.aws_lambda_alias.lambda
  to   = module.function["root-ca-crl"].aws_lambda_alias.function
}

moved {
  from = module.rsa_root_ca_crl_lambda.aws_lambda_permission.lambda_invoke
  to   = module.function["root-ca-crl"].aws_lambda_permission.invoke
}

moved {
  from = module.rsa_root_ca_crl_lambda.aws_cloudwatch_log_group.function_log_group
  to   = module.function["root-ca-crl"].aws_cloudwatch_log_group.function
}

moved {
  from = module.rsa_root_ca_crl_lambda.aws_cloudwatch_log_subscription_filter.logs_to_s3_sentinel
  to   = module.function["root-ca-crl"].aws_cloudwatch_log_subscription_filter.logs
}

# issuing-ca-crl

moved {
  from = module.issuing_crl_iam.aws_iam_role.lambda
  to   = module.function["issuing-ca-crl"].aws_iam_role.role
}

moved {
  from = module.issuing_crl_iam.aws_iam_role_policy.lambda
  to   = module.function["issuing-ca-crl"].aws_iam_role_policy.role
}

moved {
  from = module.rsa_issuing_ca_crl_lambda.aws_lambda_function.lambda
  to   = module.function["issuing-ca-crl"].aws_lambda_function.function
}

moved {
  from = module.rsa_issuing_ca_crl_lambda.aws_lambda_alias.lambda
  to   = module.function["issuing-ca-crl"].aws_lambda_alias.function
}

moved {
  from = module.rsa_issuing_ca_crl_lambda.aws_lambda_permission.lambda_invoke
  to   = module.function["issuing-ca-crl"].aws_lambda_permission.invoke
}

moved {
  from = module.rsa_issuing_ca_crl_lambda.aws_cloudwatch_log_group.function_log_group
  to   = module.function["issuing-ca-crl"].aws_cloudwatch_log_group.function
}

moved {
  from = module.rsa_issuing_ca_crl_lambda.aws_cloudwatch_log_subscription_filter.logs_to_s3_sentinel
  to   = module.function["issuing-ca-crl"].aws_cloudwatch_log_subscription_filter.logs
}

# tls-cert

moved {
  from = module.tls_keygen_iam.aws_iam_role.lambda
  to   = module.function["tls-cert"].aws_iam_role.role
}

moved {
  from = module.tls_keygen_iam.aws_iam_role_policy.lambda
  to   = module.function["tls-cert"].aws_iam_role_policy.role
}

moved {
  from = module.rsa_tls_cert_lambda.aws_lambda_function.lambda
  to   = module.function["tls-cert"].aws_lambda_function.function
}

moved {
  from = module.rsa_tls_cert_lambda.aws_lambda_alias.lambda
  to   = module.function["tls-cert"].aws_lambda_alias.function
}

moved {
  from = module.rsa_tls_cert_lambda.aws_lambda_permission.lambda_invoke
  to   = module.function["tls-cert"].aws_lambda_permission.invoke
}

moved {
  from = module.rsa_tls_cert_lambda.aws_cloudwatch_log_group.function_log_group
  to   = module.function["tls-cert"].aws_cloudwatch_log_group.function
}

moved {
  from = module.rsa_tls_cert_lambda.aws_cloudwatch_log_subscription_filter.logs_to_s3_sentinel
  to   = module.function["tls-cert"].aws_cloudwatch_log_subscription_filter.logs
}

# expiry

moved {
  from = module.expiry_iam[0].aws_iam_role.lambda
  to   = module.function["expiry"].aws_iam_role.role
}

moved {
  from = module.expiry_iam[0].aws_iam_role_policy.lambda
  to   = module.function["expiry"].aws_iam_role_policy.role
}

moved {
  from = module.expiry_lambda[0].aws_lambda_function.lambda
  to   = module.function["expiry"].aws_lambda_function.function
}

moved {
  from = module.expiry_lambda[0].aws_lambda_alias.lambda
  to   = module.function["expiry"].aws_lambda_alias.function
}

moved {
  from = module.expiry_lambda[0].aws_lambda_permission.lambda_invoke
  to   = module.function["expiry"].aws_lambda_permission.invoke
}

moved {
  from = module.expiry_lambda[0].aws_cloudwatch_log_group.function_log_group
  to   = module.function["expiry"].aws_cloudwatch_log_group.function
}

moved {
  from = module.expiry_lambda[0].aws_cloudwatch_log_subscription_filter.logs_to_s3_sentinel
  to   = module.function["expiry"].aws_cloudwatch_log_subscription_filter.logs
}

# notify

moved {
  from = module.notify_slack_iam[0].aws_iam_role.lambda
  to   = module.function["notify"].aws_iam_role.role
}

moved {
  from = module.notify_slack_iam[0].aws_iam_role_policy.lambda
  to   = module.function["notify"].aws_iam_role_policy.role
}

moved {
  from = module.notify_lambda[0].aws_lambda_function.lambda
  to   = module.function["notify"].aws_lambda_function.function
}

moved {
  from = module.notify_lambda[0].aws_lambda_alias.lambda
  to   = module.function["notify"].aws_lambda_alias.function
}

moved {
  from = module.notify_lambda[0].aws_lambda_permission.lambda_invoke
  to   = module.function["notify"].aws_lambda_permission.invoke
}

moved {
  from = module.notify_lambda[0].aws_cloudwatch_log_group.function_log_group
  to   = module.function["notify"].aws_cloudwatch_log_group.function
}

moved {
  from = module.notify_lambda[0].aws_cloudwatch_log_subscription_filter.logs_to_s3_sentinel
  to   = module.function["notify"].aws_cloudwatch_log_subscription_filter.logs
}

# State machine and schedule

moved {
  from = module.step-function.aws_cloudwatch_log_group.log_group_for_sfn
  to   = module.state_machine.aws_cloudwatch_log_group.machine
}

moved {
  from = module.step-function.aws_sfn_state_machine.state_machine
  to   = module.state_machine.aws_sfn_state_machine.machine
}

moved {
  from = module.step-function-role.aws_iam_role.lambda
  to   = module.state_machine.aws_iam_role.machine
}

moved {
  from = module.step-function-role.aws_iam_role_policy.lambda
  to   = module.state_machine.aws_iam_role_policy.machine
}

moved {
  from = module.scheduler.aws_scheduler_schedule.schedule
  to   = module.state_machine.aws_scheduler_schedule.schedule
}

moved {
  from = module.scheduler-role.aws_iam_role.lambda
  to   = module.state_machine.aws_iam_role.scheduler
}

moved {
  from = module.scheduler-role.aws_iam_role_policy.lambda
  to   = module.state_machine.aws_iam_role_policy.scheduler
}

# Reader of the table

moved {
  from = module.db-reader-role[0].aws_iam_role.lambda
  to   = aws_iam_role.reader[0]
}

moved {
  from = module.db-reader-role[0].aws_iam_role_policy.lambda
  to   = aws_iam_role_policy.reader[0]
}

# Public CRL

moved {
  from = module.ca_cloudfront[0].aws_cloudfront_origin_access_identity.website
  to   = module.ca_cloudfront[0].aws_cloudfront_origin_access_identity.website[0]
}

moved {
  from = module.ca_cloudfront[0].aws_route53_record.cloudfront-apex
  to   = module.ca_cloudfront[0].aws_route53_record.ipv4
}
