variable "account_id" {
  type        = string
  description = "Account of the topic"
}

variable "display_name" {
  type        = string
  description = "Name shown to people; empty: none"
  default     = ""
}

variable "email_subscriptions" {
  type        = list(string)
  description = "Addresses that get every notice"
  default     = []
}

variable "kms_key_arn" {
  type        = string
  description = "Key that encrypts notices"
}

variable "lambda_subscriptions" {
  type        = map(string)
  description = "Functions that get every notice: any name to ARN"
  default     = {}
}

variable "name" {
  type        = string
  description = "Name of the topic"
}

variable "partition" {
  type        = string
  description = "AWS partition, e.g. `aws`"
}

variable "policy" {
  type        = string
  description = "The topic's policy as JSON; empty: made from the template"
  default     = ""
}

variable "policy_template" {
  type        = string
  description = "`default` or `cross-account`"
  default     = "default"
}

variable "region" {
  type        = string
  description = "Region of the topic"
}

variable "sqs_subscriptions" {
  type        = map(string)
  description = "Queues that get every notice: any name to ARN"
  default     = {}
}

variable "tags" {
  type        = map(string)
  description = "Tags of the topic"
  default     = {}
}

variable "workload_account_id" {
  type        = string
  description = "Account that may subscribe with `cross-account`"
  default     = ""
}
