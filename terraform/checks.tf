# Options that are legal and risky. What cannot work stops a plan; what can, but should be a decision, is said with every
# plan and stops nothing.

# Holds the preconditions that concern several inputs at once, which Terraform 1.6 cannot validate with the inputs.
resource "terraform_data" "inputs" {
  lifecycle {
    precondition {
      condition     = !var.access_logs || var.log_bucket != ""
      error_message = "access_logs needs log_bucket."
    }

    precondition {
      condition     = !var.public_crl || var.hosted_zone_domain != ""
      error_message = "public_crl needs hosted_zone_domain, the domain that certificates will name for their CRL."
    }

    precondition {
      condition     = !local.serves_public || var.cloudfront_certificate_arn != "" || local.makes_certificate
      error_message = "public_crl needs cloudfront_certificate_arn in any region but us-east-1, where CloudFront takes its certificates from. The module modules/certificate makes one: see examples/public-crl-rsa."
    }

    precondition {
      condition     = !local.makes_certificate || var.hosted_zone_id != ""
      error_message = "public_crl needs hosted_zone_id to prove that the domain is yours, or cloudfront_certificate_arn."
    }

    precondition {
      condition     = min(values(local.crl_life_hours)...) >= 2
      error_message = "A CRL must live for two hours at least: see root_crl_days, root_crl_seconds, issuing_crl_days and issuing_crl_seconds, and crl_days and crl_seconds in issuing_cas."
    }

    precondition {
      condition     = (var.subscription_filter_destination == "") == (var.logging_account_id == "")
      error_message = "subscription_filter_destination and logging_account_id go together: logs would be sent nowhere."
    }

    precondition {
      condition     = alltrue([for settings in values(var.issuing_cas) : coalesce(settings.info.lifetime, 3650) <= coalesce(var.root_ca_info.lifetime, 7300)])
      error_message = "A CA in issuing_cas would outlive the root CA: see info.lifetime there and in root_ca_info."
    }

    precondition {
      condition     = !contains([for settings in values(var.issuing_cas) : settings.info.commonName], var.issuing_ca_info.commonName) && !contains([for settings in values(var.issuing_cas) : settings.info.commonName], var.root_ca_info.commonName)
      error_message = "A CA in issuing_cas has the common name of another CA: verifiers take a CRL by its issuer's name."
    }

    precondition {
      condition     = alltrue([for ca_name in values(local.further_ca_names) : length(ca_name) <= 63])
      error_message = "A name in issuing_cas is too long: with project and environment around it, a CA's name has 63 characters at most."
    }

    precondition {
      condition     = length(local.issuing_cas_json) <= 1800
      error_message = "The settings in issuing_cas are too long together: a function's environment has room for 4 KB. Take out a CA that is retired, or shorten what their info says."
    }

    precondition {
      condition     = length(var.signing_vpc_endpoint_ids) == 0 || local.in_vpc
      error_message = "signing_vpc_endpoint_ids needs signing_subnet_ids: a function in no VPC reaches KMS through no endpoint, and nothing would be signed any more."
    }

    precondition {
      condition     = local.in_vpc == (length(var.signing_security_group_ids) > 0)
      error_message = "signing_subnet_ids and signing_security_group_ids go together."
    }

    precondition {
      condition     = !var.sleeping_root || var.root_ca_public_key_sha256 != ""
      error_message = "sleeping_root needs root_ca_public_key_sha256: AWS does not promise to show the public key of a disabled key, and without it nothing would be issued. docs/aws/operations.md says how it is noted."
    }

    precondition {
      condition     = !var.sleeping_root || local.crl_life_hours["root"] >= 30 * 24
      error_message = "sleeping_root needs root_crl_days of 30 at least, better 180: the root's key is woken for every CRL."
    }

    precondition {
      condition     = coalesce(var.issuing_ca_info.lifetime, 3650) <= coalesce(var.root_ca_info.lifetime, 7300)
      error_message = "The issuing CA would outlive the root CA: see the lifetimes in issuing_ca_info and root_ca_info."
    }
  }
}

