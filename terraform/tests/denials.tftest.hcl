# What is denied, whatever else somebody is allowed: in roles, in the policies of keys, tables and buckets, and in what an
# organisation lays on the account.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

override_resource {
  target          = module.kms_rsa_root_ca.aws_kms_key.encryption
  override_during = plan
  values          = { arn = "arn:aws:kms:eu-west-2:123456789012:key/root", key_id = "root" }
}

override_resource {
  target          = module.kms_rsa_issuing_ca.aws_kms_key.encryption
  override_during = plan
  values          = { arn = "arn:aws:kms:eu-west-2:123456789012:key/issuing", key_id = "issuing" }
}

override_resource {
  target          = module.kms_intents.aws_kms_key.encryption
  override_during = plan
  values          = { arn = "arn:aws:kms:eu-west-2:123456789012:key/intents", key_id = "intents" }
}

override_resource {
  target          = module.dynamodb.aws_dynamodb_table.ca
  override_during = plan
  values          = { arn = "arn:aws:dynamodb:eu-west-2:123456789012:table/ServerlessCADev" }
}

override_resource {
  target          = module.dynamodb.aws_dynamodb_table.journal
  override_during = plan
  values          = { arn = "arn:aws:dynamodb:eu-west-2:123456789012:table/ServerlessCAJournalDev" }
}

variables {
  lambda_zip     = "./versions.tf"
  slack_channels = ["pki"]
  bucket_suffix  = "abcde"
}


override_resource {
  target          = module.function["tls-cert"].aws_iam_role.role
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/serverless-tls-cert-dev", unique_id = "AROATLSCERT" }
}

override_resource {
  target          = module.function["issuing-ca-crl"].aws_iam_role.role
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/serverless-issuing-ca-crl-dev", unique_id = "AROAISSUINGCACRL" }
}

override_resource {
  target          = module.function["root-ca-crl"].aws_iam_role.role
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/serverless-root-ca-crl-dev", unique_id = "AROAROOTCACRL" }
}

override_resource {
  target          = module.function["create-root-ca"].aws_iam_role.role
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/serverless-create-root-ca-dev", unique_id = "AROACREATEROOTCA" }
}

override_resource {
  target          = module.function["create-issuing-ca"].aws_iam_role.role
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/serverless-create-issuing-ca-dev", unique_id = "AROACREATEISSUINGCA" }
}

run "roles_are_their_functions" {
  command = plan

  assert {
    condition = {
      for name, policy in local.policies : name => [
        for statement in jsondecode(policy).Statement : statement if statement.Effect == "Deny" && statement.Sid == "OnlyFromItsFunction"
      ]
      } == {
      for name, policy in local.policies : name => [for statement in [jsondecode(jsonencode({
        Sid       = "OnlyFromItsFunction"
        Effect    = "Deny"
        Action    = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "kms:GenerateMac", "kms:Sign", "s3:PutObject"]
        Resource  = "*"
        Condition = { ArnNotEquals = { "lambda:SourceFunctionArn" = "arn:aws:lambda:eu-west-2:123456789012:function:serverless-${name}-dev" } }
      }))] : statement if name != "notify"]
    }
    error_message = "Under a function's role nothing but that function signs or writes."
  }

  # Negated, and without IfExists: where the key is absent, the condition holds.
  assert {
    condition = alltrue(flatten([
      for policy in values(local.policies) : [
        for statement in jsondecode(policy).Statement : keys(statement.Condition) == ["ArnNotEquals"] if statement.Sid == "OnlyFromItsFunction"
      ]
    ]))
    error_message = "Who is no function at all is denied, too."
  }

  assert {
    condition = join(" ", sort([
      for name, policy in local.policies : name if length([
        for statement in jsondecode(policy).Statement : statement
        if statement.Effect == "Deny" && contains(flatten([statement.Action]), "kms:Sign") && !can(statement.Condition) && statement.Resource == "*"
      ]) == 1
    ])) == "expiry notify"
    error_message = "Functions that do not sign are denied it, whatever a key's policy says some day."
  }

  assert {
    condition     = alltrue([for policy in values(local.policies) : !strcontains(policy, "kms:Verify") && !strcontains(policy, "ec2:") && !strcontains(policy, "aws:SourceVpce")])
    error_message = "Nobody verifies with a CA's key, and nothing speaks of a VPC where there is none."
  }
}

