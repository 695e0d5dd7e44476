//! A deployment on AWS: its names, its functions, and the authority as its functions see it.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chancery_authority::{Authority, Principal};
use chancery_aws::signed::{Answer, Request, Service};
use chancery_aws::{Aws, Bucket, CallBudget, Deployment, DynamoLedger, ErrorCode};
use chancery_deployment::failure::{FailedInvocation, FailureKind};
use chancery_deployment::settings::AuthoritySettings;
use chancery_deployment::wiring;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::arguments::{Arguments, AwsArguments};

/// How long a call may take, retries included; a user waits for it.
const CALL: Duration = Duration::from_secs(30);

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);

/// A deployment, by its names. Nothing is called until something is needed.
pub(crate) struct Deployed {
    pub(crate) runtime: Runtime,
    pub(crate) config: SdkConfig,
    pub(crate) names: Deployment,
    pub(crate) budget: CallBudget,
}

/// The authority of a deployment, configured like its functions.
pub(crate) struct DeployedAuthority {
    pub(crate) authority: Authority,
    pub(crate) aws: Aws,
}

impl Deployed {
    /// Finds the region and the credentials as the AWS CLI does.
    pub(crate) fn open(arguments: &Arguments) -> Result<Self> {
        let AwsArguments {
            project,
            env,
            production,
            ..
        } = &arguments.aws;
        let names = Deployment::new(project, env, production)
            .context("--project and --env are not valid names of a deployment")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let config = runtime.block_on(chancery_aws::load_config());
        if config.region().is_none() {
            bail!("no AWS region is set: set AWS_REGION, or one in the profile (`aws configure set region …`)");
        }
        Ok(Self {
            runtime,
            config,
            names,
            budget: CallBudget::new(CALL),
        })
    }

    /// The region, for messages.
    pub(crate) fn region(&self) -> &str {
        self.config.region().map_or("", AsRef::as_ref)
    }