check "rsa_keys" {
  assert {
    condition     = !anytrue([for key_spec in concat([var.root_ca_key_spec, var.issuing_ca_key_spec], [for settings in values(var.issuing_cas) : settings.key_spec]) : startswith(key_spec, "RSA_")])
    error_message = "A CA has an RSA key. Prefer ECDSA unless something that verifies knows RSA alone."
  }
}

check "compatibility" {
  assert {
    condition     = !var.compatibility.ec_key_encipherment
    error_message = "compatibility.ec_key_encipherment is on: certificates for EC keys get keyEncipherment, which RFC 8813 section 3 forbids. Strict verifiers and linters refuse or report every one of them until it has expired; turn it off as soon as nothing demands it."
  }
}

check "public_crl" {
  assert {
    condition     = !var.public_crl
    error_message = "CRLs and CA certificates are public. They name your authority and what it revoked to everybody; turn public_crl off where nobody outside verifies."
  }
}

check "certificate_lifetime" {
  assert {
    condition     = var.max_cert_lifetime <= 398
    error_message = "max_cert_lifetime of ${var.max_cert_lifetime} days: a stolen key stays useful for as long as nobody checks revocation."
  }
}

check "crl_overlap" {
  assert {
    condition     = local.interval_hours == null || min(values(local.crl_life_hours)...) >= 2 * coalesce(local.interval_hours, 0)
    error_message = "A CRL lives for ${min(values(local.crl_life_hours)...)} hours and is published every ${coalesce(local.interval_hours, 0)} hours: one failed run, and it expires. Publish more often (schedule_expression), or let it live longer."
  }
}

check "production_tables" {
  assert {
    condition     = !contains(var.prod_envs, var.env) || var.dynamodb_deletion_protection
    error_message = "dynamodb_deletion_protection is off in production: only Terraform keeps the tables from being deleted."
  }
}

check "key_administrators" {
  assert {
    condition     = !contains(var.prod_envs, var.env) || length(local.named_administrators) > 0
    error_message = "key_administrators is empty in production, or names the account: whoever has kms:PutKeyPolicy by IAM can let anybody sign with a CA's key."
  }
}

check "request_writers" {
  assert {
    condition     = !contains(var.prod_envs, var.env) || length(var.request_writer_arns) > 0
    error_message = "request_writer_arns is empty in production: whoever may put objects into the internal bucket by IAM has certificates issued by tls.json and revoked by revoked.json. Name the role of your pipeline."
  }
}

check "whole_accounts" {
  assert {
    condition     = !contains(var.prod_envs, var.env) || !anytrue([for principal in var.aws_principals : can(regex("^[0-9]{12}$|:root$", principal))])
    error_message = "aws_principals names a whole account in production: whoever its IAM policies let may have any certificate. Name roles."
  }
}

check "slack_token" {
  assert {
    condition     = nonsensitive(var.slack_token == "")
    error_message = "slack_token is kept in Terraform's state in clear. Prefer to leave it empty and put the token into the secret by hand."
  }
}

check "own_resource_key" {
  assert {
    condition     = var.kms_arn_resource == "" || !var.alarms_enabled || var.sns_policy != "" || can(regex(":${local.region}:${local.account_id}:", var.kms_arn_resource))
    error_message = "kms_arn_resource is a key of another account or region: neither tables nor alarms can use it."
  }
}

check "topic_policy" {
  assert {
    condition     = !strcontains(replace(var.sns_policy, "/\\s/", ""), "\"Principal\":\"*\"") && !strcontains(replace(var.sns_policy, "/\\s/", ""), "\"AWS\":\"*\"")
    error_message = "sns_policy speaks of everybody as principal: see that a condition limits who may publish or subscribe."
  }
}
