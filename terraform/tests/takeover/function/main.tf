terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  type = string
}

variable "role" {
  type = string
}

variable "zip" {
  type = string
}

resource "aws_lambda_function" "lambda" {
  function_name = var.name
  role          = var.role
  filename      = var.zip
  runtime       = "python3.13"
  handler       = "tls_cert.lambda_handler"
  publish       = true
}

resource "aws_lambda_alias" "lambda" {
  name             = var.name
  function_name    = aws_lambda_function.lambda.function_name
  function_version = "$LATEST"
}

resource "aws_cloudwatch_log_group" "function_log_group" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 30
}
