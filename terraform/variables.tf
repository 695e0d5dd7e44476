# The inputs of the module that this one takes over from, with their names and defaults. Those that it did not have are in
# variables-new.tf.

variable "access_logs" {
  type        = bool
  description = "Log access to the buckets; needs `log_bucket`"
  default     = false
}

variable "additional_dynamodb_tags" {
  type        = map(string)
  description = "Tags of the DynamoDB tables, besides `tags`"
  default     = {}
}

variable "additional_lambda_tags" {
  type        = map(string)
  description = "Tags of the Lambda functions, besides `tags`"
  default     = {}
}

variable "additional_s3_tags" {
  type        = map(string)
  description = "Tags of the buckets, besides `tags`"
  default     = {}
}

variable "aws_principals" {
  type        = list(string)
  description = "ARNs of roles, users or accounts that may invoke the tls-cert function and assume the table-reader role"
  default     = []

  validation {
    condition     = alltrue([for principal in var.aws_principals : can(regex("^([0-9]{12}|arn:[a-z-]+:(iam|sts)::[0-9]{12}:[^*]+)$", principal))])
    error_message = "aws_principals names who may have any certificate: each must be an IAM ARN or an account number, without wildcards."
  }
}

variable "blocked_encryption_types" {
  type        = list(string)
  description = "Kinds of server-side encryption that uploads may not use: `SSE-C`, or none"
  default     = ["SSE-C"]

  validation {
    condition     = length(setsubtract(var.blocked_encryption_types, ["SSE-C", "NONE"])) == 0
    error_message = "blocked_encryption_types may hold \"SSE-C\"; [] or [\"NONE\"] blocks nothing."
  }
}

variable "bucket_key_enabled" {
  type        = bool
  description = "Let S3 make keys of its own below the KMS key of the internal bucket, which saves KMS calls"
  default     = false
}

variable "bucket_prefix" {
  type        = string
  description = "First part of the bucket names; empty: a suffix makes them unique"
  default     = ""
}

variable "cert_info_files" {
  type        = list(string)
  description = "Which of `tls`, `revoked` and `revoked-root-ca` are uploaded to the internal bucket, from `certs/ENV/NAME.json` under the working directory"
  default     = []

  validation {
    condition     = length(setsubtract(var.cert_info_files, ["tls", "revoked", "revoked-root-ca"])) == 0
    error_message = "cert_info_files may hold \"tls\", \"revoked\" and \"revoked-root-ca\"."
  }
}

variable "cloudfront_geo_restricted_locations" {
  type        = list(string)
  description = "Countries that the public CRL is not served to, ISO 3166-1 alpha-2"
  default     = ["CN", "IR", "KP", "RU"]
}

variable "cloudfront_minimum_protocol_version" {
  type        = string
  description = "Lowest TLS policy of the public CRL's distribution"
  default     = "TLSv1.2_2021"

  validation {
    condition     = can(regex("^TLSv1\\.[23]_20(1[89]|[2-9][0-9])$", var.cloudfront_minimum_protocol_version))
    error_message = "cloudfront_minimum_protocol_version must be TLSv1.2_2018 or a later policy of CloudFront's."
  }
}

variable "cloudfront_web_acl_id" {
  type        = string
  description = "ARN of a web ACL for the public CRL's distribution"
  default     = null
}

variable "csr_files" {
  type        = list(string)
  description = "Requests that are uploaded to the internal bucket, from `certs/ENV/csrs/` under the working directory"
  default     = []

  validation {
    condition     = alltrue([for name in var.csr_files : can(regex("^[^/]+$", name)) && !contains([".", ".."], name)])
    error_message = "csr_files are plain file names, without a folder."
  }
}

