variable "account_id" {
  type        = string
  description = "Account of the CA"
}

variable "administrators" {
  type        = list(string)
  description = "ARNs of who applies the deployment, and whatever else has to change code, roles and policies there, e.g. an organisation's own roles"

  validation {
    condition     = length(var.administrators) > 0
    error_message = "administrators must name somebody: nobody could change anything in the account otherwise."
  }
}

variable "break_glass" {
  type        = list(string)
  description = "ARNs of roles for emergencies: they disable and delete keys and touch trails; empty: nobody does as long as the policy is attached"
  default     = []
}

variable "env" {
  type        = string
  description = "Environment of the deployment"
}

variable "organization_id" {
  type        = string
  description = "Organisation that resources stay in; empty: nothing is said of organisations"
  default     = ""
}

variable "partition" {
  type        = string
  description = "AWS partition, e.g. `aws`"
  default     = "aws"
}

variable "project" {
  type        = string
  description = "Project of the deployment"
}

variable "region" {
  type        = string
  description = "Region of the deployment"
}

variable "root_operators" {
  type        = list(string)
  description = "ARNs of roles that enable and disable keys"
  default     = []
}

variable "signing_functions" {
  type        = list(string)
  description = "Short names of the functions that sign"
  default     = ["create-issuing-ca", "create-root-ca", "issuing-ca-crl", "root-ca-crl", "sweep", "tls-cert"]
}

variable "unqualified_invocation" {
  type        = bool
  description = "Whether `tls-cert` may be invoked by its name, and not only by an alias"
  default     = true
}
