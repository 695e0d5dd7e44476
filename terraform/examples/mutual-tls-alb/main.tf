# A load balancer that asks for client certificates: a trust store with the CA bundle and the CRL, and a listener that
# verifies. Applied after the authority's first run, as the files must be in the bucket.

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

variable "issuing_ca_slug" {
  type        = string
  description = "PROJECT-issuing-ca-ENV, without ENV in production"
  default     = "serverless-issuing-ca-dev"
}

variable "load_balancer_arn" {
  type        = string
  description = "Application Load Balancer"
  default     = "arn:aws:elasticloadbalancing:eu-west-2:123456789012:loadbalancer/app/example/50dc6c495c0c9188"
}

variable "target_group_arn" {
  type        = string
  description = "Where requests go"
  default     = "arn:aws:elasticloadbalancing:eu-west-2:123456789012:targetgroup/example/73e2d6bc24d8a067"
}

variable "server_certificate_arn" {
  type        = string
  description = "The load balancer's own certificate, in ACM"
  default     = "arn:aws:acm:eu-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012"
}

data "aws_s3_object" "bundle" {
  bucket = var.external_s3_bucket_name
  key    = var.ca_bundle_s3_key
}

data "aws_s3_object" "crl" {
  bucket = var.external_s3_bucket_name
  key    = "${var.issuing_ca_slug}.crl.pem"
}

resource "aws_lb_trust_store" "clients" {
  name                                     = "clients"
  ca_certificates_bundle_s3_bucket         = var.external_s3_bucket_name
  ca_certificates_bundle_s3_key            = var.ca_bundle_s3_key
  ca_certificates_bundle_s3_object_version = data.aws_s3_object.bundle.version_id
}

resource "aws_lb_trust_store_revocation" "clients" {
  trust_store_arn               = aws_lb_trust_store.clients.arn
  revocations_s3_bucket         = var.external_s3_bucket_name
  revocations_s3_key            = "${var.issuing_ca_slug}.crl.pem"
  revocations_s3_object_version = data.aws_s3_object.crl.version_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = var.load_balancer_arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.server_certificate_arn

  mutual_authentication {
    mode            = "verify"
    trust_store_arn = aws_lb_trust_store.clients.arn
  }

  default_action {
    type             = "forward"
    target_group_arn = var.target_group_arn
  }
}

output "trust_store_arn" {
  value       = aws_lb_trust_store.clients.arn
  description = "Trust store that new CRLs are added to"
}
