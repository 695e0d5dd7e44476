# What a scheduled run does. Every step is tried again, and one that fails for good leaves its error in the execution's
# data and lets the others go on; the execution then ends as failed, which raises an alarm. What another try cannot mend is
# not tried again.

locals {
  # In this order: what the sweep finds lost is on the CRLs of the same run.
  steps = concat(
    [
      { name = "Sweep", function = "sweep", error = "$.SweepError" },
      { name = "Create Root CA", function = "create-root-ca", error = "$.CreateRootCaError" },
    ],
    [for step in [{ name = "Root CA CRL", function = "root-ca-crl", error = "$.RootCaCrlError" }] : step if var.root_crl],
    [
      { name = "Create Issuing CA", function = "create-issuing-ca", error = "$.CreateIssuingCaError" },
      { name = "Issuing CA CRL", function = "issuing-ca-crl", error = "$.IssuingCaCrlError" },
    ],
    [for step in [{ name = "TLS Certificates", function = "tls-cert", error = "$.TlsCertificatesError" }] : step if var.tls],
    [for step in [{ name = "Certificate Expiry", function = "expiry", error = "$.CertificateExpiryError" }] : step if var.expiry],
  )

  next = { for index, step in local.steps : step.name => index + 1 < length(local.steps) ? local.steps[index + 1].name : "All Well?" }

  after_map = lookup(local.next, "TLS Certificates", "none")

  retry = [
    {
      # The first try was interrupted after it had begun. What it left is taken up a minute later, not sooner.
      ErrorEquals     = ["InProgressError"]
      IntervalSeconds = 70
      MaxAttempts     = 2
      BackoffRate     = 1
    },
    {
      # Everything else was done and is published, and another try would find the same again: somebody has to look.
      ErrorEquals = ["ConfigurationError", "IncompleteError", "TokenReusedError"]
      MaxAttempts = 0
    },
    {
      # Lambda's own trouble: soon, and often, but not all at once.
      ErrorEquals = [
        "Lambda.AWSLambdaException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.SdkClientException",
        "Lambda.ServiceException",
        "Lambda.TooManyRequestsException",
      ]
      IntervalSeconds = 2
      MaxAttempts     = 6
      BackoffRate     = 2
      JitterStrategy  = "FULL"
    },
    {
      # Throttled keys, tables or buckets. Every function may be called again: what is done stays done.
      ErrorEquals     = ["States.TaskFailed", "States.Timeout"]
      IntervalSeconds = 15
      MaxAttempts     = 2
      BackoffRate     = 3
      JitterStrategy  = "FULL"
    },
  ]

  tasks = {
    for step in local.steps : step.name => {
      Type     = "Task"
      Resource = "arn:${var.partition}:states:::lambda:invoke"
      Parameters = {
        FunctionName = var.function_arns[step.function]
        Payload      = {}
      }
      TimeoutSeconds = var.task_timeout
      ResultPath     = null
      Retry          = local.retry
      Catch          = [{ ErrorEquals = ["States.ALL"], ResultPath = step.error, Next = local.next[step.name] }]
      Next           = local.next[step.name]
    } if step.function != "tls-cert"
  }

  # Each entry of tls.json in an execution of its own. It comes to 0 where the function answered (a refusal is an answer,
  # and was told to the topic; a token of another request is none), and to 1 where it failed: small enough for the sum of tens of thousands.
  map = { for name, state in {
    "TLS Certificates" = {
      Type           = "Map"
      Label          = "TLSCertificates"
      MaxConcurrency = 1000
      ItemReader = {
        Resource     = "arn:${var.partition}:states:::s3:getObject"
        ReaderConfig = { InputType = "JSON" }
        Parameters   = { Bucket = var.internal_bucket_name, Key = "tls.json" }
      }
      # The token is the same for each try of an entry, and another one for each entry and run: a second try goes on with
      # what the first one began, instead of finding its key in use. An entry may bring a token of its own.
      ItemSelector = {
        "entry.$" = "$$.Map.Item.Value"
        default   = { "idempotency_token.$" = "States.Format('{}-{}', $$.Execution.Name, $$.Map.Item.Index)" }
      }
      ItemProcessor = {
        ProcessorConfig = { Mode = "DISTRIBUTED", ExecutionType = "STANDARD" }
        StartAt         = "TLS Certificate"
        States = {
          "TLS Certificate" = {
            Type     = "Task"
            Resource = "arn:${var.partition}:states:::lambda:invoke"
            Parameters = {
              FunctionName = var.function_arns["tls-cert"]
              "Payload.$"  = "States.JsonMerge($.default, $.entry, false)"
            }
            TimeoutSeconds = var.task_timeout
            ResultPath     = null
            Retry          = local.retry
            Catch          = [{ ErrorEquals = ["States.ALL"], ResultPath = null, Next = "Not Answered" }]
            Next           = "Answered"
          }
          "Answered"     = { Type = "Pass", Result = 0, End = true }
          "Not Answered" = { Type = "Pass", Result = 1, End = true }
        }
      }
      # Belongs to the promise that no entry stops another, whatever Step Functions itself holds against one.
      ToleratedFailurePercentage = 100
      ResultSelector             = { "Failed.$" = "States.ArrayContains($, 1)" }
      ResultPath                 = "$.TlsCertificates"
      Retry = [{
        ErrorEquals     = ["States.ItemReaderFailed"]
        IntervalSeconds = 15
        MaxAttempts     = 2
        BackoffRate     = 3
      }]
      Catch = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.TlsCertificatesError", Next = local.after_map }]
      Next  = local.after_map
    }
  } : name => state if var.tls }

  # Nothing of what starts an execution is needed, and nothing of it can be taken for an error.
  begin = {
    "Begin" = { Type = "Pass", Result = {}, Next = local.steps[0].name }
  }

  end = {
    "All Well?" = {
      Type = "Choice"
      Choices = concat(
        [for step in local.steps : { Variable = step.error, IsPresent = true, Next = "Something Failed" }],
        [for choice in [{
          And = [
            { Variable = "$.TlsCertificates.Failed", IsPresent = true },
            { Variable = "$.TlsCertificates.Failed", BooleanEquals = true },
          ]
          Next = "Something Failed"
        }] : choice if var.tls],
      )
      Default = "Done"
    }
    "Something Failed" = {
      Type  = "Fail"
      Error = "Chancery.PartlyFailed"
      Cause = "All steps were run, and at least one of them, or one entry of tls.json, failed for good. The input of this state names each failed step with its error; the Map Run names the entries."
    }
    "Done" = { Type = "Succeed" }
  }

  definition = jsonencode({
    Comment = "Certificate authority: sweep, certificates of the CAs, CRLs, certificates of tls.json, reminders"
    StartAt = "Begin"
    States  = merge(local.begin, local.tasks, local.map, local.end)
  })
}
