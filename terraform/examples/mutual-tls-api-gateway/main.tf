# An HTTP API that asks for client certificates at its own domain, and a function that refuses revoked ones. Applied after
# the authority's first run, as the bundle must be in its bucket.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.90, < 7"
    }
  }
}

provider "aws" {
  region = "eu-west-2"
}

variable "external_s3_bucket_name" {
  type        = string
  description = "Output of the authority's module"
  default     = "serverless-ca-external-dev-a1b2c"
}

variable "ca_bundle_s3_key" {
  type        = string
  description = "Output of the authority's module"
  default     = "serverless-ca-bundle-dev.pem"
}

variable "domain_name" {
  type        = string
  description = "Domain of the API"
  default     = "api.example.com"
}

variable "server_certificate_arn" {
  type        = string
  description = "The API's own certificate, in ACM in this region"
  default     = "arn:aws:acm:eu-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012"
}

variable "authorizer_function_arn" {
  type        = string
  description = "Function of authorizer.mjs"
  default     = "arn:aws:lambda:eu-west-2:123456789012:function:authorizer"
}

data "aws_region" "current" {}

data "aws_s3_object" "bundle" {
  bucket = var.external_s3_bucket_name
  key    = var.ca_bundle_s3_key
}

resource "aws_apigatewayv2_api" "api" {
  name                         = "example"
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = true
}

resource "aws_apigatewayv2_domain_name" "api" {
  domain_name = var.domain_name

  domain_name_configuration {
    certificate_arn = var.server_certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  mutual_tls_authentication {
    truststore_uri     = "s3://${var.external_s3_bucket_name}/${var.ca_bundle_s3_key}"
    truststore_version = data.aws_s3_object.bundle.version_id
  }
}

resource "aws_apigatewayv2_authorizer" "not_revoked" {
  name                              = "not-revoked"
  api_id                            = aws_apigatewayv2_api.api.id
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = "arn:aws:apigateway:${data.aws_region.current.id}:lambda:path/2015-03-31/functions/${var.authorizer_function_arn}/invocations"
  authorizer_payload_format_version = "2.0"
  authorizer_result_ttl_in_seconds  = 0
  enable_simple_responses           = true
}

resource "aws_lambda_permission" "authorizer" {
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer_function_arn
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.api.execution_arn}/authorizers/${aws_apigatewayv2_authorizer.not_revoked.id}"
}

output "authorizer_id" {
  value       = aws_apigatewayv2_authorizer.not_revoked.id
  description = "For each route: authorization_type = CUSTOM"
}
