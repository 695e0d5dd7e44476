# Further issuing CAs: their keys, what functions may do for them, and what cannot be one.

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
  lambda_zip    = "./versions.tf"
  bucket_suffix = "abcde"
}

run "none" {
  command = plan

  assert {
    condition     = length(module.kms_issuing_cas) == 0 && !contains(keys(local.environment), "ISSUING_CAS") && output.issuing_cas == {}
    error_message = "Without an entry there is no key, no setting and no output for further CAs."
  }

  assert {
    condition     = !strcontains(join("", values(local.policies)), "closed-ca#") && !strcontains(join("", values(local.policies)), "FurtherCa")
    error_message = "Without an entry no function may close a CA."
  }
}

run "one" {
  command = plan

  variables {
    issuing_cas = {
      issuing-ca-2 = { info = { commonName = "Second Issuing CA", lifetime = 1825 }, key_spec = "ECC_NIST_P384", crl_days = 7, crl_seconds = 0 }
    }
  }

  assert {
    condition = output.issuing_cas == {
      issuing-ca-2 = {
        name             = "serverless-issuing-ca-2-dev"
        key_arn          = "arn:aws:kms:eu-west-2:123456789012:key/resource"
        cert_s3_location = "mocked.s3.amazonaws.com/serverless-issuing-ca-2-dev.crt"
        crl_s3_location  = "mocked.s3.amazonaws.com/serverless-issuing-ca-2-dev.crl"
      }
    }
    error_message = "A further CA has its key, and its files beside those of the others."
  }

  assert {
    condition     = local.environment.ISSUING_CAS == "{\"issuing-ca-2\":{\"crl_days\":7,\"crl_seconds\":0,\"info\":{\"commonName\":\"Second Issuing CA\",\"lifetime\":1825}}}"
    error_message = "Functions read what was set, and nothing that was not."
  }

  assert {
    condition = {
      for name, policy in local.policies : name => flatten([
        for statement in jsondecode(policy).Statement : statement.Resource if statement.Effect == "Allow" && contains(flatten([statement.Action]), "kms:Sign")
      ])
      } == {
      create-root-ca    = ["arn:aws:kms:eu-west-2:123456789012:key/root"]
      create-issuing-ca = ["arn:aws:kms:eu-west-2:123456789012:key/root"]
      root-ca-crl       = ["arn:aws:kms:eu-west-2:123456789012:key/root"]
      issuing-ca-crl    = ["arn:aws:kms:eu-west-2:123456789012:key/issuing", "arn:aws:kms:eu-west-2:123456789012:key/resource"]
      tls-cert          = ["arn:aws:kms:eu-west-2:123456789012:key/issuing", "arn:aws:kms:eu-west-2:123456789012:key/resource"]
      sweep             = ["arn:aws:kms:eu-west-2:123456789012:key/issuing", "arn:aws:kms:eu-west-2:123456789012:key/resource"]
      expiry            = []
    }
    error_message = "Who signs with the issuing CA's key signs with that of a further one, and nobody else."
  }

  assert {
    condition = [
      for statement in jsondecode(local.policies["tls-cert"]).Statement : statement.Condition.StringEquals if statement.Sid == "SignWithECDSASHA384Keys"
    ] == [{ "kms:SigningAlgorithm" = "ECDSA_SHA_384", "kms:MessageType" = "DIGEST" }]
    error_message = "It signs digests, with the algorithm of that key."
  }

  assert {
    condition = {
      for name, policy in local.policies : name => join(" ", sort(flatten([
        for statement in jsondecode(policy).Statement : [
          for key in try(statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"], []) : "${key}:${join("", sort([for action in flatten([statement.Action]) : substr(trimprefix(action, "dynamodb:"), 0, 1)]))}"
          if strcontains(key, "serverless-issuing-ca-2-dev")
        ]
      ]))) if name != "notify"
      } == {
      create-root-ca    = ""
      create-issuing-ca = "closed-ca#serverless-issuing-ca-2-dev#*:P"
      root-ca-crl       = ""
      issuing-ca-crl    = "changes#serverless-issuing-ca-2-dev#full:PU crl#serverless-issuing-ca-2-dev#full:PU number#serverless-issuing-ca-2-dev#full:PU revoked#serverless-issuing-ca-2-dev#full:PU row-scan#serverless-issuing-ca-2-dev:PU"
      tls-cert          = "changes#serverless-issuing-ca-2-dev#full:P crl-uses#serverless-issuing-ca-2-dev:PU revoked#serverless-issuing-ca-2-dev#full:P"
      sweep             = "changes#serverless-issuing-ca-2-dev#full:P crl-uses#serverless-issuing-ca-2-dev:PU revoked#serverless-issuing-ca-2-dev#full:P"
      expiry            = ""
    }
    error_message = "Each function writes for a further CA what it writes for the first, and nothing for the root's."
  }

  # An item without a state lets its CA issue.
  assert {
    condition = [
      for statement in jsondecode(local.policies["create-issuing-ca"]).Statement : statement.Condition["ForAnyValue:StringEquals"] if statement.Sid == "CloseCas"
    ] == [{ "dynamodb:Attributes" = ["State"] }] && alltrue([for name, policy in local.policies : !strcontains(policy, "closed-ca#") if name != "create-issuing-ca"])
    error_message = "One function closes CAs, and none opens one."
  }

  assert {
    condition = {
      for name, policy in local.policies : name => join(" ", sort(flatten([
        for statement in jsondecode(policy).Statement : [for resource in flatten([statement.Resource]) : trimprefix(resource, "arn:aws:s3:::serverless-ca-external-dev-abcde/")] if statement.Effect == "Allow" && contains(flatten([statement.Action]), "s3:PutObject")
      ]))) if length([for statement in jsondecode(policy).Statement : statement if statement.Effect == "Allow" && contains(flatten([statement.Action]), "s3:PutObject")]) > 0
      } == {
      create-root-ca    = "serverless-ca-bundle-dev.pem serverless-root-ca-dev.crt"
      create-issuing-ca = "serverless-ca-bundle-dev.pem serverless-issuing-ca-2-dev.crt serverless-issuing-ca-dev.crt"
      root-ca-crl       = "serverless-root-ca-dev.crl serverless-root-ca-dev.crl.pem"
      issuing-ca-crl    = "serverless-issuing-ca-2-dev.crl serverless-issuing-ca-2-dev.crl.pem serverless-issuing-ca-dev.crl serverless-issuing-ca-dev.crl.pem"
    }
    error_message = "Its files are written by those who write the first issuing CA's."
  }

  assert {
    condition = [
      for statement in jsondecode(local.policies["tls-cert"]).Statement : statement.Condition["ForAllValues:StringNotEquals"]["dynamodb:LeadingKeys"] if statement.Sid == "AddLeaves"
    ] == [["serverless-issuing-ca-dev", "serverless-issuing-ca-2-dev", "serverless-root-ca-dev"]]
    error_message = "No leaf's row is that of a CA."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.crl_stale["issuing-ca-2"].alarm_name == "serverless-issuing-ca-2-crl-stale-dev" && aws_cloudwatch_metric_alarm.crl_stale["issuing-ca-2"].dimensions.Authority == "serverless-issuing-ca-2-dev" && length(aws_cloudwatch_metric_alarm.crl_damaged) == 3
    error_message = "Its CRL raises alarms as those of the others do."
  }

  assert {
    condition     = !strcontains(module.state_machine.definition, "issuing-ca-2")
    error_message = "The state machine stays as it is."
  }

  assert {
    condition = flatten([
      for statement in jsondecode(output.ca_operator_policy).Statement : statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] if contains(flatten([statement.Action]), "dynamodb:PutItem")
    ]) == ["authorities", "closed-ca#serverless-issuing-ca-dev#*", "closed-ca#serverless-issuing-ca-2-dev#*", "freeze"]
    error_message = "An operator writes which CA issues and whether issuance is frozen, and nothing else."
  }
}