run "no_function_deletes_an_attempt" {
  command = plan

  assert {
    condition = toset(flatten([
      for policy in values(local.policies) : [
        for statement in jsondecode(policy).Statement : statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        if statement.Effect == "Allow" && contains(flatten([statement.Action]), "dynamodb:DeleteItem")
      ]
    ])) == toset(["authorities", "key#*", "token#*", "line#*"])
    error_message = "Claims, tokens and the record of a CA that was given up are deleted, and nothing else."
  }

  assert {
    condition = {
      for name, policy in local.policies : name => sort(flatten([
        for statement in jsondecode(policy).Statement : statement.Action
        if statement.Effect == "Allow" && contains(try(statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"], []), "attempts#*")
      ]))
      } == {
      for name in keys(local.policies) : name => contains(["expiry", "notify"], name) ? tolist([]) : tolist(["dynamodb:PutItem", "dynamodb:UpdateItem"])
    }
    error_message = "Whoever signs records attempts, and how they ended; nobody else does."
  }
}

run "tables" {
  command = plan

  module {
    source = "./modules/tables"
  }

  variables {
    deletion_protection = true
    journal_name        = "ServerlessCAJournalDev"
    kms_key_arn         = "arn:aws:kms:eu-west-2:123456789012:key/resource"
    name                = "ServerlessCADev"
    writing_role_arns   = ["arn:aws:iam::123456789012:role/serverless-tls-cert-dev", "arn:aws:iam::123456789012:role/operator"]
  }

  assert {
    condition = alltrue([
      for policy in [aws_dynamodb_resource_policy.ca.policy, aws_dynamodb_resource_policy.journal.policy] : [
        for statement in jsondecode(policy).Statement : statement if statement.Sid == "NobodyElseWrites"
        ][0] == jsondecode(jsonencode({
          Sid       = "NobodyElseWrites"
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:UpdateItem"]
          Resource  = "arn:aws:dynamodb:eu-west-2:123456789012:table/mocked"
          Condition = {
            ArnNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/serverless-tls-cert-dev", "arn:aws:iam::123456789012:role/operator"] }
            BoolIfExists = { "aws:PrincipalIsAWSService" = "false" }
          }
      }))
    ])
    error_message = "Whoever is not named writes to neither table, whatever IAM lets them."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_dynamodb_resource_policy.journal.policy).Statement : [statement.Action, try(statement.Condition, null)] if statement.Sid == "NobodyDeletesAttempts"
    ] == [jsondecode(jsonencode(["dynamodb:DeleteItem", { "ForAnyValue:StringLike" = { "dynamodb:LeadingKeys" = ["attempts#*"] } }]))]
    error_message = "Nobody at all deletes an attempt."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_dynamodb_resource_policy.ca.policy).Statement : [statement.Action, can(statement.Condition)] if statement.Sid == "NobodyDeletesRows"
      ] == [jsondecode(jsonencode([["dynamodb:BatchWriteItem", "dynamodb:PartiQLDelete", "dynamodb:DeleteItem"], false]))] && [
      for statement in jsondecode(aws_dynamodb_resource_policy.journal.policy).Statement : [statement.Action, can(statement.Condition)] if statement.Sid == "NobodyDeletesAtLarge"
    ] == [jsondecode(jsonencode([["dynamodb:BatchWriteItem", "dynamodb:PartiQLDelete"], false]))]
    error_message = "Nobody deletes rows of certificates, nor anything of the journal by a call that tells no partition."
  }

  assert {
    condition = alltrue([
      for policy in [aws_dynamodb_resource_policy.ca.policy, aws_dynamodb_resource_policy.journal.policy] :
      alltrue([for statement in jsondecode(policy).Statement : statement.Effect == "Deny"]) && !strcontains(policy, "ResourcePolicy")
    ])
    error_message = "Table policies let nobody in, and without named administrators lock nobody out of themselves."
  }
}

