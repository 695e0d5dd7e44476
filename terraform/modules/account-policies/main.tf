# What an organisation lays on the account of a CA, from outside of it: not even the account's administrators change it there.
# A service control policy binds the account's principals, a resource control policy whoever comes to its resources. Neither lets
# anybody do anything, and neither binds the organisation's management account: no CA belongs there.
#
# The account holds a CA and nothing else, so that what signs or changes things is denied at large, with those excepted who are
# named. Short ids, since each policy has room for 5,120 characters.

locals {
  lambda = "arn:${var.partition}:lambda:${var.region}:${var.account_id}:function"
  role   = "arn:${var.partition}:iam::${var.account_id}:role"

  function_arns = [for name in var.signing_functions : "${local.lambda}:${var.project}-${name}-${var.env}"]
  role_arns     = [for name in var.signing_functions : "${local.role}/${var.project}-${name}-${var.env}"]

  # Of a list that names nobody, a condition would hold for nobody, or not be taken: then there is none, and all are denied.
  unless = {
    for who, arns in { administrators = concat(var.administrators, var.break_glass), emergency = var.break_glass, waking = concat(var.break_glass, var.root_operators) } :
    who => { for condition, keys in { ArnNotLike = { "aws:PrincipalArn" = arns } } : condition => keys if length(arns) > 0 }
  }

  control_of_principals = concat(
    [
      {
        Sid      = "Stay"
        Action   = ["account:CloseAccount", "organizations:LeaveOrganization", "sts:GetFederationToken"]
        Resource = "*"
      },
      {
        # Negated, so that it also holds where the key is absent: for everything that is no function.
        Sid       = "SignFromFunctions"
        Action    = ["kms:GenerateMac", "kms:Sign"]
        Resource  = "*"
        Condition = { ArnNotEquals = { "lambda:SourceFunctionArn" = local.function_arns } }
      },
      {
        Sid      = "VerifyElsewhere"
        Action   = ["kms:ReplicateKey", "kms:Verify"]
        Resource = "*"
      },
      {
        Sid       = "PassToLambda"
        Action    = "iam:PassRole"
        Resource  = local.role_arns
        Condition = { StringNotEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      merge(
        {
          Sid      = "Emergency"
          Action   = ["cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail", "kms:DeleteImportedKeyMaterial", "kms:ScheduleKeyDeletion"]
          Resource = "*"
        },
        { for condition in [local.unless.emergency] : "Condition" => condition if length(condition) > 0 },
      ),
      merge(
        {
          Sid      = "Wake"
          Action   = ["kms:DisableKey", "kms:EnableKey"]
          Resource = "*"
        },
        { for condition in [local.unless.waking] : "Condition" => condition if length(condition) > 0 },
      ),
      {
        Sid = "Administer"
        Action = [
          "cloudwatch:DeleteAlarms",
          "cloudwatch:DisableAlarmActions",
          "dynamodb:DeleteResourcePolicy",
          "dynamodb:DeleteTable",
          "dynamodb:PutResourcePolicy",
          "dynamodb:Restore*",
          "dynamodb:UpdateContinuousBackups",
          "dynamodb:UpdateTable*",
          "dynamodb:UpdateTimeToLive",
          "events:DeleteRule",
          "events:DisableRule",
          "events:PutRule",
          "events:RemoveTargets",
          "iam:Add*",
          "iam:Attach*",
          "iam:Create*",
          "iam:Delete*",
          "iam:Detach*",
          "iam:PassRole",
          "iam:Put*",
          "iam:Remove*",
          "iam:Set*",
          "iam:Update*",
          "iam:Upload*",
          "kms:CreateAlias",
          "kms:DeleteAlias",
          "kms:PutKeyPolicy",
          "kms:UpdateAlias",
          "lambda:Add*",
          "lambda:Create*",
          "lambda:Delete*",
          "lambda:Publish*",
          "lambda:Put*",
          "lambda:Remove*",
          "lambda:Update*",
          "logs:Delete*",
          "logs:PutRetentionPolicy",
          "rolesanywhere:Create*",
          "rolesanywhere:Enable*",
          "rolesanywhere:Import*",
          "rolesanywhere:Put*",
          "rolesanywhere:Update*",
          "s3:DeleteBucket*",
          "s3:PutAccountPublicAccessBlock",
          "s3:PutBucketPolicy",
          "s3:PutBucketPublicAccessBlock",
          "s3:PutBucketVersioning",
          "s3:PutLifecycleConfiguration",
          "s3:PutReplicationConfiguration",
          "scheduler:Delete*",
          "scheduler:Update*",
          "sns:DeleteTopic",
          "sns:SetTopicAttributes",
          "sns:Unsubscribe",
          "states:DeleteStateMachine",
          "states:UpdateStateMachine",
        ]
        Resource  = "*"
        Condition = local.unless.administrators
      },
    ],
    [for statement in [{
      Sid      = "InvokeByAlias"
      Action   = "lambda:InvokeFunction"
      Resource = [for door in ["", ":$LATEST"] : "${local.lambda}:${var.project}-tls-cert-${var.env}${door}"]
    }] : statement if !var.unqualified_invocation],
  )

  control_of_resources = concat(
    [
      {
        Sid       = "RolesSign"
        Action    = ["kms:GenerateMac", "kms:Sign"]
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = local.role_arns } }
      },
      {
        Sid    = "NobodyVerifies"
        Action = "kms:Verify"
      },
      {
        # What services need for what they store is lent to them alone.
        Sid       = "NoGrants"
        Action    = "kms:CreateGrant"
        Condition = { BoolIfExists = { "kms:GrantIsForAWSResource" = "false" } }
      },
      {
        Sid       = "KeyPolicies"
        Action    = ["kms:PutKeyPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy"]
        Condition = local.unless.administrators
      },
      merge(
        {
          Sid    = "Emergency"
          Action = "kms:ScheduleKeyDeletion"
        },
        { for condition in [local.unless.emergency] : "Condition" => condition if length(condition) > 0 },
      ),
    ],
    [for statement in [{
      # Reading from the bucket of what is published is for whom the deployment names, in whatever organisation.
      Sid       = "Organisation"
      Action    = ["kms:*", "s3:Delete*", "s3:Put*", "secretsmanager:*", "sqs:*"]
      Condition = { StringNotEqualsIfExists = { "aws:PrincipalOrgID" = var.organization_id }, BoolIfExists = { "aws:PrincipalIsAWSService" = "false" } }
    }] : statement if var.organization_id != ""],
  )

  service_control_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.control_of_principals : merge({ Effect = "Deny" }, statement)]
  })

  resource_control_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.control_of_resources : merge({ Effect = "Deny", Principal = "*", Resource = "*" }, statement)]
  })
}
