# What the functions' roles may do, statement by statement.

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

run "signing" {
  command = plan

  assert {
    condition = {
      for name, policy in local.policies : name => [
        for statement in jsondecode(policy).Statement : statement.Resource if statement.Effect == "Allow" && contains(flatten([statement.Action]), "kms:Sign")
      ]
      } == {
      create-root-ca    = ["arn:aws:kms:eu-west-2:123456789012:key/root"]
      create-issuing-ca = ["arn:aws:kms:eu-west-2:123456789012:key/root"]
      root-ca-crl       = ["arn:aws:kms:eu-west-2:123456789012:key/root"]
      issuing-ca-crl    = ["arn:aws:kms:eu-west-2:123456789012:key/issuing"]
      tls-cert          = ["arn:aws:kms:eu-west-2:123456789012:key/issuing"]
      sweep             = ["arn:aws:kms:eu-west-2:123456789012:key/issuing"]
      expiry            = []
      notify            = []
    }
    error_message = "Each function signs with the one key it needs, or with none."
  }

  assert {
    condition = alltrue(flatten([
      for policy in values(local.policies) : [
        for statement in jsondecode(policy).Statement : can(statement.Condition.StringEquals["kms:SigningAlgorithm"]) && statement.Condition.StringEquals["kms:MessageType"] == "DIGEST"
        if statement.Effect == "Allow" && contains(flatten([statement.Action]), "kms:Sign")
      ]
    ]))
    error_message = "Roles sign digests, with the key's algorithm."
  }
}

run "authentication" {
  command = plan

  assert {
    condition     = join(" ", sort([for name, policy in local.policies : name if length([for statement in jsondecode(policy).Statement : statement if statement.Effect == "Allow" && contains(flatten([statement.Action]), "kms:GenerateMac")]) > 0])) == "create-issuing-ca create-root-ca sweep tls-cert"
    error_message = "Those who may prepare certificates authenticate what is to be signed, and nobody else."
  }

  assert {
    condition = alltrue(flatten([
      for policy in values(local.policies) : [
        for statement in jsondecode(policy).Statement : statement.Resource == "arn:aws:kms:eu-west-2:123456789012:key/intents"
        if statement.Effect == "Allow" && contains(flatten([statement.Action]), "kms:GenerateMac")
      ]
    ]))
    error_message = "They do so with the one key that is made for it."
  }

  assert {
    condition     = join(" ", sort([for name, policy in local.policies : name if length([for statement in jsondecode(policy).Statement : statement if statement.Effect == "Allow" && contains(flatten([statement.Action]), "kms:GetPublicKey")]) == 2])) == "create-issuing-ca create-root-ca expiry issuing-ca-crl root-ca-crl sweep tls-cert"
    error_message = "Whoever goes by CA certificates compares both with the keys in KMS."
  }
}

run "no_wildcards" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in values(local.policies) : [
        for statement in jsondecode(policy).Statement : [
          for action in flatten([statement.Action]) : contains(["iam:ListAccountAliases", "xray:PutTelemetryRecords", "xray:PutTraceSegments"], action)
        ] if statement.Effect == "Allow" && contains(flatten([statement.Resource]), "*")
      ]
    ]))
    error_message = "Only calls that AWS knows no resource for may be on any resource."
  }

  assert {
    condition     = alltrue(flatten([for policy in values(local.policies) : [for statement in jsondecode(policy).Statement : [for action in flatten([statement.Action]) : !strcontains(action, "*")]]]))
    error_message = "Every action is named."
  }

  assert {
    condition     = alltrue([for policy in values(local.policies) : length(distinct(jsondecode(policy).Statement[*].Sid)) == length(jsondecode(policy).Statement)])
    error_message = "Statement ids must be unique within a policy: AWS refuses it otherwise."
  }

  assert {
    condition     = alltrue([for name, policy in local.policies : can(regex("^[0-9A-Za-z]+$", join("", jsondecode(policy).Statement[*].Sid)))])
    error_message = "Statement ids have letters and digits alone."
  }

  assert {
    condition     = alltrue([for name, policy in local.policies : length(policy) < 10240])
    error_message = "A role's inline policies have room for 10,240 characters."
  }
}

