# What AWS would answer, where a policy or a name needs it in its true form.

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "123456789012"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition  = "aws"
    dns_suffix = "amazonaws.com"
  }
}

mock_data "aws_region" {
  defaults = {
    id   = "eu-west-2"
    name = "eu-west-2"
  }
}

mock_data "aws_kms_alias" {
  defaults = {
    target_key_arn = "arn:aws:kms:eu-west-2:123456789012:key/aliased"
  }
}

mock_data "aws_secretsmanager_secret" {
  defaults = {
    arn        = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:shared-slack-token"
    kms_key_id = "arn:aws:kms:eu-west-2:123456789012:key/shared"
  }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn    = "arn:aws:kms:eu-west-2:123456789012:key/resource"
    key_id = "resource"
  }
}

mock_resource "aws_kms_alias" {
  defaults = {
    arn = "arn:aws:kms:eu-west-2:123456789012:alias/mocked"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::123456789012:role/mocked"
  }
}

mock_resource "aws_lambda_alias" {
  defaults = {
    arn = "arn:aws:lambda:eu-west-2:123456789012:function:mocked:alias"
  }
}

mock_resource "aws_lambda_function" {
  defaults = {
    arn = "arn:aws:lambda:eu-west-2:123456789012:function:mocked"
  }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    arn = "arn:aws:dynamodb:eu-west-2:123456789012:table/mocked"
  }
}

mock_resource "aws_s3_bucket" {
  defaults = {
    bucket_domain_name          = "mocked.s3.amazonaws.com"
    bucket_regional_domain_name = "mocked.s3.eu-west-2.amazonaws.com"
  }
}

mock_resource "aws_sns_topic" {
  defaults = {
    arn = "arn:aws:sns:eu-west-2:123456789012:mocked"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:eu-west-2:123456789012:mocked"
    url = "https://sqs.eu-west-2.amazonaws.com/123456789012/mocked"
  }
}

mock_resource "aws_sfn_state_machine" {
  defaults = {
    arn = "arn:aws:states:eu-west-2:123456789012:stateMachine:mocked"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-west-2:123456789012:log-group:mocked"
  }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = {
    arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:mocked"
  }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/mocked"
    domain_validation_options = [{
      domain_name           = "ca.example.com"
      resource_record_name  = "_proof.ca.example.com"
      resource_record_type  = "CNAME"
      resource_record_value = "_proof.acm-validations.aws"
    }]
  }
}

mock_resource "aws_acm_certificate_validation" {
  defaults = {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/mocked"
  }
}