run "named_administrators_of_tables" {
  command = plan

  module {
    source = "./modules/tables"
  }

  variables {
    administrators      = ["arn:aws:iam::123456789012:role/deployer"]
    deletion_protection = true
    journal_name        = "ServerlessCAJournalDev"
    kms_key_arn         = "arn:aws:kms:eu-west-2:123456789012:key/resource"
    name                = "ServerlessCADev"
    writing_role_arns   = ["arn:aws:iam::123456789012:role/serverless-tls-cert-dev"]
  }

  assert {
    condition = alltrue([
      for policy in [aws_dynamodb_resource_policy.ca.policy, aws_dynamodb_resource_policy.journal.policy] : [
        for statement in jsondecode(policy).Statement : statement.Condition.ArnNotEquals["aws:PrincipalArn"] if contains(flatten([statement.Action]), "dynamodb:PutResourcePolicy") && contains(flatten([statement.Action]), "dynamodb:DeleteTable")
      ] == [["arn:aws:iam::123456789012:role/deployer"]]
    ])
    error_message = "Administrators alone change the tables and their policies."
  }
}

run "who_writes_to_the_ledger" {
  command = plan

  variables {
    operator_role_arns = ["arn:aws:iam::123456789012:role/operator"]
  }

  assert {
    condition = alltrue([
      for policy in [module.dynamodb.certificates_policy, module.dynamodb.journal_policy] : toset(flatten([
        for statement in jsondecode(policy).Statement : statement.Condition.ArnNotEquals["aws:PrincipalArn"] if statement.Sid == "NobodyElseWrites"
      ])) == toset(concat([for name, function in module.function : function.role_arn if name != "notify"], ["arn:aws:iam::123456789012:role/operator"]))
    ])
    error_message = "The functions' roles write, and the operators who are named."
  }
}

run "published_files" {
  command = plan

  variables {
    issuing_cas = { issuing-ca-2 = { info = { commonName = "Second Issuing CA" } } }
    ended_cas   = ["issuing-ca-0"]
  }

  assert {
    condition = {
      for statement in jsondecode(module.external_s3[0].policy).Statement :
      join(" ", [for arn in statement.Resource : trimprefix(arn, "arn:aws:s3:::serverless-ca-external-dev-abcde/")]) => join(" ", [for arn in statement.Condition.ArnNotEquals["aws:PrincipalArn"] : trimprefix(arn, "arn:aws:iam::123456789012:role/")])
      if contains(flatten([statement.Action]), "s3:PutObject") && can(statement.Condition.ArnNotEquals)
      } == {
      "serverless-root-ca-dev.crl serverless-root-ca-dev.crl.pem"                                                                                                                                               = "serverless-root-ca-crl-dev"
      "serverless-issuing-ca-dev.crl serverless-issuing-ca-dev.crl.pem serverless-issuing-ca-2-dev.crl serverless-issuing-ca-2-dev.crl.pem serverless-issuing-ca-0-dev.crl serverless-issuing-ca-0-dev.crl.pem" = "serverless-issuing-ca-crl-dev"
      "serverless-root-ca-dev.crt"                                                                                                                                                                              = "serverless-create-root-ca-dev"
      "serverless-issuing-ca-dev.crt serverless-issuing-ca-2-dev.crt serverless-issuing-ca-0-dev.crt"                                                                                                           = "serverless-create-issuing-ca-dev"
      "serverless-ca-bundle-dev.pem"                                                                                                                                                                            = "serverless-create-root-ca-dev serverless-create-issuing-ca-dev"
    }
    error_message = "Each file is put and deleted by the function that makes it, and by nobody else."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(module.external_s3[0].policy).Statement : statement.Effect == "Deny" && statement.Action == ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject", "s3:ReplicateDelete", "s3:ReplicateObject"]
      if can(statement.Condition.ArnNotEquals)
    ])
    error_message = "Neither put, nor deleted, nor replicated over."
  }

  assert {
    condition     = !strcontains(module.internal_s3.policy, "s3:DeleteObjectVersion") && !strcontains(module.internal_s3.policy, "s3:PutBucketPolicy")
    error_message = "Who puts requests is the account's IAM's to say, as it was, until somebody is named."
  }
}

