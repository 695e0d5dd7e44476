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

variable "break_glass_role_arns" {
  type        = list(string)
  description = "ARNs of roles that nobody uses but in an emergency: who may disable and delete keys and touch trails under the policy in `service_control_policy`"
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for role in var.break_glass_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", role))])
    error_message = "break_glass_role_arns holds ARNs of roles, without wildcards."
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

variable "organization_id" {
  type        = string
  description = "Organisation that the account belongs to, e.g. `o-exampleorgid`, for the policy in `resource_control_policy`; empty: it says nothing of organisations"
  default     = ""
  nullable    = false

  validation {
    condition     = var.organization_id == "" || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id begins with o- and has 10 to 32 lower-case letters and digits after it."
  }
}

variable "pin_signing_roles" {
  type        = bool
  description = "Whether CA keys sign for those very roles alone that exist now, and in sessions of their functions alone: a role that is made again under the same name does not sign before this is applied again. Try it on an account that does not matter first"
  default     = false
  nullable    = false
}

variable "replace_common_name" {
  type        = bool
  description = "Whether a request may give the key of a CSR that has a common name another common name, as the former functions let it. Whoever may invoke `tls-cert` and has somebody's CSR can then claim that key; false: a CSR's common name stays"
  default     = true
  nullable    = false
}

variable "request_writer_arns" {
  type        = list(string)
  description = "ARNs of roles and users that alone put `tls.json`, `revoked*.json` and `csrs/*` into the internal bucket; []: whom the account's IAM policies allow to. Must include who applies this, where it uploads them"
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.request_writer_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^*]+$", arn))])
    error_message = "request_writer_arns holds ARNs of roles and users, without wildcards."
  }
}

variable "root_ca_public_key_sha256" {
  type        = string
  description = "SHA-256 of the root's public key (DER) in hexadecimal digits, as it was noted when the key was made: by it the functions know the key while it is disabled. Needed for `sleeping_root`"
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([0-9a-f]{64})?$", var.root_ca_public_key_sha256))
    error_message = "root_ca_public_key_sha256 has 64 lower-case hexadecimal digits."
  }
}

variable "root_operator_mfa" {
  type        = bool
  description = "Whether root operators need a session with a second factor (`aws:MultiFactorAuthPresent`). Sessions of IAM Identity Center never have it: false where they come from there, and the second factor is demanded at the sign-in"
  default     = true
  nullable    = false
}

variable "root_operator_role_arns" {
  type        = list(string)
  description = "ARNs of roles that alone wake the root's key, besides `break_glass_role_arns`, and put it to sleep again; []: who administers the key. What else they need is the output `root_operator_policy`"
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for role in var.root_operator_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", role))])
    error_message = "root_operator_role_arns holds ARNs of roles, without wildcards."
  }
}

variable "signing_security_group_ids" {
  type        = list(string)
  description = "Security groups of the functions that sign, with `signing_subnet_ids`"
  default     = []
  nullable    = false
}

variable "signing_subnet_ids" {
  type        = list(string)
  description = "Subnets that the functions that sign are attached to; []: they are in no VPC. From there they must reach KMS, DynamoDB, S3 and SNS"
  default     = []
  nullable    = false
}

variable "signing_vpc_endpoint_ids" {
  type        = list(string)
  description = "VPC endpoints of KMS through which alone CA keys sign, so that credentials that were carried out of a function are of no use; needs `signing_subnet_ids`. []: any way"
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.signing_vpc_endpoint_ids : can(regex("^vpce-[0-9a-f]{8,17}$", id))])
    error_message = "signing_vpc_endpoint_ids holds ids of VPC endpoints, such as vpce-0123456789abcdef0."
  }
}

variable "sleeping_root" {
  type        = bool
  description = "Whether the root's key is disabled between uses: runs publish no root CRL, which lives for `root_crl_days` (30 at least), and alarms wait for two thirds of that. Recommended for production"
  default     = false
  nullable    = false
}

variable "unqualified_invocation" {
  type        = bool
  description = "Whether `aws_principals` may invoke `tls-cert` by its name, too, as callers of the former module do, and not only by its alias"
  default     = true
  nullable    = false
}