# As many, and as long names, as are taken: the policies and the environment have room for them.
run "four" {
  command = plan

  variables {
    project = "organisation-of-24-chars"
    env     = "staging-of-16-ch"
    issuing_cas = { for number in range(4) : "issuing-ca-202${number}" => {
      info     = { commonName = "Example Organisation Issuing CA 202${number}", organization = "Example Organisation Ltd", organizationalUnit = "Public Key Infrastructure", country = "GB", locality = "London", lifetime = 1825, pathLengthConstraint = 0 }
      key_spec = ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "RSA_4096"][number]
    } }
  }

  assert {
    condition     = alltrue([for name, policy in local.policies : length(policy) < 10240])
    error_message = "A role's inline policies have room for 10,240 characters: ${jsonencode({ for name, policy in local.policies : name => length(policy) })}"
  }

  assert {
    condition     = alltrue([for name, policy in local.policies : length(distinct(jsondecode(policy).Statement[*].Sid)) == length(jsondecode(policy).Statement)])
    error_message = "Statement ids must be unique within a policy: AWS refuses it otherwise."
  }

  assert {
    condition     = length(jsonencode(local.environment)) < 4096
    error_message = "A function's environment has room for 4 KB: ${length(jsonencode(local.environment))}"
  }

  expect_failures = [check.rsa_keys]
}

