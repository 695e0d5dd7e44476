variable "domain_name" {
  type        = string
  description = "Domain that the certificate is for"
}

variable "tags" {
  type        = map(string)
  description = "Tags of the certificate"
  default     = {}
}

variable "zone_id" {
  type        = string
  description = "Route 53 zone of the domain"
}