variable "custom_extension_allowlist" {
  type        = list(string)
  description = "OIDs of extensions that requests may bring; those the CA sets itself never"
  default     = []

  validation {
    condition     = alltrue([for oid in var.custom_extension_allowlist : can(regex("^[0-2](\\.(0|[1-9][0-9]*))+$", oid))])
    error_message = "custom_extension_allowlist must hold OIDs in dotted form, e.g. \"1.3.6.1.4.1.311.20.2\"."
  }

  validation {
    condition = length(setintersection(var.custom_extension_allowlist, [
      "1.3.6.1.5.5.7.1.1", "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.31", "2.5.29.32", "2.5.29.35", "2.5.29.37",
    ])) == 0
    error_message = "custom_extension_allowlist holds an extension that the CA sets itself, which requests can never bring."
  }
}

variable "custom_sns_topic_display_name" {
  type        = string
  description = "Display name of the topic; empty: none"
  default     = ""
}

variable "custom_sns_topic_name" {
  type        = string
  description = "Name of the topic; empty: `PROJECT-ca-notifications-ENV`"
  default     = ""
}

variable "default_aws_kms_key_for_s3" {
  type        = bool
  description = "Encrypt the internal bucket with the account's `aws/s3` key"
  default     = false
}

variable "dynamodb_deletion_protection" {
  type        = bool
  description = "Have AWS refuse to delete the tables, besides Terraform, which refuses anyway"
  default     = false
}

variable "env" {
  type        = string
  description = "Environment, the last part of names"
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$", var.env))
    error_message = "env goes into bucket names: up to 16 lower-case letters, digits and hyphens."
  }
}

variable "expiry_reminders" {
  type        = list(number)
  description = "Days before a certificate's end at which reminders are sent; []: none"
  default     = [30, 15, 7, 1]

  validation {
    condition     = alltrue([for days in var.expiry_reminders : days >= 0 && floor(days) == days])
    error_message = "expiry_reminders are whole days."
  }
}

variable "external_s3_bucket_name" {
  type        = string
  description = "External bucket of another deployment in the account, to publish into instead of one's own"
  default     = ""
}

variable "external_slack_secret_name" {
  type        = string
  description = "Secret of another deployment in the account that holds the Slack token, to use instead of one's own"
  default     = ""
}

variable "filter_pattern" {
  type        = string
  description = "Which log events are sent to `subscription_filter_destination`; empty: all"
  default     = ""
}

variable "hosted_zone_domain" {
  type        = string
  description = "Domain of the public CRL, e.g. `ca.example.com`"
  default     = ""

  validation {
    condition     = can(regex("^([0-9A-Za-z_]([0-9A-Za-z_-]*[0-9A-Za-z_])?(\\.|$))*$", var.hosted_zone_domain))
    error_message = "hosted_zone_domain is a domain alone, such as ca.example.com: without http:// before it, and without a path. Certificates carry it for as long as they live."
  }
}

variable "hosted_zone_id" {
  type        = string
  description = "Route 53 zone of that domain; empty: its records are kept elsewhere"
  default     = ""
}

variable "issuing_ca_info" {
  type = object({
    commonName           = string
    country              = optional(string)
    state                = optional(string)
    lifetime             = optional(number)
    locality             = optional(string)
    organization         = optional(string)
    organizationalUnit   = optional(string)
    emailAddress         = optional(string)
    pathLengthConstraint = optional(number)
  })

  description = "Subject, lifetime in days and path length constraint of the issuing CA"
  default = {
    commonName           = "Serverless Issuing CA"
    country              = "GB"
    state                = "London"
    lifetime             = 3650
    locality             = "London"
    organization         = "Serverless"
    organizationalUnit   = "IT"
    emailAddress         = null
    pathLengthConstraint = null
  }

  validation {
    condition     = var.issuing_ca_info.country == null || can(regex("^[A-Z]{2}$", var.issuing_ca_info.country))
    error_message = "issuing_ca_info.country must be two capital letters (ISO 3166-1)."
  }
}

