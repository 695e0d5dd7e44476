variable "administrators" {
  type        = list(string)
  description = "ARNs of who alone changes and deletes the tables and their policies; empty: whom the account's IAM policies allow to"
  default     = []
}

variable "deletion_protection" {
  type        = bool
  description = "Whether AWS refuses to delete the tables"
}

variable "journal_name" {
  type        = string
  description = "Name of the journal table"
}

variable "kms_key_arn" {
  type        = string
  description = "Key that encrypts both tables"
}

variable "name" {
  type        = string
  description = "Name of the certificate table"
}

variable "tags" {
  type        = map(string)
  description = "Tags of both tables"
  default     = {}
}

variable "writing_role_arns" {
  type        = list(string)
  description = "ARNs of roles that write to the tables, as far as their own policies allow; nobody else does"
}
