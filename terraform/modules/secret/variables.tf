variable "description" {
  type        = string
  description = "What the secret is"
}

variable "kms_key_arn" {
  type        = string
  description = "Key that encrypts it"
}

variable "managed" {
  type        = bool
  description = "Whether Terraform sets the value"
}

variable "name" {
  type        = string
  description = "Name of the secret"
}

variable "recovery_window_in_days" {
  type        = number
  description = "Days before a deleted secret is gone"
}

variable "tags" {
  type        = map(string)
  description = "Tags of the secret"
  default     = {}
}

variable "value" {
  type        = string
  description = "The value, where Terraform sets it"
  default     = ""
  sensitive   = true
}
