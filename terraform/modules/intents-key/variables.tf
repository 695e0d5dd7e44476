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

variable "partition" {
  type        = string
  description = "AWS partition, e.g. `aws`"
}

variable "preparing_role_arns" {
  type        = list(string)
  description = "Roles that may prepare certificates, and so authenticate what is to be signed"
}

variable "tags" {
  type        = map(string)
  description = "Tags of the key"
  default     = {}
}
