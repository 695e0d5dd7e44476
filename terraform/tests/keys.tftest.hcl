# Who may do what with a CA's key.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  account_id        = "123456789012"
  alias             = "p-issuing-ca-dev"
  description       = "Issuing CA"
  key_spec          = "ECC_NIST_P256"
  partition         = "aws"
  signing_role_arns = ["arn:aws:iam::123456789012:role/p-tls-cert-dev"]
  reading_role_arns = ["arn:aws:iam::123456789012:role/p-create-issuing-ca-dev"]
}

run "policy" {
  command = plan

  module {
    source = "./modules/ca-key"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement.Sid == "Sign"
      if statement.Effect == "Allow" && contains(flatten([statement.Action]), "kms:Sign")
    ])
    error_message = "Only the statement for signing roles may allow kms:Sign."
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement if statement.Sid == "Sign"][0] == jsondecode(jsonencode({
      Sid       = "Sign"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::123456789012:role/p-tls-cert-dev"] }
      Action    = "kms:Sign"
      Resource  = "*"
      Condition = { StringEquals = { "kms:SigningAlgorithm" = "ECDSA_SHA_256", "kms:MessageType" = "DIGEST" } }
    }))
    error_message = "Signing roles, and nobody else, sign digests with the key's one algorithm."
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement if statement.Sid == "NobodyElseSigns"][0] == jsondecode(jsonencode({
      Sid       = "NobodyElseSigns"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "kms:Sign"
      Resource  = "*"
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/p-tls-cert-dev"] } }
    }))
    error_message = "Whatever identity policies say, nobody else signs."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_kms_key.encryption.policy).Statement : [
        for action in flatten([statement.Action]) : !strcontains(action, "*") && action != "kms:CreateGrant"
      ] if statement.Effect == "Allow"
    ]))
    error_message = "No wildcard among the actions, and no grants, by which signing could be lent."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement.Principal.AWS if statement.Sid == "Administer"
    ][0] == ["arn:aws:iam::123456789012:root"]
    error_message = "The account's IAM policies say who administers."
  }

  assert {
    condition     = aws_kms_alias.encryption.name == "alias/p-issuing-ca-dev" && aws_kms_key.encryption.key_usage == "SIGN_VERIFY" && aws_kms_key.encryption.deletion_window_in_days == 30
    error_message = "Alias, usage and deletion window must be as promised."
  }
}

run "nobody_verifies" {
  command = plan

  module {
    source = "./modules/ca-key"
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement if contains(flatten([statement.Action]), "kms:Verify")] == [jsondecode(jsonencode({
      Sid       = "NobodyVerifies"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "kms:Verify"
      Resource  = "*"
    }))]
    error_message = "Everybody verifies with the public key, and nobody in the place of a signature."
  }

  assert {
    condition     = !strcontains(aws_kms_key.encryption.policy, "aws:SourceVpce") && !strcontains(aws_kms_key.encryption.policy, "aws:userid") && !strcontains(aws_kms_key.encryption.policy, "WakeAndPutToSleep")
    error_message = "What was not asked for is not there."
  }
}

run "signing_from_elsewhere" {
  command = plan

  module {
    source = "./modules/ca-key"
  }

  variables {
    signing_vpc_endpoint_ids = ["vpce-0123456789abcdef0"]
    signing_user_ids         = ["AROAEXAMPLE:p-tls-cert-dev"]
    waking_role_arns         = ["arn:aws:iam::123456789012:role/root-operator"]
    emergency_role_arns      = ["arn:aws:iam::123456789012:role/break-glass"]
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement if statement.Effect == "Deny" && contains(flatten([statement.Action]), "kms:EnableKey")] == [jsondecode(jsonencode({
      Sid       = "NobodyElseWakes"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "kms:EnableKey"
      Resource  = "*"
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/root-operator", "arn:aws:iam::123456789012:role/break-glass"] } }
    }))]
    error_message = "Where somebody is named for it, administrators do not wake the key."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement.Sid => try(statement.Condition.StringNotEquals, null) if statement.Effect == "Deny" && statement.Action == "kms:Sign"
      } == {
      NobodyElseSigns           = null
      SignThroughEndpointsAlone = { "aws:SourceVpce" = ["vpce-0123456789abcdef0"] }
      SignInTheseSessionsAlone  = { "aws:userid" = ["AROAEXAMPLE:p-tls-cert-dev"] }
    }
    error_message = "Credentials that were carried away, and roles that were made again, sign nothing."
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement if statement.Sid == "WakeAndPutToSleep"] == [jsondecode(jsonencode({
      Sid       = "WakeAndPutToSleep"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::123456789012:role/root-operator"] }
      Action    = ["kms:DescribeKey", "kms:DisableKey", "kms:EnableKey"]
      Resource  = "*"
      Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }
    }))]
    error_message = "The key is woken with a second factor."
  }
}

run "waking_without_a_second_factor" {
  command = plan

  module {
    source = "./modules/ca-key"
  }

  variables {
    waking_role_arns = ["arn:aws:iam::123456789012:role/root-operator"]
    waking_needs_mfa = false
  }

  assert {
    condition     = [for statement in jsondecode(aws_kms_key.encryption.policy).Statement : can(statement.Condition) if statement.Sid == "WakeAndPutToSleep"] == [false]
    error_message = "Where sessions cannot have a second factor, none is asked for."
  }
}

