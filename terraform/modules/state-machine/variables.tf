variable "account_id" {
  type        = string
  description = "Account of the state machine"
}

variable "dead_letter_queue_arn" {
  type        = string
  description = "Queue for runs that could not be started"
}

variable "dns_suffix" {
  type        = string
  description = "Domain of the partition's services, e.g. `amazonaws.com`"
}

variable "expiry" {
  type        = bool
  description = "Whether reminders are sent"
}

variable "function_arns" {
  type        = map(string)
  description = "Function's short name to the ARN that the machine invokes it by"
}

variable "internal_bucket_key_arns" {
  type        = list(string)
  description = "Keys that tls.json may be encrypted with"
}

variable "internal_bucket_name" {
  type        = string
  description = "Bucket of tls.json"
}

variable "log_kms_key_arn" {
  type        = string
  description = "Key that encrypts the log group; empty: CloudWatch's own"
  default     = ""
}

variable "name" {
  type        = string
  description = "Name of the state machine and its role"
}

variable "partition" {
  type        = string
  description = "AWS partition, e.g. `aws`"
}

variable "region" {
  type        = string
  description = "Region of the state machine"
}

variable "root_crl" {
  type        = bool
  description = "Whether the root CA's CRL is published with every run; otherwise somebody has its function called"
  default     = true
}

variable "schedule_expression" {
  type        = string
  description = "When it runs"
}

variable "schedule_name" {
  type        = string
  description = "Name of the schedule"
}

variable "scheduler_role_name" {
  type        = string
  description = "Name of the schedule's role"
}

variable "tags" {
  type        = map(string)
  description = "Tags of everything here"
  default     = {}
}

variable "task_timeout" {
  type        = number
  description = "Seconds after which a step counts as failed"
}

variable "tls" {
  type        = bool
  description = "Whether tls.json is gone through"
}
