# That every step is tried again, none stops another, and a failure shows in the end.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  account_id               = "123456789012"
  dead_letter_queue_arn    = "arn:aws:sqs:eu-west-2:123456789012:letters"
  dns_suffix               = "amazonaws.com"
  expiry                   = true
  internal_bucket_key_arns = ["arn:aws:kms:eu-west-2:123456789012:key/resource"]
  internal_bucket_name     = "internal"
  name                     = "p-ca-dev"
  partition                = "aws"
  region                   = "eu-west-2"
  schedule_expression      = "rate(6 hours)"
  schedule_name            = "p-ca-scheduler-dev"
  scheduler_role_name      = "p-scheduler-dev"
  task_timeout             = 210
  tls                      = true

  function_arns = {
    create-root-ca    = "arn:create-root-ca"
    create-issuing-ca = "arn:create-issuing-ca"
    root-ca-crl       = "arn:root-ca-crl"
    issuing-ca-crl    = "arn:issuing-ca-crl"
    tls-cert          = "arn:tls-cert"
    expiry            = "arn:expiry"
    sweep             = "arn:sweep"
  }
}

run "order" {
  command = plan

  module {
    source = "./modules/state-machine"
  }

  assert {
    condition = {
      for name, state in jsondecode(output.definition).States : name => try(state.Next, state.Default, "") if state.Type != "Fail" && state.Type != "Succeed"
      } == {
      "Begin"              = "Sweep"
      "Sweep"              = "Create Root CA"
      "Create Root CA"     = "Root CA CRL"
      "Root CA CRL"        = "Create Issuing CA"
      "Create Issuing CA"  = "Issuing CA CRL"
      "Issuing CA CRL"     = "TLS Certificates"
      "TLS Certificates"   = "Certificate Expiry"
      "Certificate Expiry" = "All Well?"
      "All Well?"          = "Done"
    }
    error_message = "The steps must follow each other in this order."
  }

  assert {
    condition     = jsondecode(output.definition).StartAt == "Begin" && jsondecode(output.definition).States["Begin"].Result == {}
    error_message = "An execution begins with nothing that could be taken for an error."
  }
}

run "nothing_stops_anything" {
  command = plan

  module {
    source = "./modules/state-machine"
  }

  assert {
    condition = alltrue([
      for name, state in jsondecode(output.definition).States :
      state.Catch[0].ErrorEquals[0] == "States.ALL" && state.Catch[0].Next == state.Next && length(state.Retry) > 0
      if contains(["Task", "Map"], state.Type)
    ])
    error_message = "Every step is tried again, and goes on to the same step whether it failed or not."
  }

  assert {
    condition = toset(concat(
      [for name, state in jsondecode(output.definition).States : state.Catch[0].ResultPath if contains(["Task", "Map"], state.Type)],
      ["$.TlsCertificates.Failed"],
      )) == toset(flatten([
        for choice in jsondecode(output.definition).States["All Well?"].Choices : try([choice.Variable], [for part in choice.And : part.Variable])
    ]))
    error_message = "Every error that is caught is asked for in the end."
  }

  assert {
    condition     = jsondecode(output.definition).States["Something Failed"].Type == "Fail"
    error_message = "A run that failed in part ends as failed."
  }

  assert {
    condition = (
      jsondecode(output.definition).States["TLS Certificates"].MaxConcurrency == 1000
      && jsondecode(output.definition).States["TLS Certificates"].ToleratedFailurePercentage == 100
      && jsondecode(output.definition).States["TLS Certificates"].ItemReader.Parameters == { Bucket = "internal", Key = "tls.json" }
      && jsondecode(output.definition).States["TLS Certificates"].ItemProcessor.ProcessorConfig.Mode == "DISTRIBUTED"
      && jsondecode(output.definition).States["TLS Certificates"].ItemSelector.default["idempotency_token.$"] == "States.Format('{}-{}', $$.Execution.Name, $$.Map.Item.Index)"
      && jsondecode(output.definition).States["TLS Certificates"].ItemProcessor.States["TLS Certificate"].Retry[0].ErrorEquals[0] == "InProgressError"
      && jsondecode(output.definition).States["TLS Certificates"].ItemProcessor.States["TLS Certificate"].Parameters["Payload.$"] == "States.JsonMerge($.default, $.entry, false)"
      && jsondecode(output.definition).States["TLS Certificates"].ItemProcessor.States["TLS Certificate"].Catch[0].Next == "Not Answered"
    )
    error_message = "tls.json is gone through a thousand entries at a time, and no entry stops another."
  }
}

run "what_cannot_be_mended_is_not_tried_again" {
  command = plan

  module {
    source = "./modules/state-machine"
  }

  assert {
    condition = alltrue(flatten([
      for name, state in jsondecode(output.definition).States : [
        for error in ["ConfigurationError", "IncompleteError", "TokenReusedError"] :
        [for retry in state.Retry : retry.MaxAttempts if contains(retry.ErrorEquals, error) || contains(retry.ErrorEquals, "States.TaskFailed")][0] == 0
      ] if state.Type == "Task"
    ]))
    error_message = "What another try finds again is told once: a damaged row makes one CRL a run, not three."
  }

  assert {
    condition     = [for retry in jsondecode(output.definition).States["TLS Certificates"].ItemProcessor.States["TLS Certificate"].Retry : retry.MaxAttempts if contains(retry.ErrorEquals, "TokenReusedError")] == [0]
    error_message = "A token that was used for another request is not tried again."
  }
}

run "without_lists_and_reminders" {
  command = plan

  module {
    source = "./modules/state-machine"
  }

  variables {
    tls    = false
    expiry = false
    function_arns = {
      create-root-ca    = "arn:create-root-ca"
      create-issuing-ca = "arn:create-issuing-ca"
      root-ca-crl       = "arn:root-ca-crl"
      issuing-ca-crl    = "arn:issuing-ca-crl"
      tls-cert          = "arn:tls-cert"
      sweep             = "arn:sweep"
    }
  }

  assert {
    condition     = jsondecode(output.definition).States["Issuing CA CRL"].Next == "All Well?" && length(jsondecode(output.definition).States) == 9
    error_message = "Nothing comes after the issuing CA's CRL."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.machine.policy, "arn:tls-cert") && !strcontains(aws_iam_role_policy.machine.policy, "s3:GetObject")
    error_message = "The role may do nothing that the machine does not."
  }
}

run "roles" {
  command = plan

  module {
    source = "./modules/state-machine"
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.machine.policy).Statement : statement.Resource if statement.Sid == "RunSteps"][0] == [
      "arn:sweep", "arn:create-root-ca", "arn:root-ca-crl", "arn:create-issuing-ca", "arn:issuing-ca-crl", "arn:tls-cert", "arn:expiry",
    ]
    error_message = "The machine invokes its steps."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.machine.policy).Statement : statement.Resource if statement.Sid == "StartItems"][0] == "arn:aws:states:eu-west-2:123456789012:stateMachine:p-ca-dev"
    error_message = "The machine starts executions of its own, for the entries of tls.json."
  }

  assert {
    condition     = aws_scheduler_schedule.schedule.name == "p-ca-scheduler-dev" && aws_iam_role.scheduler.name == "p-scheduler-dev" && aws_sfn_state_machine.machine.name == "p-ca-dev"
    error_message = "Names must be the contract's."
  }
}
