# What goes in (lists and requests, from the repository) and what comes out (certificates and CRLs, for everybody who
# verifies).

module "internal_s3" {
  source = "./modules/bucket"

  name                     = local.bucket_name["internal"]
  purpose                  = local.bucket_purpose["internal"]
  kms                      = true
  kms_key_arn              = var.default_aws_kms_key_for_s3 ? null : var.kms_key_alias == "" ? module.kms_tls_keygen.alias_arn : "arn:${local.partition}:kms:${local.region}:${local.account_id}:${var.kms_key_alias}"
  bucket_key_enabled       = var.bucket_key_enabled
  blocked_encryption_types = var.blocked_encryption_types
  log_bucket               = var.access_logs ? var.log_bucket : ""
  administrators           = local.named_administrators
  writers                  = length(var.request_writer_arns) == 0 ? {} : { RequestWritersPutRequests = { keys = local.request_keys, arns = var.request_writer_arns } }
  account_id               = local.account_id
  partition                = local.partition
  tags                     = merge(var.tags, var.additional_s3_tags)
}

module "external_s3" {
  source = "./modules/bucket"
  count  = local.own_bucket ? 1 : 0

  name                       = local.bucket_name["external"]
  purpose                    = local.bucket_purpose["external"]
  kms                        = false
  blocked_encryption_types   = var.blocked_encryption_types
  log_bucket                 = var.access_logs ? var.log_bucket : ""
  cloudfront                 = var.public_crl
  origin_access_identity_arn = var.public_crl && var.cloudfront_keep_origin_access_identity ? module.ca_cloudfront[0].origin_access_identity_arn : ""
  reader_principals          = var.s3_aws_principals
  administrators             = local.named_administrators
  writers                    = local.publishers
  account_id                 = local.account_id
  partition                  = local.partition
  tags                       = merge(var.tags, var.additional_s3_tags)
}

locals {
  # What is signed or revoked because somebody put it there.
  request_keys = ["tls.json", "revoked*.json", "csrs/*"]

  # Of what is published, each file by the function that makes it. An older CRL that somebody puts back takes revocations with it.
  # Where the bucket is another deployment's, its policy is that one's: ours are then kept by the account's IAM policies alone.
  publishers = {
    RootCaCrlPublishesCrls      = { keys = local.crl_keys["root"], arns = [module.function["root-ca-crl"].role_arn] }
    IssuingCaCrlPublishesCrls   = { keys = local.crl_keys["issuing"], arns = [module.function["issuing-ca-crl"].role_arn] }
    CreateRootCaPublishes       = { keys = ["${local.root_ca_name}.crt"], arns = [module.function["create-root-ca"].role_arn] }
    CreateIssuingCaPublishes    = { keys = [for ca_name in local.listed_issuing_ca_names : "${ca_name}.crt"], arns = [module.function["create-issuing-ca"].role_arn] }
    CreatorsPublishTheWholeList = { keys = [local.bundle_key], arns = [module.function["create-root-ca"].role_arn, module.function["create-issuing-ca"].role_arn] }
  }

  crl_keys = {
    root    = [for end in [".crl", ".crl.pem"] : "${local.root_ca_name}${end}"]
    issuing = flatten([for ca_name in local.listed_issuing_ca_names : [for end in [".crl", ".crl.pem"] : "${ca_name}${end}"]])
  }

  # With those that have ended.
  listed_issuing_ca_names = [for ca_name in local.every_ca_name : ca_name if ca_name != local.root_ca_name]
}

# The bucket may be another deployment's in the account. It is not looked up: both may be made in one apply.
locals {
  external_bucket_name   = local.own_bucket ? module.external_s3[0].name : var.external_s3_bucket_name
  external_bucket_arn    = local.own_bucket ? module.external_s3[0].arn : "arn:${local.partition}:s3:::${var.external_s3_bucket_name}"
  external_bucket_domain = local.own_bucket ? module.external_s3[0].domain_name : "${var.external_s3_bucket_name}.s3.${local.dns_suffix}"

  certificate_folder = "${path.cwd}/certs/${var.env}"
}

resource "aws_s3_object" "cert_info" {
  #checkov:skip=CKV_AWS_186:The key is given unless sse_algorithm says otherwise
  for_each = toset(var.cert_info_files)

  bucket                 = module.internal_s3.name
  key                    = "${each.key}.json"
  content_type           = "application/json"
  source                 = "${local.certificate_folder}/${each.key}.json"
  source_hash            = filemd5("${local.certificate_folder}/${each.key}.json")
  kms_key_id             = var.sse_algorithm == "" ? module.kms_tls_keygen.key_arn : null
  server_side_encryption = var.sse_algorithm == "" ? null : var.sse_algorithm
}

resource "aws_s3_object" "csrs" {
  #checkov:skip=CKV_AWS_186:The key is given unless sse_algorithm says otherwise
  for_each = toset(var.csr_files)

  bucket                 = module.internal_s3.name
  key                    = "csrs/${each.key}"
  content_type           = "text/plain"
  source                 = "${local.certificate_folder}/csrs/${each.key}"
  source_hash            = filemd5("${local.certificate_folder}/csrs/${each.key}")
  kms_key_id             = var.sse_algorithm == "" ? module.kms_tls_keygen.key_arn : null
  server_side_encryption = var.sse_algorithm == "" ? null : var.sse_algorithm
}
