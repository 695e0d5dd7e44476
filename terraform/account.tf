# What the organisation lays on the CA's account, and what people need who come near the root's key.

# Nothing here is attached by this deployment: an account cannot bind itself. Who may change things there must be named, or the
# policies would let nobody.
module "account_policies" {
  source = "./modules/account-policies"
  count  = length(local.named_administrators) > 0 ? 1 : 0

  account_id             = local.account_id
  partition              = local.partition
  region                 = local.region
  project                = var.project
  env                    = var.env
  organization_id        = var.organization_id
  administrators         = local.named_administrators
  break_glass            = var.break_glass_role_arns
  root_operators         = var.root_operator_role_arns
  signing_functions      = sort(tolist(local.signing_functions))
  unqualified_invocation = var.unqualified_invocation
}

locals {
  # A person, with a second factor unless the input says otherwise, wakes the key; it is another one who has something signed with it, since nothing here lets
  # anybody invoke a function.
  root_operator_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(
        {
          Sid      = "WakeRootKeyAndPutItToSleep"
          Effect   = "Allow"
          Action   = ["kms:DisableKey", "kms:EnableKey"]
          Resource = module.kms_rsa_root_ca.key_arn
        },
        { for condition in [{ Bool = { "aws:MultiFactorAuthPresent" = "true" } }] : "Condition" => condition if var.root_operator_mfa },
      ),
      {
        Sid      = "SeeWhetherItIsAwake"
        Effect   = "Allow"
        Action   = "kms:DescribeKey"
        Resource = module.kms_rsa_root_ca.key_arn
      },
    ]
  })
}
