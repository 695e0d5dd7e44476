variable "bucket_name" {
  type        = string
  description = "Bucket that is served"
}

variable "bucket_regional_domain_name" {
  type        = string
  description = "Domain of the bucket in its region"
}

variable "certificate_arn" {
  type        = string
  description = "ACM certificate in us-east-1 for the domain"
}

variable "domain_name" {
  type        = string
  description = "Domain of the published files"
}

variable "env" {
  type        = string
  description = "Environment"
}

variable "geo_restricted_locations" {
  type        = list(string)
  description = "Countries that are not served, ISO 3166-1 alpha-2"
  default     = []
}

variable "keep_origin_access_identity" {
  type        = bool
  description = "Whether an origin access identity is kept that an earlier distribution read through"
  default     = false
}

variable "minimum_protocol_version" {
  type        = string
  description = "Lowest TLS policy"
}

variable "project" {
  type        = string
  description = "Project"
}

variable "tags" {
  type        = map(string)
  description = "Tags of the distribution"
  default     = {}
}

variable "web_acl_id" {
  type        = string
  description = "ARN of a web ACL; null: none"
  default     = null
}

variable "zone_id" {
  type        = string
  description = "Route 53 zone of the domain; empty: records are kept elsewhere"
}