run "objects" {
  command = plan

  assert {
    condition = [
      for statement in jsondecode(local.policies["tls-cert"]).Statement : statement.Resource if statement.Effect == "Allow" && contains(flatten([statement.Action]), "s3:GetObject")
    ] == [["arn:aws:s3:::serverless-ca-internal-dev-abcde/tls.json", "arn:aws:s3:::serverless-ca-internal-dev-abcde/csrs/*"]]
    error_message = "tls-cert reads requests, and nothing published."
  }

  # An older CRL that somebody puts back takes revocations with it: whoever makes CAs has no business with CRLs.
  assert {
    condition = {
      for name, policy in local.policies : name => join(" ", sort(flatten([
        for statement in jsondecode(policy).Statement : [for resource in flatten([statement.Resource]) : trimprefix(resource, "arn:aws:s3:::serverless-ca-external-dev-abcde/")] if statement.Effect == "Allow" && contains(flatten([statement.Action]), "s3:PutObject")
      ]))) if length([for statement in jsondecode(policy).Statement : statement if statement.Effect == "Allow" && contains(flatten([statement.Action]), "s3:PutObject")]) > 0
      } == {
      create-root-ca    = "serverless-ca-bundle-dev.pem serverless-root-ca-dev.crt"
      create-issuing-ca = "serverless-ca-bundle-dev.pem serverless-issuing-ca-dev.crt"
      root-ca-crl       = "serverless-root-ca-dev.crl serverless-root-ca-dev.crl.pem"
      issuing-ca-crl    = "serverless-issuing-ca-dev.crl serverless-issuing-ca-dev.crl.pem"
    }
    error_message = "Who makes a CA writes its certificate and the bundle, who makes its CRL that CRL, and nobody anything else."
  }

  assert {
    condition     = join(" ", sort([for name, policy in local.policies : name if length([for statement in jsondecode(policy).Statement : statement if statement.Effect == "Allow" && contains(flatten([statement.Action]), "s3:PutObject")]) > 0])) == "create-issuing-ca create-root-ca issuing-ca-crl root-ca-crl"
    error_message = "Nobody else writes published files."
  }
}