variable "issuing_ca_key_spec" {
  type        = string
  description = "KMS key spec of the issuing CA"
  default     = "ECC_NIST_P256"

  validation {
    condition = contains(
      ["RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87"],
      var.issuing_ca_key_spec,
    )
    error_message = "issuing_ca_key_spec must be RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ML_DSA_44, ML_DSA_65 or ML_DSA_87."
  }
}

variable "issuing_crl_days" {
  type        = number
  description = "Days that an issuing CA's CRL lives, besides `issuing_crl_seconds`"
  default     = 1
}

variable "issuing_crl_seconds" {
  type        = number
  description = "Seconds that an issuing CA's CRL lives, besides `issuing_crl_days`"
  default     = 600
}

variable "kms_arn_resource" {
  type        = string
  description = "Key that encrypts tables, topic and secret; empty: the module's own. Its policy must let CloudWatch alarms use it"
  default     = ""

  validation {
    condition     = var.kms_arn_resource == "" || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_arn_resource))
    error_message = "kms_arn_resource must be the ARN of a key, not of an alias."
  }
}

variable "kms_key_alias" {
  type        = string
  description = "Alias (`alias/…`) of the key that encrypts the internal bucket; empty: the module's own key"
  default     = ""

  validation {
    condition     = var.kms_key_alias == "" || startswith(var.kms_key_alias, "alias/")
    error_message = "kms_key_alias must begin with \"alias/\"."
  }
}

variable "log_bucket" {
  type        = string
  description = "Bucket for access logs"
  default     = ""
}

variable "logging_account_id" {
  type        = string
  description = "Account of the log destination"
  default     = ""
}

variable "max_cert_lifetime" {
  type        = number
  description = "Longest life of a certificate, in days"
  default     = 365

  validation {
    condition     = var.max_cert_lifetime >= 1 && floor(var.max_cert_lifetime) == var.max_cert_lifetime
    error_message = "max_cert_lifetime is a whole number of days, at least 1."
  }
}

variable "memory_size" {
  type        = number
  description = "Memory of each function, in MB"
  default     = 128
}

variable "prod_envs" {
  type        = list(string)
  description = "Environments that the names of CAs and keys do not show"
  default     = ["prd", "prod"]
}

variable "project" {
  type        = string
  description = "First part of names"
  default     = "serverless"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$", var.project))
    error_message = "project goes into bucket names: up to 24 lower-case letters, digits and hyphens."
  }
}

variable "public_crl" {
  type        = bool
  description = "Serve CRLs and CA certificates to everybody, through CloudFront"
  default     = false
}

variable "root_ca_info" {
  type = object({
    commonName           = string
    country              = optional(string)
    state                = optional(string)
    lifetime             = optional(number)
    locality             = optional(string)
    organization         = optional(string)
    organizationalUnit   = optional(string)
    emailAddress         = optional(string)
    pathLengthConstraint = optional(number)
  })

  description = "Subject, lifetime in days and path length constraint of the root CA"
  default = {
    commonName           = "Serverless Root CA"
    country              = "GB"
    state                = "London"
    lifetime             = 7300
    locality             = "London"
    organization         = "Serverless"
    organizationalUnit   = "IT"
    emailAddress         = null
    pathLengthConstraint = null
  }

  validation {
    condition     = var.root_ca_info.country == null || can(regex("^[A-Z]{2}$", var.root_ca_info.country))
    error_message = "root_ca_info.country must be two capital letters (ISO 3166-1)."
  }
}

variable "root_ca_key_spec" {
  type        = string
  description = "KMS key spec of the root CA"
  default     = "ECC_NIST_P384"

  validation {
    condition = contains(
      ["RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87"],
      var.root_ca_key_spec,
    )
    error_message = "root_ca_key_spec must be RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ML_DSA_44, ML_DSA_65 or ML_DSA_87."
  }
}

variable "root_crl_days" {
  type        = number
  description = "Days that the root CA's CRL lives, besides `root_crl_seconds`"
  default     = 1
}

