variable "account_id" {
  type        = string
  description = "Account whose distributions may read"
}

variable "administrators" {
  type        = list(string)
  description = "ARNs of who alone changes the bucket's policy, versioning, lifecycle and replication; empty: whom the account's IAM policies allow to"
  default     = []
}

variable "blocked_encryption_types" {
  type        = list(string)
  description = "Kinds of encryption that uploads may not use; `SSE-C` is known"
  default     = ["SSE-C"]
}

variable "bucket_key_enabled" {
  type        = bool
  description = "Whether S3 makes keys of its own below the KMS key"
  default     = false
}

variable "cloudfront" {
  type        = bool
  description = "Whether CloudFront distributions of the account read the bucket"
  default     = false
}

variable "kms" {
  type        = bool
  description = "Whether objects are encrypted with KMS; otherwise by S3 itself"
}

variable "kms_key_arn" {
  type        = string
  description = "Key or alias for objects; null: the account's `aws/s3`"
  default     = null
}

variable "log_bucket" {
  type        = string
  description = "Bucket for access logs; empty: none"
  default     = ""
}

variable "name" {
  type        = string
  description = "Name of the bucket where it is made anew"
}

variable "origin_access_identity_arn" {
  type        = string
  description = "ARN of an origin access identity that still reads; empty: none"
  default     = ""
}

variable "partition" {
  type        = string
  description = "AWS partition, e.g. `aws`"
}

variable "purpose" {
  type        = string
  description = "Name of the bucket without prefix and suffix"
}

variable "reader_principals" {
  type        = list(string)
  description = "ARNs of who may read besides the account"
  default     = []
}

variable "tags" {
  type        = map(string)
  description = "Tags of the bucket"
  default     = {}
}

variable "writers" {
  type        = map(object({ keys = list(string), arns = list(string) }))
  description = "Who alone puts and deletes which objects, by words that say so: the last part of the statement's id. What is in no list, the account's IAM policies decide about"
  default     = {}
}
