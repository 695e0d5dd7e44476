variable "account_id" {
  type        = string
  description = "Account that the key belongs to"
}

variable "administrators" {
  type        = list(string)
  description = "ARNs of who may administer the key; empty: whom the account's IAM policies allow to"
  default     = []
}

variable "alias" {
  type        = string
  description = "Alias, without `alias/`"
}

variable "description" {
  type        = string
  description = "What the key is for"
}

variable "key_spec" {
  type        = string
  description = "KMS key spec"
}

variable "partition" {
  type        = string
  description = "AWS partition, e.g. `aws`"
}

variable "reading_role_arns" {
  type        = list(string)
  description = "Roles that read the public key without signing"
  default     = []
}

variable "signing_role_arns" {
  type        = list(string)
  description = "Roles that may sign"
}

variable "tags" {
  type        = map(string)
  description = "Tags of the key"
  default     = {}
}