variable "root_crl_seconds" {
  type        = number
  description = "Seconds that the root CA's CRL lives, besides `root_crl_days`"
  default     = 600
}

# tflint-ignore: terraform_unused_declarations
variable "runtime" {
  type        = string
  description = "Ignored, for callers that set it: the functions are programs of their own, on `provided.al2023`"
  default     = ""
}

variable "s3_aws_principals" {
  type        = list(string)
  description = "ARNs of who may read the external bucket besides the account"
  default     = []

  validation {
    condition     = !contains(var.s3_aws_principals, "*")
    error_message = "s3_aws_principals must name principals: the bucket stays private. For everybody, use public_crl."
  }
}

variable "schedule_expression" {
  type        = string
  description = "When CRLs are published, `tls.json` is gone through and reminders are sent: four times a day, so that several publications fall into one CRL's life"
  default     = "cron(15 2,8,14,20 * * ? *)"

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.schedule_expression))
    error_message = "schedule_expression must be cron(…) or rate(…)."
  }
}

variable "secret_recovery_window_in_days" {
  type        = number
  description = "Days before a deleted Slack secret is gone"
  default     = 7
}

variable "slack_bad_emoji" {
  type        = string
  description = "Emoji of bad news"
  default     = ":octagonal_sign:"
}

variable "slack_channels" {
  type        = list(string)
  description = "Slack channels that notices go to; []: no Slack"
  default     = []
}

variable "slack_good_emoji" {
  type        = string
  description = "Emoji of good news"
  default     = ":white_check_mark:"
}

variable "slack_token" {
  type        = string
  description = "Token of the Slack app; empty: put into the secret by hand, which keeps it out of Terraform's state"
  default     = ""
  sensitive   = true
}

variable "slack_username" {
  type        = string
  description = "Name that messages come from"
  default     = "Serverless CA"
}

variable "slack_warning_emoji" {
  type        = string
  description = "Emoji of warnings"
  default     = ":warning:"
}

variable "sns_email_subscriptions" {
  type        = list(string)
  description = "Addresses that get every notice and alarm"
  default     = []
}

variable "sns_lambda_subscriptions" {
  type        = map(string)
  description = "Functions that get every notice and alarm: any name to ARN"
  default     = {}
}

variable "sns_policy" {
  type        = string
  description = "Policy of the topic as JSON; empty: made from `sns_policy_template`"
  default     = ""
}

variable "sns_policy_template" {
  type        = string
  description = "`default`: the account alone; `cross-account`: `workload_account_id` may subscribe"
  default     = "default"

  validation {
    condition     = contains(["default", "cross-account"], var.sns_policy_template)
    error_message = "sns_policy_template must be \"default\" or \"cross-account\"."
  }
}

variable "sns_sqs_subscriptions" {
  type        = map(string)
  description = "Queues that get every notice and alarm: any name to ARN"
  default     = {}
}

variable "sse_algorithm" {
  type        = string
  description = "Encryption of uploaded objects: `AES256`, `aws:kms`; empty: the module's own key"
  default     = ""

  validation {
    condition     = contains(["", "AES256", "aws:kms"], var.sse_algorithm)
    error_message = "sse_algorithm must be \"AES256\", \"aws:kms\" or empty."
  }
}

variable "subscription_filter_destination" {
  type        = string
  description = "Last part of the ARN of a log destination in `logging_account_id`"
  default     = ""
}

variable "tags" {
  type        = map(string)
  description = "Tags of everything"
  default     = {}
}

variable "timeout" {
  type        = number
  description = "Seconds that one invocation may take"
  default     = 180

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900
    error_message = "timeout must lie between 1 and 900 seconds."
  }
}

variable "workload_account_id" {
  type        = string
  description = "Account that may subscribe to the topic with `sns_policy_template` `cross-account`"
  default     = ""
}

variable "xray_enabled" {
  type        = bool
  description = "Trace invocations with X-Ray"
  default     = true
}
