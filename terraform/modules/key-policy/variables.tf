variable "account_id" {
  type        = string
  description = "Account that the key belongs to"
}

variable "administrators" {
  type        = list(string)
  description = "ARNs of who may administer the key; empty: whom the account's IAM policies allow to"
}

variable "further_administration" {
  type        = list(string)
  description = "Actions of administrators that keys of this kind have beside those of every key"
  default     = []
}

variable "further_statements" {
  type        = any
  description = "Statements that keys of this kind have beside those of every key"
  default     = []
}

variable "id" {
  type        = string
  description = "The policy's Id"
}

variable "partition" {
  type        = string
  description = "AWS partition, e.g. `aws`"
}

variable "reading" {
  type        = list(object({ sid = string, action = string, role_arns = list(string) }))
  description = "What other roles may do that uses nothing up and makes nothing"
  default     = []
}

variable "use" {
  type = object({
    sid             = string
    nobody_else_sid = string
    action          = string
    condition       = map(string)
    role_arns       = list(string)
  })
  description = "The one action that the key is for, the circumstances, and the roles that may do it"
}
