//! The `bootstrap` of every function: Lambda starts it, and the handler's name selects the function.

use std::sync::Arc;

use chancery_deployment::failure::FailedInvocation;
use chancery_lambda::aws::FunctionProcess;
use chancery_lambda::logs;
use chancery_lambda::state::Invocation;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;

/// One thread: a function handles one event at a time, and spends most of it waiting for AWS.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let level = std::env::var("LOG_LEVEL").or_else(|_| std::env::var("AWS_LAMBDA_LOG_LEVEL"));
    logs::set_up(level.ok().as_deref())?;
    let handler = std::env::var("_HANDLER").unwrap_or_default();
    let process = Arc::new(FunctionProcess::new(&handler).await);
    lambda_runtime::run(service_fn(move |event| answer(process.clone(), event))).await
}

async fn answer(process: Arc<FunctionProcess>, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let until = process.set_deadline(context.deadline);
    let invocation = Invocation {
        request_id: context.request_id,
        function_arn: context.invoked_function_arn,
        until,
    };
    let answer = process.dispatcher().answer(payload.get().as_bytes(), &invocation).await;
    answer.map_err(|failure| {
        let FailedInvocation {
            error_type,
            error_message,
        } = failure.into();
        Diagnostic {
            error_type,
            error_message,
        }
    })
}
