# The names that callers, files and trust stores know, and the functions' environment.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  # Any file: what is in it is of no matter to a plan.
  lambda_zip = "./versions.tf"
}

run "default" {
  command = plan

  assert {
    condition = {
      for name, function in module.function : name => function.function_name
      } == {
      create-root-ca    = "serverless-create-root-ca-dev"
      create-issuing-ca = "serverless-create-issuing-ca-dev"
      root-ca-crl       = "serverless-root-ca-crl-dev"
      issuing-ca-crl    = "serverless-issuing-ca-crl-dev"
      tls-cert          = "serverless-tls-cert-dev"
      expiry            = "serverless-expiry-dev"
      sweep             = "serverless-sweep-dev"
    }
    error_message = "Functions must have the contract's names; notify needs a Slack channel."
  }

  assert {
    condition     = output.certificate_table_name == "ServerlessCADev" && output.journal_table_name == "ServerlessCAJournalDev"
    error_message = "Tables must have the contract's names."
  }

  assert {
    condition     = can(regex("^serverless-ca-internal-dev-[a-z0-9]{5}$", output.internal_s3_bucket_name)) && can(regex("^serverless-ca-external-dev-[a-z0-9]{5}$", output.external_s3_bucket_name))
    error_message = "Without a prefix, buckets need a suffix of five letters and digits."
  }

  assert {
    condition     = local.topic_name == "serverless-ca-notifications-dev" && local.machine_name == "serverless-ca-dev"
    error_message = "Topic and state machine must have the contract's names."
  }

  assert {
    condition     = local.root_ca_name == "serverless-root-ca-dev" && local.issuing_ca_name == "serverless-issuing-ca-dev" && local.key_gen_alias == "serverless-tls-keygen-dev"
    error_message = "CAs and keys must have the contract's names."
  }

  assert {
    condition = {
      bundle        = output.ca_bundle_s3_location
      issuing_ca    = output.issuing_ca_cert_s3_location
      issuing_crl   = output.issuing_ca_crl_s3_location
      root_ca       = output.root_ca_cert_s3_location
      root_crl      = output.root_ca_crl_s3_location
      bundle_key    = output.ca_bundle_s3_key
      distributions = output.cloudfront_domain_name == null ? "none" : "one"
      } == {
      bundle        = "mocked.s3.amazonaws.com/serverless-ca-bundle-dev.pem"
      issuing_ca    = "mocked.s3.amazonaws.com/serverless-issuing-ca-dev.crt"
      issuing_crl   = "mocked.s3.amazonaws.com/serverless-issuing-ca-dev.crl"
      root_ca       = "mocked.s3.amazonaws.com/serverless-root-ca-dev.crt"
      root_crl      = "mocked.s3.amazonaws.com/serverless-root-ca-dev.crl"
      bundle_key    = "serverless-ca-bundle-dev.pem"
      distributions = "none"
    }
    error_message = "Published files must be where the contract says."
  }

  assert {
    condition = local.environment == {
      PROJECT                    = "serverless"
      ENVIRONMENT_NAME           = "dev"
      PROD_ENVIRONMENTS          = "[\"prd\",\"prod\"]"
      EXTERNAL_S3_BUCKET         = output.external_s3_bucket_name
      INTERNAL_S3_BUCKET         = output.internal_s3_bucket_name
      DOMAIN                     = ""
      PUBLIC_CRL                 = "disabled"
      ROOT_CA_INFO               = "{\"commonName\":\"Serverless Root CA\",\"country\":\"GB\",\"emailAddress\":null,\"lifetime\":7300,\"locality\":\"London\",\"organization\":\"Serverless\",\"organizationalUnit\":\"IT\",\"pathLengthConstraint\":null,\"state\":\"London\"}"
      ISSUING_CA_INFO            = "{\"commonName\":\"Serverless Issuing CA\",\"country\":\"GB\",\"emailAddress\":null,\"lifetime\":3650,\"locality\":\"London\",\"organization\":\"Serverless\",\"organizationalUnit\":\"IT\",\"pathLengthConstraint\":null,\"state\":\"London\"}"
      ROOT_CRL_DAYS              = "1"
      ROOT_CRL_SECONDS           = "600"
      ISSUING_CRL_DAYS           = "1"
      ISSUING_CRL_SECONDS        = "600"
      MAX_CERT_LIFETIME          = "365"
      SNS_TOPIC_ARN              = "arn:aws:sns:eu-west-2:123456789012:mocked"
      CUSTOM_EXTENSION_ALLOWLIST = "[]"
      EXPIRY_REMINDERS           = "[30,15,7,1]"
      COMPATIBILITY              = "{\"ec_key_encipherment\":false}"
      REPLACE_COMMON_NAME        = "true"
    }
    error_message = "Functions must have the contract's environment."
  }
}