run "named_administrators" {
  command = plan

  module {
    source = "./modules/ca-key"
  }

  variables {
    administrators = ["arn:aws:iam::123456789012:role/key-admin"]
  }

  assert {
    condition = [
      for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement.Principal.AWS if statement.Sid == "Administer"
    ][0] == ["arn:aws:iam::123456789012:role/key-admin"]
    error_message = "Named administrators take the account's place."
  }

  assert {
    condition     = !strcontains(aws_kms_key.encryption.policy, ":root\"")
    error_message = "With named administrators, the account at large has no part in the key."
  }
}

run "algorithm_of_rsa_2048" {
  command = plan

  module {
    source = "./modules/ca-key/algorithm"
  }

  variables {
    key_spec = "RSA_2048"
  }

  assert {
    condition     = output.name == "RSASSA_PKCS1_V1_5_SHA_256" && output.message_type == "DIGEST"
    error_message = "RSA_2048 signs a DIGEST with RSASSA_PKCS1_V1_5_SHA_256."
  }
}

run "algorithm_of_rsa_3072" {
  command = plan

  module {
    source = "./modules/ca-key/algorithm"
  }

  variables {
    key_spec = "RSA_3072"
  }

  assert {
    condition     = output.name == "RSASSA_PKCS1_V1_5_SHA_256" && output.message_type == "DIGEST"
    error_message = "RSA_3072 signs a DIGEST with RSASSA_PKCS1_V1_5_SHA_256."
  }
}

run "algorithm_of_rsa_4096" {
  command = plan

  module {
    source = "./modules/ca-key/algorithm"
  }

  variables {
    key_spec = "RSA_4096"
  }

  assert {
    condition     = output.name == "RSASSA_PKCS1_V1_5_SHA_256" && output.message_type == "DIGEST"
    error_message = "RSA_4096 signs a DIGEST with RSASSA_PKCS1_V1_5_SHA_256."
  }
}

run "algorithm_of_ecc_nist_p384" {
  command = plan

  module {
    source = "./modules/ca-key/algorithm"
  }

  variables {
    key_spec = "ECC_NIST_P384"
  }

  assert {
    condition     = output.name == "ECDSA_SHA_384" && output.message_type == "DIGEST"
    error_message = "ECC_NIST_P384 signs a DIGEST with ECDSA_SHA_384."
  }
}

run "algorithm_of_ecc_nist_p521" {
  command = plan

  module {
    source = "./modules/ca-key/algorithm"
  }

  variables {
    key_spec = "ECC_NIST_P521"
  }

  assert {
    condition     = output.name == "ECDSA_SHA_512" && output.message_type == "DIGEST"
    error_message = "ECC_NIST_P521 signs a DIGEST with ECDSA_SHA_512."
  }
}

run "algorithm_of_ml_dsa_44" {
  command = plan

  module {
    source = "./modules/ca-key/algorithm"
  }

  variables {
    key_spec = "ML_DSA_44"
  }

  assert {
    condition     = output.name == "ML_DSA_SHAKE_256" && output.message_type == "EXTERNAL_MU"
    error_message = "ML_DSA_44 signs a EXTERNAL_MU with ML_DSA_SHAKE_256."
  }
}

run "algorithm_of_ml_dsa_65" {
  command = plan

  module {
    source = "./modules/ca-key/algorithm"
  }

  variables {
    key_spec = "ML_DSA_65"
  }

  assert {
    condition     = output.name == "ML_DSA_SHAKE_256" && output.message_type == "EXTERNAL_MU"
    error_message = "ML_DSA_65 signs a EXTERNAL_MU with ML_DSA_SHAKE_256."
  }
}

run "algorithm_of_ml_dsa_87" {
  command = plan

  module {
    source = "./modules/ca-key/algorithm"
  }

  variables {
    key_spec = "ML_DSA_87"
  }

  assert {
    condition     = output.name == "ML_DSA_SHAKE_256" && output.message_type == "EXTERNAL_MU"
    error_message = "ML_DSA_87 signs a EXTERNAL_MU with ML_DSA_SHAKE_256."
  }
}

run "resource_key" {
  command = plan

  module {
    source = "./modules/resource-key"
  }

  variables {
    alias = "p-tls-keygen-dev"
  }

  assert {
    condition = toset([for statement in jsondecode(aws_kms_key.encryption.policy).Statement : statement.Sid]) == toset([
      "AccountDecidesByIamPolicies", "AlarmsReachTheTopic",
    ])
    error_message = "The resource key is the account's, and alarms use it for the topic."
  }

  assert {
    condition     = aws_kms_key.encryption.enable_key_rotation && aws_kms_alias.encryption.name == "alias/p-tls-keygen-dev"
    error_message = "It is rotated, and has its alias."
  }
}

run "intents_key" {
  command = plan

  module {
    source = "./modules/intents-key"
  }

  variables {
    alias               = "p-intents-dev"
    preparing_role_arns = ["arn:aws:iam::123456789012:role/p-tls-cert-dev"]
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.encryption.policy).Statement : [statement.Sid, statement.Effect] if contains(flatten([statement.Action]), "kms:GenerateMac")] == [
      ["Authenticate", "Allow"], ["NobodyElseAuthenticates", "Deny"],
    ]
    error_message = "Named roles authenticate, and nobody else does, whatever identity policies say."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_kms_key.encryption.policy).Statement : [
        for action in flatten([statement.Action]) : !strcontains(action, "*") && action != "kms:CreateGrant"
      ] if statement.Effect == "Allow"
    ]))
    error_message = "No wildcard among the actions, and no grants."
  }

  assert {
    condition     = aws_kms_key.encryption.customer_master_key_spec == "HMAC_256" && aws_kms_key.encryption.key_usage == "GENERATE_VERIFY_MAC" && aws_kms_alias.encryption.name == "alias/p-intents-dev"
    error_message = "It is an HMAC key of that alias."
  }
}
