//! A deployment on AWS: its names, its functions, and the authority as its functions see it.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use aws_config::SdkConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use chancery_authority::profile::Profiles;
use chancery_authority::{Authority, Principal};
use chancery_aws::{Aws, Bucket, Deployment, DynamoLedger, Patience, Places};
use chancery_lambda::settings::AuthoritySettings;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::arguments::{Arguments, AwsArguments};

/// How long a call may take, retries included; people wait for it.
const CALL: Duration = Duration::from_secs(30);

/// A deployment, by its names. Nothing is asked before something is needed.
pub(crate) struct Deployed {
    pub(crate) runtime: Runtime,
    pub(crate) config: SdkConfig,
    pub(crate) names: Deployment,
    pub(crate) patience: Patience,
    lambda: aws_sdk_lambda::Client,
}

/// The authority of a deployment, as its functions are told of it.
pub(crate) struct Opened {
    pub(crate) authority: Authority,
    pub(crate) aws: Aws,
}

impl Deployed {
    /// Reads region and credentials' whereabouts as the AWS CLI does.
    pub(crate) fn open(arguments: &Arguments) -> Result<Self> {
        let AwsArguments {
            project,
            env,
            production,
            ..
        } = &arguments.aws;
        let names = Deployment::new(project, env, production).context("--project and --env name no deployment")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let config = runtime.block_on(chancery_aws::load_config());
        if config.region().is_none() {
            bail!("no AWS region is set: set AWS_REGION, or one in the profile (`aws configure set region …`)");
        }
        let for_lambda = aws_sdk_lambda::config::Builder::from(&config)
            // A function answers when it is done, and sends nothing until then.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Ok(Self {
            lambda: aws_sdk_lambda::Client::from_conf(for_lambda),
            runtime,
            config,
            names,
            patience: Patience::new(CALL),
        })
    }

    /// The region, for messages.
    pub(crate) fn region(&self) -> &str {
        self.config.region().map_or("", AsRef::as_ref)
    }

    /// The ledger, for those who may read the tables and nothing else.
    pub(crate) fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(&self.config, &self.names, self.patience.clone())
    }

    /// Has a function answer an event. A function that failed is an error; what it refused is an answer.
    pub(crate) fn invoke(&self, role: &str, event: &Value) -> Result<Value> {
        let name = self.names.function(role);
        let call = self
            .lambda
            .invoke()
            .function_name(&name)
            .payload(Blob::new(event.to_string()));
        let answer = self
            .runtime
            .block_on(call.send())
            .map_err(|error| self.of_function(&name, "lambda:InvokeFunction", error))?;
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        let value: Value = serde_json::from_slice(payload).unwrap_or_default();
        if answer.function_error().is_some() {
            return Err(failed(&name, &value));
        }
        Ok(value)
    }

    /// The environment that a function was given: bucket, topic, table names.
    pub(crate) fn environment(&self, role: &str) -> Result<HashMap<String, String>> {
        let name = self.names.function(role);
        let call = self.lambda.get_function_configuration().function_name(&name);
        let answer = self
            .runtime
            .block_on(call.send())
            .map_err(|error| self.of_function(&name, "lambda:GetFunctionConfiguration", error))?;
        let variables = answer.environment.and_then(|environment| environment.variables);
        variables.with_context(|| format!("function {name} has no environment: is it one of this deployment?"))
    }

    /// What the environment of the deployment's functions says of it.
    pub(crate) fn settings(&self) -> Result<AuthoritySettings> {
        let environment = self.environment("issuing-ca-crl")?;
        let settings = AuthoritySettings::from_environment(&|name| environment.get(name).cloned());
        settings.with_context(|| format!("of function {}", self.names.function("issuing-ca-crl")))
    }

    /// The authority with all its ports, configured as the functions are.
    pub(crate) fn authority(&self) -> Result<Opened> {
        let settings = self.settings()?;
        let names = names(&settings)?;
        let places = Places {
            external_bucket: settings.external_bucket.clone(),
            internal_bucket: settings.internal_bucket.clone(),
            topic_arn: settings.topic_arn.clone(),
        };
        let aws = Aws::new(&self.config, &names, places, &self.patience);
        let opening = Authority::open(aws.ports(), settings.config()?, Profiles::built_in());
        let authority = self
            .runtime
            .block_on(opening)
            .context("the deployment's ledger cannot be read")?;
        Ok(Opened { authority, aws })
    }

    /// A published file, or one of those that operators write, e.g. `csrs/NAME`.
    pub(crate) fn object(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let settings = self.settings()?;
        let buckets = [&settings.external_bucket, &settings.internal_bucket];
        for bucket in buckets {
            let bucket = Bucket::new(&self.config, bucket, self.patience.clone());
            if let Some(object) = self.runtime.block_on(bucket.read(name, limit))? {
                return Ok(object.content);
            }
        }
        bail!("{name} is neither in bucket {} nor in {}", buckets[0], buckets[1])
    }

    /// Who runs this command, as AWS knows them. Where AWS does not say: the user of this machine.
    pub(crate) fn principal(&self) -> Principal {
        let client = aws_sdk_sts::Client::new(&self.config);
        let identity = self.runtime.block_on(client.get_caller_identity().send());
        match identity.ok().and_then(|identity| identity.arn) {
            Some(arn) => Principal::Aws(arn),
            None => Principal::Local(super::desk::user()),
        }
    }

    fn of_function<E, R>(&self, name: &str, action: &str, error: SdkError<E, R>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: Debug + Send + Sync + 'static,
    {
        let hint = match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some("ResourceNotFoundException") => format!(
                "there is no function {name} in {}: --project, --env and the region must be the deployment's",
                self.region()
            ),
            Some(code) if code.starts_with("AccessDenied") => {
                format!(
                    "you may not {action} on {name}: the module's aws_principals, or a policy of yours, must say so"
                )
            }
            _ => format!("{action} on {name} failed"),
        };
        told(error).context(hint)
    }
}

/// The names of the deployment whose functions have these settings.
fn names(settings: &AuthoritySettings) -> Result<Deployment> {
    let mut names = Deployment::new(&settings.project, &settings.environment, &settings.prod_environments)?;
    if let Some(table) = &settings.certificate_table {
        names = names.with_table(table);
    }
    if let Some(table) = &settings.journal_table {
        names = names.with_journal_table(table);
    }
    Ok(names)
}

/// An error of the SDK's, in AWS's own words where it answered.
pub(crate) fn told<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    if let Some(refusal) = error.as_service_error()
        && let Some(code) = refusal.code()
    {
        return anyhow!("{code}: {}", refusal.message().unwrap_or("no reason was given"));
    }
    let told = Error::new(error);
    told.context(
        "AWS cannot be asked; `aws sts get-caller-identity` shows whether credentials and network are in order",
    )
}

/// `{"errorType", "errorMessage"}`, which is how a function tells that it failed.
fn failed(name: &str, error: &Value) -> Error {
    let text = |field: &str| error[field].as_str().unwrap_or_default();
    let hint = match text("errorType") {
        "UnavailableError" | "InProgressError" => "; repeat it with the same --idempotency-token in a minute",
        "ConfigurationError" => "; apply the Terraform module again, or mend its inputs",
        _ => "",
    };
    let message = match text("errorMessage") {
        "" => error.to_string(),
        message => message.to_owned(),
    };
    let log = format!("its log is in /aws/lambda/{name}");
    anyhow!("{message}{hint}").context(format!("function {name} failed ({}); {log}", text("errorType")))
}
