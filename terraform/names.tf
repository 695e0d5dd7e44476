# Every name that callers, files and trust stores know, and where things stand.

data "aws_caller_identity" "current" {
  lifecycle {
    postcondition {
      condition     = length(var.allowed_account_ids) == 0 || contains(var.allowed_account_ids, self.account_id)
      error_message = "This is account ${self.account_id}, which is not one of allowed_account_ids: the authority belongs in an account of its own."
    }
  }
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id
  dns_suffix = data.aws_partition.current.dns_suffix

  # Production goes without its environment in the names of CAs and keys, and in those alone.
  name_end        = contains(var.prod_envs, var.env) ? "" : "-${var.env}"
  root_ca_name    = "${var.project}-root-ca${local.name_end}"
  issuing_ca_name = "${var.project}-issuing-ca${local.name_end}"

  # Every CA, by a key of this module's: `root` and `issuing` are the contract's, the others those of `issuing_cas`.
  further_ca_names = { for ca, settings in var.issuing_cas : ca => "${var.project}-${ca}${local.name_end}" }
  ca_names         = merge({ root = local.root_ca_name, issuing = local.issuing_ca_name }, local.further_ca_names)

  # With those that are retired and are in `issuing_cas` no more: their rows stay theirs, and can be revoked.
  every_ca_name = distinct(concat(values(local.ca_names), [for ca in sort(tolist(var.ended_cas)) : "${var.project}-${ca}${local.name_end}"]))

  # The CAs that issue leaves, the contract's first: the same functions serve all of them.
  issuing_ca_names = concat([local.issuing_ca_name], values(local.further_ca_names))

  bundle_key     = "${var.project}-ca-bundle${local.name_end}.pem"
  key_gen_alias  = "${var.project}-tls-keygen${local.name_end}"
  intents_alias  = "${var.project}-intents${local.name_end}"
  table_title    = replace(title(replace(var.project, "-", " ")), " ", "")
  table_name     = "${local.table_title}CA${title(var.env)}"
  journal_name   = "${local.table_title}CAJournal${title(var.env)}"
  topic_name     = var.custom_sns_topic_name != "" ? var.custom_sns_topic_name : "${var.project}-ca-notifications-${var.env}"
  machine_name   = "${var.project}-ca-${var.env}"
  own_bucket     = var.external_s3_bucket_name == ""
  bucket_prefix  = replace(lower(var.bucket_prefix), " ", "-")
  bucket_purpose = { for side in ["internal", "external"] : side => "${var.project}-ca-${side}-${var.env}" }

  # Bucket names are one for all of AWS. Without a prefix, a suffix keeps ours apart: the given one, or one that follows
  # from account, region and name, so that no chance has to be remembered.
  bucket_name = {
    for side, purpose in local.bucket_purpose : side => join("-", compact([
      local.bucket_prefix,
      purpose,
      local.bucket_prefix != "" ? "" : coalesce(var.bucket_suffix, substr(sha256("${local.account_id}/${local.region}/${purpose}"), 0, 5)),
    ]))
  }
}