run "requests_and_administrators" {
  command = plan

  variables {
    request_writer_arns = ["arn:aws:iam::123456789012:role/pipeline"]
    key_administrators  = ["arn:aws:iam::123456789012:role/deployer"]
  }

  assert {
    condition = [
      for statement in jsondecode(module.internal_s3.policy).Statement : [statement.Resource, statement.Condition.ArnNotEquals["aws:PrincipalArn"]] if contains(flatten([statement.Action]), "s3:DeleteObjectVersion")
      ] == [jsondecode(jsonencode([
        [for key in ["tls.json", "revoked*.json", "csrs/*"] : "arn:aws:s3:::serverless-ca-internal-dev-abcde/${key}"],
        ["arn:aws:iam::123456789012:role/pipeline"],
    ]))]
    error_message = "Named writers alone put requests and revocations."
  }

  assert {
    condition = alltrue([
      for policy in [module.internal_s3.policy, module.external_s3[0].policy] : [
        for statement in jsondecode(policy).Statement : statement.Condition.ArnNotEquals["aws:PrincipalArn"]
        if contains(flatten([statement.Action]), "s3:PutBucketPolicy") && contains(flatten([statement.Action]), "s3:PutLifecycleConfiguration")
      ] == [["arn:aws:iam::123456789012:role/deployer"]]
    ])
    error_message = "Administrators alone change the buckets."
  }
}

# Whoever names the account names everybody whom its IAM policies let: there is nobody to except.
run "the_account_as_administrator" {
  command = plan

  variables {
    key_administrators = ["arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/deployer"]
  }

  assert {
    condition     = !strcontains(module.internal_s3.policy, "s3:PutBucketPolicy") && !strcontains(module.external_s3[0].policy, "s3:PutBucketPolicy") && output.service_control_policy == null
    error_message = "Nobody is locked out of the buckets by naming the account."
  }
}

run "endpoints_and_pinned_roles" {
  command = plan

  variables {
    signing_vpc_endpoint_ids   = ["vpce-0123456789abcdef0"]
    signing_subnet_ids         = ["subnet-0123456789abcdef0"]
    signing_security_group_ids = ["sg-0123456789abcdef0"]
    pin_signing_roles          = true
  }

  assert {
    condition = join(" ", sort([
      for name, policy in local.policies : name if[for statement in jsondecode(policy).Statement : statement if statement.Sid == "SignsThroughEndpointsAlone"] == [jsondecode(jsonencode({
        Sid       = "SignsThroughEndpointsAlone"
        Effect    = "Deny"
        Action    = "kms:Sign"
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:SourceVpce" = ["vpce-0123456789abcdef0"] } }
      }))]
    ])) == "create-issuing-ca create-root-ca issuing-ca-crl root-ca-crl sweep tls-cert"
    error_message = "Roles sign through the endpoints alone."
  }

  assert {
    condition = {
      for name, policy in local.policies : name => join(" ", [for statement in jsondecode(policy).Statement : "${statement.Effect} ${statement.Sid}" if strcontains(jsonencode(statement.Action), "ec2:")])
      } == {
      for name in keys(local.policies) : name => contains(["expiry", "notify"], name) ? "" : "Allow AttachToVpc Deny CodeAttachesNothing"
    }
    error_message = "Lambda attaches the functions that sign, whose code cannot."
  }

  assert {
    condition     = alltrue([for policy in values(local.policies) : length(policy) < 10240])
    error_message = "A role's inline policies have room for 10,240 characters: ${jsonencode({ for name, policy in local.policies : name => length(policy) })}"
  }
}

run "endpoints_without_a_vpc" {
  command = plan
  variables {
    signing_vpc_endpoint_ids = ["vpce-0123456789abcdef0"]
  }
  expect_failures = [terraform_data.inputs]
}

run "subnets_without_security_groups" {
  command = plan
  variables {
    signing_subnet_ids = ["subnet-0123456789abcdef0"]
  }
  expect_failures = [terraform_data.inputs]
}

