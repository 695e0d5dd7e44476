variable "account_id" {
  type        = string
  description = "Account that the key belongs to"
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

variable "tags" {
  type        = map(string)
  description = "Tags of the key"
  default     = {}
}
