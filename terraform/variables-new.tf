# Inputs that the module this one takes over from does not have. Their defaults change nothing for its callers.

variable "alarms_enabled" {
  type        = bool
  description = "Raise alarms to the topic: failed functions and runs, stale and unmeasured CRLs, throttling, undelivered events"
  default     = true
}

variable "allowed_account_ids" {
  type        = list(string)
  description = "Accounts that this may be deployed to; []: any. A plan for another account fails"
  default     = []

  validation {
    condition     = alltrue([for id in var.allowed_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "allowed_account_ids must be account numbers of 12 digits."
  }
}

variable "bucket_suffix" {
  type        = string
  description = "Last part of the names of new buckets, where there is no `bucket_prefix`; empty: derived from account, region and names"
  default     = ""

  validation {
    condition     = can(regex("^[a-z0-9]{0,12}$", var.bucket_suffix))
    error_message = "bucket_suffix must be up to 12 lower-case letters and digits."
  }
}

variable "cloudfront_certificate_arn" {
  type        = string
  description = "ACM certificate in us-east-1 for `hosted_zone_domain`; needed with `public_crl` in any other region (module `modules/certificate` makes one)"
  default     = ""

  validation {
    condition     = var.cloudfront_certificate_arn == "" || can(regex("^arn:[a-z-]+:acm:us-east-1:", var.cloudfront_certificate_arn))
    error_message = "cloudfront_certificate_arn must be the ARN of an ACM certificate in us-east-1: CloudFront takes no other."
  }
}

variable "cloudfront_keep_origin_access_identity" {
  type        = bool
  description = "Keep the origin access identity of a distribution that is taken over; true for the first apply only"
  default     = false
}

variable "code_signing_config_arn" {
  type        = string
  description = "Code signing configuration of the functions; empty: none"
  default     = ""
}

variable "compatibility" {
  type = object({
    ec_key_encipherment = optional(bool, false)
  })
  description = "What some relying parties demand against the standards, each off by default. `ec_key_encipherment`: keyEncipherment in certificates for EC keys, which RFC 8813 forbids"
  default     = {}
  nullable    = false
}

variable "ended_cas" {
  type        = set(string)
  description = "Issuing CAs that are retired (`retired` in `chancery --aws … ca list`), e.g. `issuing-ca`: no CRL is published for them, so none is alarmed of. They stay here when they are taken out of `issuing_cas`, so that their rows stay protected and can be revoked"
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for ca in var.ended_cas : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", ca)) && ca != "root-ca"])
    error_message = "ended_cas holds names of issuing CAs: issuing-ca, or one that is or was in issuing_cas."
  }
}

variable "issuing_cas" {
  type = map(object({
    info = object({
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
    key_spec    = optional(string, "ECC_NIST_P256")
    crl_days    = optional(number)
    crl_seconds = optional(number)
  }))

  description = "Further issuing CAs below the root, by name, e.g. `issuing-ca-2`, four at most: `info` as `issuing_ca_info`, and optionally `key_spec`, `crl_days` and `crl_seconds`. Each is made as `pending`; `chancery --aws … ca activate` lets it issue. An entry stays until its CA is retired"
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for ca in keys(var.issuing_cas) : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", ca))])
    error_message = "The names in issuing_cas go into those of keys, files and rows: words of lower-case letters and digits with a hyphen between them, the first with a letter in front, such as issuing-ca-2."
  }

  validation {
    condition     = length(setintersection(keys(var.issuing_cas), ["root", "root-ca", "issuing", "issuing-ca", "ca-bundle", "intents", "tls-keygen"])) == 0
    error_message = "issuing_cas has a name that something else has: root, root-ca, issuing, issuing-ca, ca-bundle, intents and tls-keygen are taken. The contract's issuing CA is set by issuing_ca_info and issuing_ca_key_spec."
  }

  validation {
    condition     = length(var.issuing_cas) <= 4
    error_message = "issuing_cas holds four CAs at most, for which policies and environment of a function have room. Take out one that is retired."
  }

  validation {
    condition     = length(distinct([for settings in values(var.issuing_cas) : settings.info.commonName])) == length(var.issuing_cas)
    error_message = "The CAs in issuing_cas need common names of their own: verifiers take a CRL by its issuer's name."
  }

  validation {
    condition     = alltrue([for settings in values(var.issuing_cas) : settings.info.country == null || can(regex("^[A-Z]{2}$", settings.info.country))])
    error_message = "info.country in issuing_cas must be two capital letters (ISO 3166-1)."
  }

  validation {
    condition = alltrue([for settings in values(var.issuing_cas) : contains(
      ["RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87"],
      settings.key_spec,
    )])
    error_message = "key_spec in issuing_cas must be RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ML_DSA_44, ML_DSA_65 or ML_DSA_87."
  }
}

variable "key_administrators" {
  type        = list(string)
  description = "ARNs of who may administer the CAs' keys; []: whom the account's IAM policies allow to. Must include who applies this"
  default     = []

  validation {
    condition     = alltrue([for arn in var.key_administrators : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:[^*]+$", arn))])
    error_message = "key_administrators must be IAM ARNs without wildcards."
  }
}

variable "lambda_architecture" {
  type        = string
  description = "Instruction set that `lambda_zip` is built for: `x86_64` or `arm64`"
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.lambda_architecture)
    error_message = "lambda_architecture must be \"x86_64\" or \"arm64\"."
  }
}

variable "lambda_zip" {
  type        = string
  description = "Path of the functions' code; empty: `dist/chancery-lambda.zip` of the repository, which `cargo xtask lambda` makes"
  default     = ""
}

variable "log_kms_key_arn" {
  type        = string
  description = "Key that encrypts log groups; empty: CloudWatch's own. Its policy must let CloudWatch Logs use it"
  default     = ""
}

variable "log_retention_days" {
  type        = number
  description = "Days that the functions' logs are kept"
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of the terms CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "operator_role_arns" {
  type        = list(string)
  description = "ARNs of roles that change which CA issues: they may read the CAs' public keys, which an identity policy alone does not allow where `key_administrators` is set. What else they need is the output `ca_operator_policy`"
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for role in var.operator_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", role))])
    error_message = "operator_role_arns holds ARNs of roles, without wildcards."
  }
}

variable "replace_common_name" {
  type        = bool
  description = "Whether a request may give the key of a CSR that has a common name another common name, as the former functions let it. Whoever may invoke `tls-cert` and has somebody's CSR can then claim that key; false: a CSR's common name stays"
  default     = true
  nullable    = false
}