run "a_root_that_sleeps" {
  command = plan

  variables {
    sleeping_root             = true
    root_ca_public_key_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    root_crl_days             = 180
    root_crl_seconds          = 0
    root_operator_role_arns   = ["arn:aws:iam::123456789012:role/root-operator"]
  }

  assert {
    condition     = local.environment.ROOT_CA_PUBLIC_KEY_SHA256 == var.root_ca_public_key_sha256
    error_message = "The functions know the root's key while nobody shows it."
  }

  assert {
    condition     = !contains(keys(jsondecode(module.state_machine.definition).States), "Root CA CRL") && jsondecode(module.state_machine.definition).States["Create Root CA"].Next == "Create Issuing CA" && contains(keys(jsondecode(module.state_machine.definition).States), "Issuing CA CRL")
    error_message = "No run asks a root that sleeps for its CRL."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.crl_stale["root"].threshold == 120 * 24 * 3600 && aws_cloudwatch_metric_alarm.crl_stale["issuing"].threshold == 9 * 3600
    error_message = "The root's CRL is stale when two thirds of its life are over, the others' as ever."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.crl_unmeasured["root"].evaluation_periods == 8
    error_message = "Its age is measured with every run all the same."
  }

  assert {
    condition = jsondecode(output.root_operator_policy).Statement[0] == jsondecode(jsonencode({
      Sid       = "WakeRootKeyAndPutItToSleep"
      Effect    = "Allow"
      Action    = ["kms:DisableKey", "kms:EnableKey"]
      Resource  = "arn:aws:kms:eu-west-2:123456789012:key/root"
      Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }
    })) && !strcontains(output.root_operator_policy, "lambda:") && !strcontains(output.root_operator_policy, "kms:Sign")
    error_message = "Whoever wakes the root's key does so with a second factor, and has nothing signed."
  }
}

run "a_root_that_sleeps_and_nobody_knows" {
  command = plan
  variables {
    sleeping_root = true
    root_crl_days = 180
  }
  expect_failures = [terraform_data.inputs]
}

run "a_root_that_is_awake" {
  command = plan

  assert {
    condition     = !contains(keys(local.environment), "ROOT_CA_PUBLIC_KEY_SHA256")
    error_message = "Functions are told what was set, and nothing else."
  }

  assert {
    condition     = contains(keys(jsondecode(module.state_machine.definition).States), "Root CA CRL") && aws_cloudwatch_metric_alarm.crl_stale["root"].threshold == 9 * 3600
    error_message = "By default every run publishes the root's CRL."
  }
}