run "production_leaves_the_environment_out_of_ca_names_alone" {
  command = plan

  variables {
    project                      = "secure-email"
    env                          = "prd"
    bucket_prefix                = "Example Ltd"
    dynamodb_deletion_protection = true
    key_administrators           = ["arn:aws:iam::123456789012:role/deployer"]
    request_writer_arns          = ["arn:aws:iam::123456789012:role/deployer"]
  }

  assert {
    condition     = local.root_ca_name == "secure-email-root-ca" && local.issuing_ca_name == "secure-email-issuing-ca" && local.key_gen_alias == "secure-email-tls-keygen" && output.ca_bundle_s3_key == "secure-email-ca-bundle.pem"
    error_message = "CAs, keys and bundle must go without the environment."
  }

  assert {
    condition     = output.certificate_table_name == "SecureEmailCAPrd" && output.journal_table_name == "SecureEmailCAJournalPrd" && module.function["tls-cert"].function_name == "secure-email-tls-cert-prd"
    error_message = "Everything else must keep it."
  }

  assert {
    condition     = output.internal_s3_bucket_name == "example-ltd-secure-email-ca-internal-prd" && output.external_s3_bucket_name == "example-ltd-secure-email-ca-external-prd"
    error_message = "With a prefix, buckets have no suffix."
  }
}

run "a_given_suffix" {
  command = plan

  variables {
    bucket_suffix = "ab1c2"
  }

  assert {
    condition     = output.internal_s3_bucket_name == "serverless-ca-internal-dev-ab1c2" && output.external_s3_bucket_name == "serverless-ca-external-dev-ab1c2"
    error_message = "A given suffix must be taken."
  }
}

run "slack" {
  command = plan

  variables {
    slack_channels = ["pki", "security"]
  }

  assert {
    condition     = module.function["notify"].function_name == "serverless-notify-dev"
    error_message = "notify must have the contract's name."
  }

  assert {
    condition = local.notify_environment == {
      PROJECT             = "serverless"
      SLACK_SECRET_ARN    = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:mocked"
      SLACK_CHANNELS      = "pki,security"
      SLACK_USERNAME      = "Serverless CA"
      SLACK_GOOD_EMOJI    = ":white_check_mark:"
      SLACK_WARNING_EMOJI = ":warning:"
      SLACK_BAD_EMOJI     = ":octagonal_sign:"
    }
    error_message = "notify must have the contract's environment."
  }

  assert {
    condition     = local.invokers.notify == { "sns.amazonaws.com" = "arn:aws:sns:eu-west-2:123456789012:serverless-ca-notifications-dev" }
    error_message = "Only our own topic may invoke notify."
  }
}

run "no_reminders_no_expiry_function" {
  command = plan

  variables {
    expiry_reminders = []
  }

  assert {
    condition     = !contains(keys(module.function), "expiry")
    error_message = "Without reminders there is nothing for expiry to do."
  }
}

run "a_bucket_of_another_deployment" {
  command = plan

  variables {
    external_s3_bucket_name = "shared-bucket"
  }

  assert {
    condition     = length(module.external_s3) == 0 && output.external_s3_bucket_name == "shared-bucket" && output.issuing_ca_crl_s3_location == "shared-bucket.s3.amazonaws.com/serverless-issuing-ca-dev.crl"
    error_message = "A shared bucket must be used and none be made."
  }

  assert {
    condition     = strcontains(local.policies["tls-cert"], "shared-bucket") == false && strcontains(local.policies["issuing-ca-crl"], "arn:aws:s3:::shared-bucket/serverless-issuing-ca-dev.crl")
    error_message = "Functions must publish there, and only their own files."
  }
}
