# A deployment of the former module changes its source: what holds keys, rows, files and subscriptions stays what it is, and
# what has a name of its own moves instead of being made a second time.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

# An apply cannot know in its plan what is known only afterwards.
mock_provider "aws" {
  alias  = "former"
  source = "./tests/mocks"
}

run "former" {
  state_key = "deployment"

  providers = {
    aws = aws.former
  }

  module {
    source = "./tests/takeover"
  }

  override_resource {
    target = module.kms_rsa_root_ca.aws_kms_key.encryption
    values = { arn = "arn:aws:kms:eu-west-2:123456789012:key/former-root", key_id = "former-root" }
  }

  override_resource {
    target = module.kms_rsa_issuing_ca.aws_kms_key.encryption
    values = { arn = "arn:aws:kms:eu-west-2:123456789012:key/former-issuing", key_id = "former-issuing" }
  }

  override_resource {
    target = module.kms_tls_keygen.aws_kms_key.encryption
    values = { arn = "arn:aws:kms:eu-west-2:123456789012:key/former-resource", key_id = "former-resource" }
  }

  override_resource {
    target = module.dynamodb.aws_dynamodb_table.ca
    values = { arn = "arn:aws:dynamodb:eu-west-2:123456789012:table/former" }
  }

  override_resource {
    target = module.external_s3[0].aws_s3_bucket.bucket
    values = { bucket_domain_name = "former.s3.amazonaws.com" }
  }

  override_resource {
    target = module.sns_ca_notifications.aws_sns_topic.sns_topic
    values = { arn = "arn:aws:sns:eu-west-2:123456789012:former" }
  }

  override_resource {
    target = module.slack_secret[0].aws_secretsmanager_secret.secret
    values = { arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:former" }
  }

  override_resource {
    target = module.tls_keygen_iam.aws_iam_role.lambda
    values = { arn = "arn:aws:iam::123456789012:role/former-tls-cert" }
  }

  override_resource {
    target = module.rsa_tls_cert_lambda.aws_lambda_function.lambda
    values = { arn = "arn:aws:lambda:eu-west-2:123456789012:function:former-tls-cert" }
  }

  override_resource {
    target = module.expiry_lambda[0].aws_lambda_function.lambda
    values = { arn = "arn:aws:lambda:eu-west-2:123456789012:function:former-expiry" }
  }

  override_resource {
    target = module.step-function.aws_sfn_state_machine.state_machine
    values = { arn = "arn:aws:states:eu-west-2:123456789012:stateMachine:former" }
  }

  assert {
    condition     = output.bucket_names == ["serverless-ca-internal-dev-q7w2e", "serverless-ca-external-dev-z9x8c"]
    error_message = "The former deployment must stand for what follows to mean anything."
  }
}

run "ours" {
  state_key = "deployment"
  command   = plan

  variables {
    lambda_zip     = "./versions.tf"
    slack_channels = ["pki"]
  }

  assert {
    condition = {
      root     = output.root_ca_key_arn
      issuing  = output.issuing_ca_key_arn
      resource = local.resource_key_arn
      } == {
      root     = "arn:aws:kms:eu-west-2:123456789012:key/former-root"
      issuing  = "arn:aws:kms:eu-west-2:123456789012:key/former-issuing"
      resource = "arn:aws:kms:eu-west-2:123456789012:key/former-resource"
    }
    error_message = "Keys must stay what they are."
  }

  assert {
    condition     = module.dynamodb.certificates_arn == "arn:aws:dynamodb:eu-west-2:123456789012:table/former"
    error_message = "The certificate table must stay what it is."
  }

  assert {
    condition     = output.internal_s3_bucket_name == "serverless-ca-internal-dev-q7w2e" && output.external_s3_bucket_name == "serverless-ca-external-dev-z9x8c" && startswith(output.ca_bundle_s3_location, "former.s3.amazonaws.com/")
    error_message = "Buckets must keep their names, whatever suffix they end in."
  }

  assert {
    condition     = output.sns_topic_arn == "arn:aws:sns:eu-west-2:123456789012:former" && local.slack_secret_arn == "arn:aws:secretsmanager:eu-west-2:123456789012:secret:former"
    error_message = "Topic and secret must stay what they are."
  }

  assert {
    condition     = output.function_arns["tls-cert"] == "arn:aws:lambda:eu-west-2:123456789012:function:former-tls-cert" && output.function_arns["expiry"] == "arn:aws:lambda:eu-west-2:123456789012:function:former-expiry" && module.function["tls-cert"].role_arn == "arn:aws:iam::123456789012:role/former-tls-cert"
    error_message = "Functions and roles must move, not be made again."
  }

  assert {
    condition     = output.state_machine_arn == "arn:aws:states:eu-west-2:123456789012:stateMachine:former"
    error_message = "The state machine must move, not be made again."
  }

  assert {
    condition     = output.function_arns["sweep"] == "arn:aws:lambda:eu-west-2:123456789012:function:mocked" && module.dynamodb.journal_arn == "arn:aws:dynamodb:eu-west-2:123456789012:table/mocked"
    error_message = "What is new is made."
  }
}