    /// The ledger, for callers that may only read the tables.
    pub(crate) fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(&self.config, &self.names, self.budget.clone())
    }

    /// Invokes a function with an event. A failed function is an error; a refusal is an answer.
    pub(crate) fn invoke(&self, role: &str, event: &Value) -> Result<Value> {
        let name = self.names.function(role);
        let request = Request {
            method: "POST",
            path: format!("/2015-03-31/functions/{name}/invocations"),
            content_type: "application/json",
            body: event.to_string().into_bytes(),
        };
        let answer = self.lambda(&name, "Invoke", request)?;
        if answer.function_error.is_some() {
            return Err(failed(&name, &FailedInvocation::from_answer(&answer.body)));
        }
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn configuration(&self, role: &str) -> Result<Value> {
        let name = self.names.function(role);
        let request = Request {
            method: "GET",
            path: format!("/2015-03-31/functions/{name}/configuration"),
            content_type: "application/json",
            body: Vec::new(),
        };
        let answer = self.lambda(&name, "GetFunctionConfiguration", request)?;
        serde_json::from_slice(&answer.body).context("AWS Lambda answered with no JSON")
    }

    /// The environment variables of a function: bucket, topic, table names.
    pub(crate) fn environment(&self, role: &str) -> Result<HashMap<String, String>> {
        let name = self.names.function(role);
        let answer = self.configuration(role)?;
        let variables = &answer["Environment"]["Variables"];
        let variables: Option<HashMap<String, String>> = serde_json::from_value(variables.clone()).ok();
        variables.with_context(|| format!("function {name} has no environment: is it one of this deployment?"))
    }

    /// The ARN of a function's role.
    pub(crate) fn role(&self, role: &str) -> Result<String> {
        let answer = self.configuration(role)?;
        let arn = answer["Role"].as_str();
        arn.map(str::to_owned)
            .with_context(|| format!("function {} has no role", self.names.function(role)))
    }

    /// Calls AWS Lambda about a function, whose name is one of [`Deployment`]'s: it needs no escaping in a URL.
    fn lambda(&self, function: &str, operation: &'static str, request: Request) -> Result<Answer> {
        // A function answers when it is done: only its own timeout applies.
        let limits = TimeoutConfig::builder().connect_timeout(CONNECT).build();
        let call = Service::Lambda.call(&self.config, operation, request, limits);
        let action = match operation {
            "Invoke" => "lambda:InvokeFunction".to_owned(),
            other => format!("lambda:{other}"),
        };
        let answer = self.runtime.block_on(call);
        answer.map_err(|error| self.of_function(function, &action, error))
    }

    /// Settings from the environment variables of the deployment's functions.
    pub(crate) fn settings(&self) -> Result<AuthoritySettings> {
        let environment = self.environment("issuing-ca-crl")?;
        let settings = AuthoritySettings::from_environment(&|name| environment.get(name).cloned());
        settings.with_context(|| format!("of function {}", self.names.function("issuing-ca-crl")))
    }

    /// The authority with all its ports, configured as the functions are.
    pub(crate) fn authority(&self) -> Result<DeployedAuthority> {
        let settings = self.settings()?;
        let aws = wiring::connect(&settings, &self.config, &self.budget)?;
        let opening = Authority::open(aws.ports(), settings.config()?, settings.profiles());
        let authority = self
            .runtime
            .block_on(opening)
            .context("the deployment's ledger cannot be read")?;
        // KMS may not show the key of a root that sleeps: what was noted of it is held against the recorded one.
        if settings.root_key_sha256.is_some() {
            for root in authority.cas().iter().filter(|ca| ca.record.parent.is_none()) {
                aws.keys.expect(&root.record.key, root.issuer.public_key());
            }
        }
        Ok(DeployedAuthority { authority, aws })
    }

    /// A published file, or an operator's input such as `csrs/NAME`.
    pub(crate) fn object(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let settings = self.settings()?;
        let buckets = [&settings.external_bucket, &settings.internal_bucket];
        for bucket in buckets {
            let bucket = Bucket::new(&self.config, bucket, self.budget.clone());
            if let Some(object) = self.runtime.block_on(bucket.read(name, limit))? {
                return Ok(object.content);
            }
        }
        bail!("{name} is neither in bucket {} nor in {}", buckets[0], buckets[1])
    }

    /// The caller's AWS identity; where AWS does not answer, the user of this machine.
    pub(crate) fn principal(&self) -> Principal {
        let client = aws_sdk_sts::Client::new(&self.config);
        let identity = self.runtime.block_on(client.get_caller_identity().send());
        match identity.ok().and_then(|identity| identity.arn) {
            Some(arn) => Principal::aws(arn),
            None => super::backend::user(),
        }
    }

    fn of_function<E, R>(&self, name: &str, action: &str, error: SdkError<E, R>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: Debug + Send + Sync + 'static,
    {
        let hint = match error.as_service_error().map(ErrorCode::of) {
            Some(ErrorCode::NotFound) => format!(
                "there is no function {name} in {}: --project, --env and the region must be the deployment's",
                self.region()
            ),
            Some(ErrorCode::Denied) => {
                format!(
                    "you may not {action} on {name}: the module's aws_principals, or a policy of yours, must say so"
                )
            }
            _ => format!("{action} on {name} failed"),
        };
        aws_error(error).context(hint)
    }
}

/// An error of the SDK, with AWS's own message where it answered.
pub(crate) fn aws_error<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    if let Some(refusal) = error.as_service_error()
        && let Some(code) = refusal.code()
    {
        return anyhow!("{code}: {}", refusal.message().unwrap_or("no reason was given"));
    }
    let error = Error::new(error);
    error.context(
        "AWS cannot be asked; `aws sts get-caller-identity` shows whether credentials and network are in order",
    )
}

/// A function's failure, and what to do about it.
fn failed(name: &str, failed: &FailedInvocation) -> Error {
    let hint = match failed.kind() {
        Some(FailureKind::Unavailable | FailureKind::NoLedger | FailureKind::InProgress) => {
            "; repeat it with the same --idempotency-token in a minute"
        }
        Some(FailureKind::Configuration) => "; apply the Terraform module again, or mend its inputs",
        // None: the function was ended by Lambda.
        Some(FailureKind::Incomplete | FailureKind::TokenReused | FailureKind::Internal) | None => "",
    };
    let FailedInvocation {
        error_type,
        error_message,
    } = failed;
    let log = format!("its log is in /aws/lambda/{name}");
    anyhow!("{error_message}{hint}").context(format!("function {name} failed ({error_type}); {log}"))
}
