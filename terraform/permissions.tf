# What each function may do: the calls it makes, on the things it makes them on; and what an operator needs who changes which CA
# issues.

locals {
  table   = module.dynamodb.certificates_arn
  journal = module.dynamodb.journal_arn

  # The grants below, by name; each is a list of statements.
  grants = {
    # What is stored is encrypted; services decrypt it on a function's behalf, and the function cannot by itself.
    storage_keys = [{
      Sid       = "KeysOfStoredThings"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = distinct(concat([local.resource_key_arn], local.internal_bucket_key_arns))
      Condition = { StringEquals = { "kms:ViaService" = [for service in ["dynamodb", "s3", "sns"] : "${service}.${local.region}.${local.dns_suffix}"] } }
    }]

    # Transactions need the permissions of their parts.
    read_ledger = [{
      Sid      = "ReadLedger"
      Effect   = "Allow"
      Action   = ["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:Query"]
      Resource = [local.table, local.journal]
    }]

    # Each writes what it has to write: new rows of leaves, never a CA's, nor that one is revoked.
    add_leaves = [merge(local.write_rows, {
      Sid    = "AddLeaves"
      Action = "dynamodb:PutItem"
      Condition = {
        "ForAllValues:StringEquals"    = { "dynamodb:Attributes" = concat(local.new_row, ["NotifyExpiry"]) }
        "ForAllValues:StringNotEquals" = { "dynamodb:LeadingKeys" = local.every_ca_name }
        Null                           = { "dynamodb:LeadingKeys" = "false" }
      }
    })]

    add_root    = [local.add_ca["root"]]
    add_issuing = [local.add_ca["issuing"]]

    # Rows are revoked, and the CA's own counts its CRLs. The root certifies CAs and nothing else, and the issuing CAs none: that
    # a CA is revoked, its row says, which the root's function alone marks.
    revoke_cas = [merge(local.write_rows, {
      Sid    = "Revoke"
      Action = "dynamodb:UpdateItem"
      Condition = {
        "ForAllValues:StringEquals" = { "dynamodb:Attributes" = local.revocation, "dynamodb:LeadingKeys" = local.every_ca_name }
        StringEqualsIfExists        = { "dynamodb:ReturnValues" = local.what_was_written }
        Null                        = { "dynamodb:Attributes" = "false", "dynamodb:LeadingKeys" = "false" }
      }
    })]

    revoke_leaves = [merge(local.write_rows, {
      Sid    = "Revoke"
      Action = "dynamodb:UpdateItem"
      Condition = {
        "ForAllValues:StringEquals"    = { "dynamodb:Attributes" = local.revocation }
        "ForAllValues:StringNotEquals" = { "dynamodb:LeadingKeys" = local.every_ca_name }
        StringEqualsIfExists           = { "dynamodb:ReturnValues" = local.what_was_written }
        Null                           = { "dynamodb:Attributes" = "false", "dynamodb:LeadingKeys" = "false" }
      }
    })]

    count_root_crls    = [local.count_crls["root"]]
    count_issuing_crls = [local.count_crls["issuing"]]

    # No row of the certificate table is ever deleted; of the journal, claims and tokens of what was given up are, and the record
    # of a CA that was. CAs are recorded by those who make them, and by nobody else.
    journal_issuance_root    = local.journal_issuance["root"]
    journal_issuance_issuing = local.journal_issuance["issuing"]
    journal_rejections       = [merge(local.write_journal, { Sid = "WriteRejections", Action = "dynamodb:PutItem", Condition = local.partitions_of["rejections"] })]
    journal_cas = [
      merge(local.write_journal, { Sid = "WriteCas", Action = ["dynamodb:PutItem", "dynamodb:UpdateItem"], Condition = local.partitions_of["cas"] }),
      merge(local.write_journal, { Sid = "GiveCasUp", Action = "dynamodb:DeleteItem", Condition = local.partitions_of["cas_given_up"] }),
    ]
    journal_crls_root    = [merge(local.write_journal, { Sid = "WriteCrls", Action = ["dynamodb:PutItem", "dynamodb:UpdateItem"], Condition = local.partitions_of["crls_root"] })]
    journal_crls_issuing = [merge(local.write_journal, { Sid = "WriteCrls", Action = ["dynamodb:PutItem", "dynamodb:UpdateItem"], Condition = local.partitions_of["crls_issuing"] })]
    # A compromised key is blocked, in a partition that nobody deletes from, and what was being issued for it is given up.
    journal_compromise = [
      merge(local.write_journal, { Sid = "WriteCompromises", Action = "dynamodb:UpdateItem", Condition = local.partitions_of["compromise"] }),
      local.free_given_up,
    ]

    # A CA that is about to be made is closed before it exists, and one whose last certificate has ended for good. No function
    # opens one: whatever is put there has a state.
    close_cas = [for statement in [local.closing_statement] : statement if local.several]

    # Whether a certificate of a CA is left is looked for among the rows, too, until they are adopted.
    find_last = [for statement in [local.scan_statement] : statement if local.several]

    # A CA that is revoked is reserved under no more, by an item for each part of those who reserve. Nobody takes that back.
    journal_revoked_cas = [merge(local.write_journal, { Sid = "EndCas", Action = "dynamodb:PutItem", Condition = local.partitions_of["revoked_cas"] })]

    # Reminders are recorded beside what they are about, and nothing else is written, nor read by way of writing. An update makes
    # a row where there is none: of leaves alone, since a CA's rows say whether it is revoked.
    remind = [{
      Sid      = "RecordReminders"
      Effect   = "Allow"
      Action   = "dynamodb:UpdateItem"
      Resource = local.table
      Condition = {
        "ForAllValues:StringEquals"    = { "dynamodb:Attributes" = concat(local.row_key, ["ExpiryReminders"]) }
        "ForAllValues:StringNotEquals" = { "dynamodb:LeadingKeys" = local.every_ca_name }
        StringEquals                   = { "dynamodb:ReturnValues" = local.what_was_written }
        Null                           = { "dynamodb:Attributes" = "false", "dynamodb:LeadingKeys" = "false" }
      }
    }]

    # Rows that the former CA made are in no journal until they are adopted; until then they are found by going through
    # the table. Who makes the first CA looks whether there are any. The issuing CA's CRL function goes through it for good, so
    # many rows a run: that one is revoked may have been written by hand.
    scan_certificates = [local.scan_statement]

    query_serial = [{ Sid = "QuerySerials", Effect = "Allow", Action = "dynamodb:Query", Resource = "${local.table}/index/serial" }]
    query_open   = [{ Sid = "QueryOpen", Effect = "Allow", Action = "dynamodb:Query", Resource = "${local.journal}/index/open" }]

    sign_root    = [local.sign["root"]]
    sign_issuing = concat([local.sign["issuing"]], local.sign_further)

    # A CA's certificate is believed only if its key is the one in KMS, by whoever goes by it.
    read_keys = concat(
      [local.read_key["issuing"], local.read_key["root"]],
      [for arns in [values(module.kms_issuing_cas)[*].key_arn] : { Sid = "ReadFurtherCaKeys", Effect = "Allow", Action = "kms:GetPublicKey", Resource = arns } if local.several],
    )

    # What is to be signed carries a code that those alone can make who may prepare certificates.
    authenticate = [{
      Sid       = "AuthenticateIntents"
      Effect    = "Allow"
      Action    = "kms:GenerateMac"
      Resource  = module.kms_intents.key_arn
      Condition = { StringEquals = { "kms:MacAlgorithm" = "HMAC_SHA_256" } }
    }]

    # How old a CRL is, is measured from what stands there.
    look_at_crls = [{
      Sid      = "LookAtCrls"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [for ca_name in concat([local.root_ca_name], local.issuing_ca_names) : "${local.external_bucket_arn}/${ca_name}.crl"]
    }, local.list_external]

    # CRLs are those of the CA's CRL function: whoever else put an older one back would take revocations with it.
    publish_root_crt    = [local.publish_crt["root"], local.list_external]
    publish_issuing_crt = [local.publish_crt["issuing"], local.list_external]
    publish_root_crl    = [local.publish_crl["root"], local.list_external]
    publish_issuing_crl = [local.publish_crl["issuing"], local.list_external]
    # The bundle holds the certificates of all CAs, and is made whenever one of them is.
    publish_bundle = [{
      Sid      = "PublishBundle"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = "${local.external_bucket_arn}/${local.bundle_key}"
    }]

    read_requests     = [merge(local.read_internal, { Resource = [for key in ["tls.json", "csrs/*"] : "${module.internal_s3.arn}/${key}"] }), local.list_internal]
    read_revoked      = [merge(local.read_internal, { Resource = "${module.internal_s3.arn}/revoked.json" }), local.list_internal]
    read_revoked_root = [merge(local.read_internal, { Resource = "${module.internal_s3.arn}/revoked-root-ca.json" }), local.list_internal]

    tell = [{ Sid = "TellTopic", Effect = "Allow", Action = "sns:Publish", Resource = module.sns_ca_notifications.arn }]

    slack = [
      { Sid = "ReadToken", Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = local.slack ? local.slack_secret_arn : "" },
      # AWS knows no resource for it. The account's alias stands in every message.
      { Sid = "NameAccount", Effect = "Allow", Action = "iam:ListAccountAliases", Resource = "*" },
    ]

    slack_key = [for arns in [local.slack_secret_key_arns] : {
      Sid       = "DecryptToken"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = arns
      Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${local.region}.${local.dns_suffix}" } }
    } if length(arns) > 0]

    # AWS knows no resource for these.
    trace = [for actions in [["xray:PutTelemetryRecords", "xray:PutTraceSegments"]] : {
      Sid      = "Trace"
      Effect   = "Allow"
      Action   = actions
      Resource = "*"
    } if var.xray_enabled]

    # Lambda attaches a function to its VPC under the function's role. The function's code has no business with it.
    vpc = flatten([for actions in [["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"]] : [
      # AWS knows no resource for some of these.
      { Sid = "AttachToVpc", Effect = "Allow", Action = actions, Resource = "*" },
      { Sid = "CodeAttachesNothing", Effect = "Deny", Action = actions, Resource = "*", Condition = { ArnLike = { "lambda:SourceFunctionArn" = "arn:*:lambda:*:*:function:*" } } },
    ] if local.in_vpc])

    dead_letters = [{ Sid = "KeepWhatFailed", Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.dead_letters.arn }]
  }

  # Functions that sign. Every other one is denied it outright: nobody lets it, and this way nobody can.
  signing_functions = toset(["create-root-ca", "create-issuing-ca", "root-ca-crl", "issuing-ca-crl", "tls-cert", "sweep"])

  own_function_arns = { for name in keys(local.descriptions) : name => "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${var.project}-${name}-${var.env}" }

  # A role is its function's alone. To whatever else is run under it (another function that it is passed to, say), what signs
  # and what writes is denied. Denied, since a key's policy lets the role sign whatever the role's own one does not say; and in a
  # negated form, which also holds where the key is absent. Key policies know no lambda:SourceFunctionArn.
  denials = {
    for name in local.function_names : name => concat(
      [for statement in [{
        Sid       = "OnlyFromItsFunction"
        Effect    = "Deny"
        Action    = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "kms:GenerateMac", "kms:Sign", "s3:PutObject"]
        Resource  = "*"
        Condition = { ArnNotEquals = { "lambda:SourceFunctionArn" = local.own_function_arns[name] } }
      }] : statement if name != "notify"],
      [for statement in [{
        Sid      = "SignsNothing"
        Effect   = "Deny"
        Action   = ["kms:GenerateMac", "kms:Sign"]
        Resource = "*"
      }] : statement if !contains(local.signing_functions, name)],
      [for statement in [{
        Sid       = "SignsThroughEndpointsAlone"
        Effect    = "Deny"
        Action    = "kms:Sign"
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:SourceVpce" = var.signing_vpc_endpoint_ids } }
      }] : statement if contains(local.signing_functions, name) && length(var.signing_vpc_endpoint_ids) > 0],
    )
  }

  in_vpc = length(var.signing_subnet_ids) > 0

  # Whether there are issuing CAs besides the contract's. Without any, roles may do what they could ever do.
  several = length(var.issuing_cas) > 0

  closing_statement = merge(local.write_journal, {
    Sid       = "CloseCas"
    Action    = "dynamodb:PutItem"
    Condition = merge(local.partitions_of["closed_cas"], { "ForAnyValue:StringEquals" = { "dynamodb:Attributes" = ["State"] } })
  })

  scan_statement = { Sid = "ScanCertificates", Effect = "Allow", Action = "dynamodb:Scan", Resource = local.table }

  row_key          = ["CommonName", "SerialNumber"]
  new_row          = concat(local.row_key, ["Issued", "Expires", "Certificate"])
  revocation       = concat(local.row_key, ["Revoked", "RevocationReason", "InvalidityDate", "RevokedBy"])
  what_was_written = ["NONE", "UPDATED_OLD", "UPDATED_NEW"]

  write_rows = { Effect = "Allow", Resource = local.table }

  write_journal = {
    Sid      = "WriteIssuance"
    Effect   = "Allow"
    Action   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    Resource = local.journal
  }

  # The journal's partitions by what they hold. LeadingKeys is there whatever is written. What is about one CA's CRL names the
  # CA, whose CRLs are whole ones: who issues under one CA has no say in what another one lists, unless it issues under that,
  # too. What a reservation looks at (`closed-ca#`) is the operators', but for closing. Whoever signs writes each attempt before
  # it is made, and how it ended (`attempts#`); nobody deletes one.
  partitions_of = {
    for what, keys in {
      issuance_root    = ["attempts#*", "intent#*", "key#*", "token#*", "issued#*", "crl-uses#${local.root_ca_name}"]
      issuance_issuing = concat(["attempts#*", "intent#*", "key#*", "token#*", "issued#*", "expiry#*", "line#*"], [for ca_name in local.issuing_ca_names : "crl-uses#${ca_name}"])
      lost_root        = ["revoked#${local.root_ca_name}#full", "changes#${local.root_ca_name}#full"]
      lost_issuing     = flatten([for ca_name in local.issuing_ca_names : ["revoked#${ca_name}#full", "changes#${ca_name}#full"]])
      given_up         = ["key#*", "token#*", "line#*"]
      rejections       = ["rejections-days", "rejections#*"]
      cas              = ["authorities", "adoption"]
      cas_given_up     = ["authorities"]
      crls_root        = concat(["attempts#*"], [for what in ["revoked", "changes", "crl", "number"] : "${what}#${local.root_ca_name}#full"])
      # Also where it goes on looking for rows that say they are revoked, and are on no list.
      crls_issuing = concat(["attempts#*"], flatten([for ca_name in local.issuing_ca_names : concat([for what in ["revoked", "changes", "crl", "number"] : "${what}#${ca_name}#full"], ["row-scan#${ca_name}"])]))
      closed_cas   = [for ca_name in local.issuing_ca_names : "closed-ca#${ca_name}#*"]
      compromise   = ["blocked#*", "key#*", "line#*", "intent#*"]
      # Written by those alone who revoke CAs: whoever can write here can stop issuance.
      revoked_cas = ["revoked-ca#*"]
      } : what => merge(
      {
        "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = keys }
        Null                      = { "dynamodb:LeadingKeys" = "false" }
      },
      # What has it is deleted by DynamoDB some time.
      what == "rejections" ? {} : { "ForAllValues:StringNotEquals" = { "dynamodb:Attributes" = ["ForgetAfter"] } },
    )
  }

  # What was given up frees its claims and tokens, and is listed: a signature may exist. Nothing is ever taken off a list.
  free_given_up = merge(local.write_journal, { Sid = "FreeGivenUp", Action = "dynamodb:DeleteItem", Condition = local.partitions_of["given_up"] })

  journal_issuance = {
    for ca in ["root", "issuing"] : ca => [
      merge(local.write_journal, { Action = ["dynamodb:PutItem", "dynamodb:UpdateItem"], Condition = local.partitions_of["issuance_${ca}"] }),
      merge(local.write_journal, { Sid = "ListGivenUp", Action = "dynamodb:PutItem", Condition = local.partitions_of["lost_${ca}"] }),
      local.free_given_up,
    ]
  }

  # The CAs of each of the two levels, which have functions of their own.
  names_of = { root = [local.root_ca_name], issuing = local.issuing_ca_names }

  add_ca = {
    for ca, ca_names in local.names_of : ca => merge(local.write_rows, {
      Sid    = "Add${title(ca)}Ca"
      Action = "dynamodb:PutItem"
      Condition = {
        "ForAllValues:StringEquals" = { "dynamodb:Attributes" = concat(local.new_row, ["CRLNumber"]), "dynamodb:LeadingKeys" = ca_names }
        Null                        = { "dynamodb:LeadingKeys" = "false" }
      }
    })
  }

  count_crls = {
    for ca, ca_names in local.names_of : ca => merge(local.write_rows, {
      Sid    = "CountCrls"
      Action = "dynamodb:UpdateItem"
      Condition = {
        "ForAllValues:StringEquals" = { "dynamodb:Attributes" = concat(local.row_key, ["CRLNumber"]), "dynamodb:LeadingKeys" = ca_names }
        StringEqualsIfExists        = { "dynamodb:ReturnValues" = local.what_was_written }
        Null                        = { "dynamodb:LeadingKeys" = "false" }
      }
    })
  }

  sign = {
    for ca in ["root", "issuing"] : ca => {
      Sid       = "SignWith${title(ca)}CaKey"
      Effect    = "Allow"
      Action    = "kms:Sign"
      Resource  = local.ca_keys[ca].key_arn
      Condition = { StringEquals = { "kms:SigningAlgorithm" = local.ca_keys[ca].signing_algorithm, "kms:MessageType" = local.ca_keys[ca].message_type } }
    }
  }

  # The keys of further CAs, those of one algorithm together.
  sign_further = [
    for algorithm, keys in { for key in values(module.kms_issuing_cas) : key.signing_algorithm => key... } : {
      Sid       = "SignWith${replace(algorithm, "_", "")}Keys"
      Effect    = "Allow"
      Action    = "kms:Sign"
      Resource  = keys[*].key_arn
      Condition = { StringEquals = { "kms:SigningAlgorithm" = algorithm, "kms:MessageType" = keys[0].message_type } }
    }
  ]

  read_key = {
    for ca in ["root", "issuing"] : ca => {
      Sid      = "Read${title(ca)}CaKey"
      Effect   = "Allow"
      Action   = "kms:GetPublicKey"
      Resource = local.ca_keys[ca].key_arn
    }
  }

  # Reading, because a file is only ever replaced on the condition that it is the one that was seen.
  publish_crt = {
    for ca, ca_names in local.names_of : ca => {
      Sid      = "Publish${title(ca)}CaCertificate"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = [for ca_name in ca_names : "${local.external_bucket_arn}/${ca_name}.crt"]
    }
  }

  # A deployment's CRLs are not split into shards, so each has one name; a pattern would reach files of other CAs whose names
  # begin alike.
  publish_crl = {
    for ca, ca_names in local.names_of : ca => {
      Sid      = "Publish${title(ca)}CaCrl"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = flatten([for ca_name in ca_names : [for end in [".crl", ".crl.pem"] : "${local.external_bucket_arn}/${ca_name}${end}"]])
    }
  }

  # Without these, S3 says "denied" of an object that does not exist.
  list_external = { Sid = "TellMissingPublished", Effect = "Allow", Action = "s3:ListBucket", Resource = local.external_bucket_arn }
  list_internal = { Sid = "TellMissingRequests", Effect = "Allow", Action = "s3:ListBucket", Resource = module.internal_s3.arn }

  read_internal = { Sid = "ReadRequests", Effect = "Allow", Action = "s3:GetObject" }

  granted = {
    create-root-ca    = ["storage_keys", "read_ledger", "add_root", "journal_issuance_root", "journal_cas", "query_serial", "query_open", "scan_certificates", "sign_root", "read_keys", "authenticate", "publish_root_crt", "publish_bundle"]
    create-issuing-ca = ["storage_keys", "read_ledger", "add_issuing", "journal_issuance_root", "journal_cas", "close_cas", "find_last", "query_serial", "query_open", "sign_root", "read_keys", "authenticate", "publish_issuing_crt", "publish_bundle"]
    root-ca-crl       = ["storage_keys", "read_ledger", "revoke_cas", "count_root_crls", "journal_crls_root", "journal_compromise", "journal_revoked_cas", "query_serial", "query_open", "scan_certificates", "sign_root", "read_keys", "publish_root_crl", "read_revoked_root", "tell"]
    issuing-ca-crl    = ["storage_keys", "read_ledger", "revoke_leaves", "count_issuing_crls", "journal_crls_issuing", "journal_compromise", "query_serial", "query_open", "scan_certificates", "sign_issuing", "read_keys", "publish_issuing_crl", "read_revoked", "tell"]
    tls-cert          = ["storage_keys", "read_ledger", "add_leaves", "journal_issuance_issuing", "journal_rejections", "query_serial", "sign_issuing", "read_keys", "authenticate", "read_requests", "tell"]
    expiry            = ["storage_keys", "read_ledger", "remind", "query_serial", "scan_certificates", "read_keys", "read_requests", "tell"]
    notify            = ["slack", "slack_key"]
    sweep             = ["storage_keys", "read_ledger", "add_leaves", "journal_issuance_issuing", "query_serial", "query_open", "sign_issuing", "read_keys", "authenticate", "look_at_crls", "tell"]
  }

  # What an operator needs who changes which CA issues. The state is written in one transaction, into the partition of the CAs
  # and into what reservations look at; a CA is activated where its certificate is that of its key.
  ca_operator_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadSettingsAndMakeCas"
        Effect   = "Allow"
        Action   = ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"]
        Resource = [for name in ["create-issuing-ca", "issuing-ca-crl"] : local.own_function_arns[name]]
      },
      {
        Sid      = "ReadLedger"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:Query"]
        Resource = [local.table, local.journal, "${local.table}/index/serial"]
      },
      {
        Sid      = "ChangeWhichCaIssues"
        Effect   = "Allow"
        Action   = "dynamodb:PutItem"
        Resource = local.journal
        Condition = {
          "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = concat(["authorities"], local.partitions_of["closed_cas"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) }
          # States alone: the records of the CAs, with their certificates, stand in the same partition.
          "ForAllValues:StringEquals" = { "dynamodb:Attributes" = ["Key", "Sort", "State", "ChangedAt", "Principal", "Attempt", "Issuer"] }
          Null                        = { "dynamodb:LeadingKeys" = "false", "dynamodb:Attributes" = "false" }
        }
      },
      {
        # Whether issuance is frozen.
        Sid      = "FreezeAndThaw"
        Effect   = "Allow"
        Action   = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource = local.journal
        Condition = {
          "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["freeze"] }
          Null                      = { "dynamodb:LeadingKeys" = "false" }
        }
      },
      {
        Sid       = "StoredThings"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = local.resource_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.${local.dns_suffix}" } }
      },
      {
        Sid      = "ReadKeysOfCas"
        Effect   = "Allow"
        Action   = "kms:GetPublicKey"
        Resource = [for key in values(local.ca_keys) : key.key_arn]
      },
    ]
  })

  policies = {
    for name, grants in local.granted : name => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [{
          Sid      = "WriteItsLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/lambda/${var.project}-${name}-${var.env}:*"
        }],
        local.grants.dead_letters,
        local.grants.trace,
        [for statement in local.grants.vpc : statement if contains(local.signing_functions, name)],
        flatten([for grant in grants : local.grants[grant]]),
        local.denials[name],
      )
    }) if contains(local.function_names, name)
  }
}
