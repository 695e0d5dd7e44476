//! The functions on AWS: makes the dispatcher and the clients from the environment. Sends no request.

mod bucket;
mod credentials;
mod http;
mod rows;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use chancery_authority::port::KeyName;
use chancery_aws::{CallBudget, KmsKeyStore, load_config};
use chancery_deployment::failure::FailureKind;
use chancery_deployment::settings::{AuthoritySettings, NotifySettings, SettingsError};
use chancery_deployment::wiring;
use chancery_x509::key::ca::CaPublicKey;

use crate::dispatcher::{AuthorityFunction, Dispatcher};
use crate::failure::Failure;
use crate::function::Function;
use crate::metrics::Metrics;
use crate::notify::Notify;
use crate::notify::slack::Slack;
use crate::state::{Dependencies, KeyCheck};
use bucket::InternalBucket;
use credentials::{SdkAccount, SdkSecrets};
use http::HttpsClient;
use rows::DynamoRows;

/// Time that a function needs for its answer after its last call.
const TO_ANSWER: Duration = Duration::from_millis(500);

/// The process of a function: its dispatcher and its clients, which it keeps between invocations.
pub struct FunctionProcess {
    dispatcher: Dispatcher,
    budget: CallBudget,
}

impl FunctionProcess {
    /// Reads the environment and makes the clients of that handler's function. Errors are kept for the answers to
    /// events.
    pub async fn new(handler: &str) -> Self {
        let budget = CallBudget::default();
        let dispatcher = match dispatcher(handler, &budget).await {
            Ok(dispatcher) => dispatcher,
            Err(failure) => {
                tracing::error!(message = failure.message, "this function cannot work");
                Dispatcher::Unusable(failure)
            }
        };
        Self { dispatcher, budget }
    }

    /// The dispatcher, which answers events.
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// Sets the deadline of all calls, so that there is time for an answer before the invocation's end, which is given
    /// in milliseconds since 1970. Returns the deadline; `None` if the end is past.
    pub fn set_deadline(&self, milliseconds: u64) -> Option<Instant> {
        let end = UNIX_EPOCH + Duration::from_millis(milliseconds);
        let left = end.duration_since(SystemTime::now()).ok();
        let deadline = left.map(|left| Instant::now() + left.saturating_sub(TO_ANSWER));
        self.budget.set_deadline(deadline);
        deadline
    }
}

async fn dispatcher(handler: &str, budget: &CallBudget) -> Result<Dispatcher, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let function =
        Function::from_handler(handler).map_err(|error| Failure::new(FailureKind::Configuration, error.to_string()))?;
    if function == Function::Notify {
        let settings = NotifySettings::from_environment(&variable)?;
        let config = load_config().await;
        return Ok(Dispatcher::Notify(Box::new(notify(settings, &config))));
    }
    let settings = AuthoritySettings::from_environment(&variable)?;
    for warning in &settings.warnings {
        tracing::warn!(warning, "the environment's values were not all used");
    }
    let config = load_config().await;
    let dependencies = dependencies(settings, &config, budget)?;
    Ok(Dispatcher::Authority(Box::new(AuthorityFunction::new(
        function,
        dependencies,
    ))))
}

fn notify(settings: NotifySettings, config: &SdkConfig) -> Notify {
    let slack = Slack::new(Arc::new(HttpsClient::default()), &settings.api_url);
    Notify::new(
        settings,
        slack,
        Arc::new(SdkSecrets::new(config)),
        Arc::new(SdkAccount::new(config)),
    )
}

fn dependencies(
    settings: AuthoritySettings,
    config: &SdkConfig,
    budget: &CallBudget,
) -> Result<Dependencies, SettingsError> {
    let aws = wiring::connect(&settings, config, budget)?;
    let meter = budget.meter().clone();
    let throttles = move || meter.take().values().map(|calls| calls.throttled).sum();
    let metrics = Metrics::new(
        &settings.project,
        &settings.environment,
        Box::new(throttles),
        Box::new(std::io::stdout()),
    );
    Ok(Dependencies {
        settings,
        ports: aws.ports(),
        files: Arc::new(InternalBucket(aws.internal.clone())),
        rows: Arc::new(DynamoRows(aws.ledger.clone())),
        key_check: Arc::new(KmsKeyCheck(aws.keys)),
        metrics,
    })
}

struct KmsKeyCheck(Arc<KmsKeyStore>);

impl KeyCheck for KmsKeyCheck {
    fn expect(&self, key: &KeyName, public_key: &CaPublicKey) {
        self.0.expect(key, public_key);
    }
}