run "an_ended_ca_raises_no_alarm" {
  command = plan

  variables {
    ended_cas   = ["issuing-ca"]
    issuing_cas = { issuing-ca-2 = { info = { commonName = "Second Issuing CA" } } }
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.crl_unmeasured)) == toset(["root", "issuing-ca-2"]) && toset(keys(aws_cloudwatch_metric_alarm.crl_stale)) == toset(["root", "issuing-ca-2"])
    error_message = "Nobody measures the CRL of a CA that is retired."
  }
}

# Its certificate may be valid for years: it can be revoked, and nobody who issues writes its rows.
run "an_ended_ca_that_was_taken_out" {
  command = plan
  variables {
    ended_cas          = ["issuing-ca-9"]
    operator_role_arns = ["arn:aws:iam::123456789012:role/ca-operator"]
  }

  assert {
    condition     = strcontains(local.policies["root-ca-crl"], "serverless-issuing-ca-9-dev") && strcontains(local.policies["tls-cert"], "serverless-issuing-ca-9-dev")
    error_message = "The rows of a CA that was taken out are protected, and can be revoked."
  }

  assert {
    condition     = !strcontains(local.policies["issuing-ca-crl"], "serverless-issuing-ca-9-dev#full")
    error_message = "Nothing is published for a CA that was taken out."
  }
}

run "an_ended_ca_that_is_none" {
  command = plan
  variables {
    ended_cas = ["root-ca"]
  }
  expect_failures = [var.ended_cas]
}

run "a_name_that_is_taken" {
  command = plan
  variables {
    issuing_cas = { issuing-ca = { info = { commonName = "Second Issuing CA" } } }
  }
  expect_failures = [var.issuing_cas]
}

run "a_name_that_a_key_has" {
  command = plan
  variables {
    issuing_cas = { tls-keygen = { info = { commonName = "Second Issuing CA" } } }
  }
  expect_failures = [var.issuing_cas]
}

run "a_name_that_is_none" {
  command = plan
  variables {
    issuing_cas = { "Issuing CA 2" = { info = { commonName = "Second Issuing CA" } } }
  }
  expect_failures = [var.issuing_cas]
}

run "a_name_that_is_too_long" {
  command = plan
  variables {
    project     = "organisation-of-24-chars"
    env         = "staging-of-16-ch"
    issuing_cas = { issuing-ca-of-the-department = { info = { commonName = "Second Issuing CA" } } }
  }
  expect_failures = [terraform_data.inputs]
}

run "five" {
  command = plan
  variables {
    issuing_cas = { for number in range(5) : "issuing-ca-${number + 2}" => { info = { commonName = "Issuing CA ${number}" } } }
  }
  expect_failures = [var.issuing_cas]
}

run "common_names_of_each_other" {
  command = plan
  variables {
    issuing_cas = { for number in range(2) : "issuing-ca-${number + 2}" => { info = { commonName = "Another" } } }
  }
  expect_failures = [var.issuing_cas]
}

run "the_common_name_of_the_first" {
  command = plan
  variables {
    issuing_cas = { issuing-ca-2 = { info = { commonName = "Serverless Issuing CA" } } }
  }
  expect_failures = [terraform_data.inputs]
}

run "no_such_key_spec" {
  command = plan
  variables {
    issuing_cas = { issuing-ca-2 = { info = { commonName = "Second Issuing CA" }, key_spec = "ECC_SECG_P256K1" } }
  }
  expect_failures = [var.issuing_cas]
}

run "it_outlives_the_root" {
  command = plan
  variables {
    issuing_cas = { issuing-ca-2 = { info = { commonName = "Second Issuing CA", lifetime = 7301 } } }
  }
  expect_failures = [terraform_data.inputs]
}

run "a_short_crl" {
  command = plan
  variables {
    issuing_cas = { issuing-ca-2 = { info = { commonName = "Second Issuing CA" }, crl_days = 0, crl_seconds = 3600 } }
  }
  expect_failures = [terraform_data.inputs, check.crl_overlap]
}
