variable "architecture" {
  type        = string
  description = "Instruction set that the code is built for"
}

variable "callers" {
  type        = map(string)
  description = "Aliases beside the function's own, for one caller each, and who that is"
  default     = {}
}

variable "code_signing_config_arn" {
  type        = string
  description = "Code signing configuration; empty: none"
  default     = ""
}

variable "dead_letter_queue_arn" {
  type        = string
  description = "Queue for events that could not be handled"
}

variable "description" {
  type        = string
  description = "What the function does"
}

variable "environment" {
  type        = map(string)
  description = "Environment variables"
}

variable "handler" {
  type        = string
  description = "Name by which the program knows what to be"
}

variable "invokers" {
  type        = map(string)
  description = "Who may invoke: principal to the ARN on whose behalf, or null"
  default     = {}
}

variable "log_destination_arn" {
  type        = string
  description = "Destination that log events are also sent to; empty: none"
  default     = ""
}

variable "log_filter_pattern" {
  type        = string
  description = "Which log events are sent there"
  default     = ""
}

variable "log_kms_key_arn" {
  type        = string
  description = "Key that encrypts the log group; empty: CloudWatch's own"
  default     = ""
}

variable "log_retention_days" {
  type        = number
  description = "Days that log events are kept"
}

variable "memory_size" {
  type        = number
  description = "Memory in MB"
}

variable "name" {
  type        = string
  description = "Name of the function, its alias and its role"
}

variable "policy" {
  type        = string
  description = "What its role may do, as JSON"
}

variable "role_name" {
  type        = string
  description = "Name of the role where it is not the function's"
  default     = null
}

variable "security_group_ids" {
  type        = list(string)
  description = "Security groups of the function in its VPC"
  default     = []
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets that the function is attached to; empty: it is in no VPC"
  default     = []
}

variable "tags" {
  type        = map(string)
  description = "Tags of everything here"
  default     = {}
}

variable "timeout" {
  type        = number
  description = "Seconds that one invocation may take"
}

variable "unqualified_invocation" {
  type        = bool
  description = "Whether those in `invokers` may also invoke the function by its name, and not only by its alias"
  default     = true
}

variable "xray_enabled" {
  type        = bool
  description = "Whether invocations are traced"
}

variable "zip" {
  type        = string
  description = "Path of the code"
}
