module "dynamodb" {
  source = "./modules/tables"

  name                = local.table_name
  journal_name        = local.journal_name
  kms_key_arn         = local.resource_key_arn
  deletion_protection = var.dynamodb_deletion_protection
  administrators      = local.named_administrators
  # Of every function that has anything to do with the ledger: what each writes there, its own policy says.
  writing_role_arns = concat([for name, function in module.function : function.role_arn if name != "notify"], var.operator_role_arns)
  tags              = merge({ Name = "${var.project}-ca-${var.env}" }, var.tags, var.additional_dynamodb_tags)
}

# Reads the ledger from elsewhere, e.g. to look up certificates from a workload account.
resource "aws_iam_role" "reader" {
  count = length(var.aws_principals) > 0 ? 1 : 0

  name = "${var.project}-db-reader-${var.env}"
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "NamedPrincipals"
      Effect    = "Allow"
      Principal = { AWS = var.aws_principals }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "reader" {
  count = length(var.aws_principals) > 0 ? 1 : 0

  name = "${var.project}-db-reader-${var.env}"
  role = aws_iam_role.reader[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadCertificates"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"]
        Resource = [module.dynamodb.certificates_arn, "${module.dynamodb.certificates_arn}/index/serial"]
      },
      {
        Sid       = "DecryptCertificates"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = local.resource_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.${local.dns_suffix}" } }
      },
    ]
  })
}