run "ledger" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in values(local.policies) : [
        for statement in jsondecode(policy).Statement : !contains(flatten([statement.Action]), "dynamodb:DeleteItem")
        if contains(flatten([statement.Resource]), "arn:aws:dynamodb:eu-west-2:123456789012:table/ServerlessCADev")
      ]
    ]))
    error_message = "Nobody deletes rows of certificates."
  }

  assert {
    condition = [
      for statement in jsondecode(local.policies.expiry).Statement : statement if statement.Effect == "Allow" && length(setintersection(flatten([statement.Action]), ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"])) > 0
      ] == [jsondecode(jsonencode({
        Sid      = "RecordReminders"
        Effect   = "Allow"
        Action   = "dynamodb:UpdateItem"
        Resource = "arn:aws:dynamodb:eu-west-2:123456789012:table/ServerlessCADev"
        Condition = {
          "ForAllValues:StringEquals"    = { "dynamodb:Attributes" = ["CommonName", "SerialNumber", "ExpiryReminders"] }
          "ForAllValues:StringNotEquals" = { "dynamodb:LeadingKeys" = ["serverless-issuing-ca-dev", "serverless-root-ca-dev"] }
          StringEquals                   = { "dynamodb:ReturnValues" = ["NONE", "UPDATED_OLD", "UPDATED_NEW"] }
          Null                           = { "dynamodb:Attributes" = "false", "dynamodb:LeadingKeys" = "false" }
        }
    }))]
    error_message = "expiry writes reminders into rows, and nothing else anywhere."
  }

  assert {
    condition = {
      for name, policy in local.policies : name => join(", ", sort(distinct(flatten([
        for statement in jsondecode(policy).Statement : [for action in flatten([statement.Action]) : "${statement.Sid} ${action}"]
        if contains(flatten([statement.Resource]), "arn:aws:dynamodb:eu-west-2:123456789012:table/ServerlessCADev") && statement.Sid != "ReadLedger" && statement.Sid != "ScanCertificates"
      ]))))
      } == {
      create-root-ca    = "AddRootCa dynamodb:PutItem"
      create-issuing-ca = "AddIssuingCa dynamodb:PutItem"
      root-ca-crl       = "CountCrls dynamodb:UpdateItem, Revoke dynamodb:UpdateItem"
      issuing-ca-crl    = "CountCrls dynamodb:UpdateItem, Revoke dynamodb:UpdateItem"
      tls-cert          = "AddLeaves dynamodb:PutItem"
      sweep             = "AddLeaves dynamodb:PutItem"
      expiry            = "RecordReminders dynamodb:UpdateItem"
      notify            = ""
    }
    error_message = "Each writes of the rows what it has to write."
  }

  assert {
    condition = alltrue(flatten([
      for name, policy in local.policies : [
        for statement in jsondecode(policy).Statement : can(statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) && statement.Condition.Null["dynamodb:LeadingKeys"] == "false"
        if contains(flatten([statement.Resource]), "arn:aws:dynamodb:eu-west-2:123456789012:table/ServerlessCAJournalDev") && length(setintersection(flatten([statement.Action]), ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"])) > 0
      ]
    ]))
    error_message = "Whoever writes to the journal does so in named partitions alone."
  }

  # Each partition that somebody writes to, by who does what there: P puts, U updates, D deletes.
  assert {
    condition = {
      for name, policy in local.policies : name => join(" ", sort(flatten([
        for statement in jsondecode(policy).Statement : [
          for key in statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] :
          "${key}:${join("", sort([for action in flatten([statement.Action]) : substr(trimprefix(action, "dynamodb:"), 0, 1)]))}"
        ] if can(statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
      ])))
      } == {
      create-root-ca    = "adoption:PU attempts#*:PU authorities:D authorities:PU changes#serverless-root-ca-dev#full:P crl-uses#serverless-root-ca-dev:PU intent#*:PU issued#*:PU key#*:D key#*:PU line#*:D revoked#serverless-root-ca-dev#full:P token#*:D token#*:PU"
      create-issuing-ca = "adoption:PU attempts#*:PU authorities:D authorities:PU changes#serverless-root-ca-dev#full:P crl-uses#serverless-root-ca-dev:PU intent#*:PU issued#*:PU key#*:D key#*:PU line#*:D revoked#serverless-root-ca-dev#full:P token#*:D token#*:PU"
      root-ca-crl       = "attempts#*:PU blocked#*:U changes#serverless-root-ca-dev#full:PU crl#serverless-root-ca-dev#full:PU intent#*:U key#*:D key#*:U line#*:D line#*:U number#serverless-root-ca-dev#full:PU revoked#serverless-root-ca-dev#full:PU revoked-ca#*:P token#*:D"
      issuing-ca-crl    = "attempts#*:PU blocked#*:U changes#serverless-issuing-ca-dev#full:PU crl#serverless-issuing-ca-dev#full:PU intent#*:U key#*:D key#*:U line#*:D line#*:U number#serverless-issuing-ca-dev#full:PU revoked#serverless-issuing-ca-dev#full:PU row-scan#serverless-issuing-ca-dev:PU token#*:D"
      tls-cert          = "attempts#*:PU changes#serverless-issuing-ca-dev#full:P crl-uses#serverless-issuing-ca-dev:PU expiry#*:PU intent#*:PU issued#*:PU key#*:D key#*:PU line#*:D line#*:PU rejections#*:P rejections-days:P revoked#serverless-issuing-ca-dev#full:P token#*:D token#*:PU"
      sweep             = "attempts#*:PU changes#serverless-issuing-ca-dev#full:P crl-uses#serverless-issuing-ca-dev:PU expiry#*:PU intent#*:PU issued#*:PU key#*:D key#*:PU line#*:D line#*:PU revoked#serverless-issuing-ca-dev#full:P token#*:D token#*:PU"
      expiry            = ""
      notify            = ""
    }
    error_message = "Who issues under a CA writes nothing of another CA's CRL, and takes nothing off any list; nobody deletes that a key is blocked, nor an attempt to sign."
  }

  # A CA's entry on a list counts where its row says Revoked, too.
  assert {
    condition = {
      for name, policy in local.policies : name => [
        for statement in jsondecode(policy).Statement : {
          only = join(" ", try(statement.Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"], []))
          not  = join(" ", try(statement.Condition["ForAllValues:StringNotEquals"]["dynamodb:LeadingKeys"], []))
        } if statement.Sid == "Revoke" && try(statement.Condition.Null["dynamodb:LeadingKeys"], "") == "false"
      ] if strcontains(policy, "\"Revoke\"")
      } == {
      root-ca-crl    = [{ only = "serverless-issuing-ca-dev serverless-root-ca-dev", not = "" }]
      issuing-ca-crl = [{ only = "", not = "serverless-issuing-ca-dev serverless-root-ca-dev" }]
    }
    error_message = "The root's CRL function revokes CAs, and the issuing CA's revokes leaves."
  }

  assert {
    condition = alltrue(flatten([
      for name, policy in local.policies : [
        for statement in jsondecode(policy).Statement : try(statement.Condition["ForAllValues:StringNotEquals"]["dynamodb:Attributes"], null) == (statement.Sid == "WriteRejections" ? null : ["ForgetAfter"])
        if contains(flatten([statement.Resource]), "arn:aws:dynamodb:eu-west-2:123456789012:table/ServerlessCAJournalDev") && length(setintersection(flatten([statement.Action]), ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"])) > 0
      ]
    ]))
    error_message = "Nothing of the journal but rejections is ever forgotten."
  }

  assert {
    condition = alltrue(flatten([
      for policy in values(local.policies) : [
        for statement in jsondecode(policy).Statement : statement.Resource == "arn:aws:dynamodb:eu-west-2:123456789012:table/ServerlessCADev"
        if contains(flatten([statement.Action]), "dynamodb:Scan")
      ]
    ])) && join(" ", sort([for name, policy in local.policies : name if strcontains(policy, "dynamodb:Scan")])) == "create-root-ca expiry issuing-ca-crl root-ca-crl"
    error_message = "Who looks for old rows, or for those revoked by hand, goes through the certificate table, and nobody through the journal."
  }

  assert {
    condition     = join(" ", sort([for name, policy in local.policies : name if strcontains(policy, "\"authorities\"")])) == "create-issuing-ca create-root-ca"
    error_message = "CAs are recorded by those who make them."
  }

  assert {
    condition = join(", ", flatten([
      for name, policy in local.policies : [
        for statement in jsondecode(policy).Statement : "${name} ${statement.Action}"
        if strcontains(jsonencode(statement), "revoked-ca#")
      ]
    ])) == "root-ca-crl dynamodb:PutItem"
    error_message = "That a CA is revoked is written by its parent's CRL function, and never taken back."
  }

  assert {
    condition     = join(" ", sort([for name, policy in local.policies : name if strcontains(policy, "\"Revoked\"")])) == "issuing-ca-crl root-ca-crl"
    error_message = "Rows are revoked by those who revoke."
  }

  assert {
    condition     = join(" ", sort([for name, policy in local.policies : name if length([for statement in jsondecode(policy).Statement : statement if statement.Effect == "Allow" && contains(flatten([statement.Action]), "dynamodb:PutItem")]) > 0])) == "create-issuing-ca create-root-ca issuing-ca-crl root-ca-crl sweep tls-cert"
    error_message = "expiry and notify write no rows."
  }

  assert {
    condition     = join(" ", sort([for name, policy in local.policies : name if strcontains(policy, "secretsmanager:")])) == "notify" && !strcontains(local.policies.notify, "dynamodb:")
    error_message = "notify alone reads the token, and nothing else."
  }
}

run "readers" {
  command = plan

  variables {
    aws_principals = ["arn:aws:iam::999999999999:role/workload", "888888888888"]
  }

  assert {
    condition     = join(" ", keys(local.invokers.tls-cert)) == "888888888888 arn:aws:iam::999999999999:role/workload" && join(" ", keys(local.invokers)) == "notify tls-cert"
    error_message = "Named principals invoke tls-cert, and nothing else."
  }

  assert {
    condition     = jsondecode(aws_iam_role.reader[0].assume_role_policy).Statement[0].Principal.AWS == ["arn:aws:iam::999999999999:role/workload", "888888888888"]
    error_message = "Named principals assume the reader's role."
  }

  assert {
    condition     = aws_iam_role.reader[0].name == "serverless-db-reader-dev" && !can(regex("Put|Update|Delete|Write", aws_iam_role_policy.reader[0].policy))
    error_message = "The reader's role reads."
  }
}

# Of tls-cert, the machine may use the alias that is its own, and nothing else: its tokens are looked up under that name.
run "callers" {
  command = plan

  assert {
    condition     = { for name, callers in local.callers : name => keys(callers) } == { tls-cert = ["state-machine"] }
    error_message = "The state machine has an alias of its own."
  }

  assert {
    condition     = local.invoked_arns == { for name, function in module.function : name => name == "tls-cert" ? "arn:aws:lambda:eu-west-2:123456789012:function:mocked:alias" : function.function_arn }
    error_message = "The machine invokes tls-cert by its alias, and every other function by its name."
  }
}
