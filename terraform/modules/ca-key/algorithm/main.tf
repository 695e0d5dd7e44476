# What KMS is asked for, by key: always a digest (or the ML-DSA message representative µ), never a message, which is limited
# to 4,096 bytes. One algorithm a key: RSA with SHA-256, and the hash that belongs to each curve.

terraform {
  required_version = ">= 1.6"
}

variable "key_spec" {
  type        = string
  description = "KMS key spec"
}

locals {
  algorithms = {
    RSA_2048      = "RSASSA_PKCS1_V1_5_SHA_256"
    RSA_3072      = "RSASSA_PKCS1_V1_5_SHA_256"
    RSA_4096      = "RSASSA_PKCS1_V1_5_SHA_256"
    ECC_NIST_P256 = "ECDSA_SHA_256"
    ECC_NIST_P384 = "ECDSA_SHA_384"
    ECC_NIST_P521 = "ECDSA_SHA_512"
    ML_DSA_44     = "ML_DSA_SHAKE_256"
    ML_DSA_65     = "ML_DSA_SHAKE_256"
    ML_DSA_87     = "ML_DSA_SHAKE_256"
  }
}

output "name" {
  value       = local.algorithms[var.key_spec]
  description = "The one signing algorithm that is used with such a key"
}

output "message_type" {
  value       = startswith(var.key_spec, "ML_DSA_") ? "EXTERNAL_MU" : "DIGEST"
  description = "What is signed"
}
