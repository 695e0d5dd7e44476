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

variable "emergency_role_arns" {
  type        = list(string)
  description = "Roles that may enable the key besides those in `waking_role_arns`, where those are named and IAM lets them"
  default     = []
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

variable "signing_user_ids" {
  type        = list(string)
  description = "Unique ids of the signing roles, each with the name of its function after a colon: no other session of theirs signs; empty: any"
  default     = []
}

variable "signing_vpc_endpoint_ids" {
  type        = list(string)
  description = "VPC endpoints through which alone the key signs; empty: any way"
  default     = []
}

variable "tags" {
  type        = map(string)
  description = "Tags of the key"
  default     = {}
}

variable "waking_role_arns" {
  type        = list(string)
  description = "Roles that may enable and disable the key, the former alone; empty: who administers the key"
  default     = []
}

variable "waking_needs_mfa" {
  type        = bool
  description = "Whether they need a session with a second factor for it"
  default     = true
}
