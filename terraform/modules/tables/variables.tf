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