run "a_root_that_sleeps_for_a_day" {
  command = plan
  variables {
    sleeping_root             = true
    root_ca_public_key_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
  expect_failures = [terraform_data.inputs]
}

run "the_unqualified_door" {
  command = plan

  variables {
    unqualified_invocation = false
    aws_principals         = ["arn:aws:iam::999999999999:role/workload"]
    key_administrators     = ["arn:aws:iam::123456789012:role/deployer"]
    slack_channels         = ["ca"]
  }

  assert {
    condition     = module.function["tls-cert"].invoked_as == { "arn:aws:iam::999999999999:role/workload" = ["serverless-tls-cert-dev"] } && module.function["notify"].invoked_as == { "sns.amazonaws.com" = ["", "serverless-notify-dev"] }
    error_message = "Callers come by the alias alone, and the topic as before."
  }

  assert {
    condition = [for statement in jsondecode(output.service_control_policy).Statement : statement.Resource if statement.Sid == "InvokeByAlias"] == [[
      "arn:aws:lambda:eu-west-2:123456789012:function:serverless-tls-cert-dev", "arn:aws:lambda:eu-west-2:123456789012:function:serverless-tls-cert-dev:$LATEST",
    ]]
    error_message = "Nor does anybody of the account come by the name, or by $LATEST."
  }
}

run "the_unqualified_door_stands_open_by_default" {
  command = plan

  variables {
    aws_principals = ["arn:aws:iam::999999999999:role/workload"]
  }

  assert {
    condition     = module.function["tls-cert"].invoked_as == { "arn:aws:iam::999999999999:role/workload" = ["", "serverless-tls-cert-dev"] }
    error_message = "Callers of the former module use the name."
  }

  assert {
    condition     = output.service_control_policy == null && output.resource_control_policy == null
    error_message = "Policies that would except nobody are not given out."
  }
}

# The longest names, and several principals of each kind.
run "policies_of_the_organisation" {
  command = plan

  module {
    source = "./modules/account-policies"
  }

  variables {
    account_id             = "123456789012"
    partition              = "aws"
    region                 = "ap-southeast-2"
    project                = "organisation-of-24-chars"
    env                    = "staging-of-16-ch"
    organization_id        = "o-exampleorgid0123456789"
    administrators         = ["arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/ap-southeast-2/AWSReservedSSO_PlatformAdministrators_0123456789abcdef", "arn:aws:iam::123456789012:role/github-actions-deployer", "arn:aws:iam::123456789012:role/AWSControlTowerExecution"]
    break_glass            = ["arn:aws:iam::123456789012:role/break-glass"]
    root_operators         = ["arn:aws:iam::123456789012:role/root-operator", "arn:aws:iam::123456789012:role/root-operator-2"]
    unqualified_invocation = false
  }

  assert {
    condition     = length(output.service_control_policy) <= 5120 && length(output.resource_control_policy) <= 5120
    error_message = "AWS takes 5,120 characters: ${length(output.service_control_policy)} and ${length(output.resource_control_policy)}"
  }

  assert {
    condition     = alltrue(flatten([for policy in [output.service_control_policy, output.resource_control_policy] : [for statement in jsondecode(policy).Statement : statement.Effect == "Deny"]]))
    error_message = "They let nobody do anything."
  }

  assert {
    condition = [for statement in jsondecode(output.service_control_policy).Statement : [statement.Action, statement.Condition] if contains(flatten([statement.Action]), "kms:Sign")] == [jsondecode(jsonencode([
      ["kms:GenerateMac", "kms:Sign"],
      { ArnNotEquals = { "lambda:SourceFunctionArn" = [for name in ["create-issuing-ca", "create-root-ca", "issuing-ca-crl", "root-ca-crl", "sweep", "tls-cert"] : "arn:aws:lambda:ap-southeast-2:123456789012:function:organisation-of-24-chars-${name}-staging-of-16-ch"] } },
    ]))]
    error_message = "In the account, those functions sign, and nothing else."
  }

  assert {
    condition = {
      for action in ["kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy", "cloudtrail:StopLogging", "iam:PassRole", "lambda:Update*", "organizations:LeaveOrganization", "dynamodb:PutResourcePolicy"] : action => [
        for statement in jsondecode(output.service_control_policy).Statement : join(" ", sort([for arn in try(statement.Condition.ArnNotLike["aws:PrincipalArn"], []) : element(split("/", arn), length(split("/", arn)) - 1)]))
        if contains(flatten([statement.Action]), action) && statement.Resource == "*"
      ]
      } == {
      "kms:ScheduleKeyDeletion"         = ["break-glass"]
      "kms:DisableKey"                  = ["break-glass root-operator root-operator-2"]
      "kms:PutKeyPolicy"                = ["AWSControlTowerExecution AWSReservedSSO_PlatformAdministrators_0123456789abcdef break-glass github-actions-deployer"]
      "cloudtrail:StopLogging"          = ["break-glass"]
      "iam:PassRole"                    = ["AWSControlTowerExecution AWSReservedSSO_PlatformAdministrators_0123456789abcdef break-glass github-actions-deployer"]
      "lambda:Update*"                  = ["AWSControlTowerExecution AWSReservedSSO_PlatformAdministrators_0123456789abcdef break-glass github-actions-deployer"]
      "organizations:LeaveOrganization" = [""]
      "dynamodb:PutResourcePolicy"      = ["AWSControlTowerExecution AWSReservedSSO_PlatformAdministrators_0123456789abcdef break-glass github-actions-deployer"]
    }
    error_message = "Each is left to those alone who are named for it."
  }

  assert {
    condition = [for statement in jsondecode(output.resource_control_policy).Statement : statement.Condition.ArnNotEquals["aws:PrincipalArn"] if contains(flatten([statement.Action]), "kms:Sign")] == [
      [for name in ["create-issuing-ca", "create-root-ca", "issuing-ca-crl", "root-ca-crl", "sweep", "tls-cert"] : "arn:aws:iam::123456789012:role/organisation-of-24-chars-${name}-staging-of-16-ch"]
    ]
    error_message = "Whoever comes to a key signs as a function's role, or not at all."
  }
}

run "nobody_for_emergencies" {
  command = plan

  module {
    source = "./modules/account-policies"
  }

  variables {
    account_id     = "123456789012"
    region         = "eu-west-2"
    project        = "serverless"
    env            = "dev"
    administrators = ["arn:aws:iam::123456789012:role/deployer"]
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.service_control_policy).Statement : !can(statement.Condition) if length(setintersection(flatten([statement.Action]), ["kms:DisableKey", "kms:ScheduleKeyDeletion"])) > 0
    ]) && !strcontains(output.resource_control_policy, "PrincipalOrgID")
    error_message = "Where nobody is named, nobody disables or deletes a key, and nothing is said of organisations."
  }
}
