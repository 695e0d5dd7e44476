//! From an event to an answer, for every function.

use std::sync::Arc;

use chancery_deployment::failure::FailureKind;
use chancery_deployment::settings::CaRole;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::failure::Failure;
use crate::function::Function;
use crate::metrics::Metrics;
use crate::notify::Notify;
use crate::state::{CurrentInvocation, Dependencies, FunctionState, Invocation};
use crate::{create, crl, expiry, sweep, tls_cert};

/// Answers events. Sends no request before the first event.
pub enum Dispatcher {
    /// A function of an authority: any but `notify`.
    Authority(Box<AuthorityFunction>),
    /// `notify`, which has no authority.
    Notify(Box<Notify>),
    /// A function whose environment is wrong: it answers every event with this failure.
    Unusable(Failure),
}

/// A function of an authority. The first event opens the authority.
pub struct AuthorityFunction {
    function: Function,
    dependencies: Dependencies,
    current: Arc<CurrentInvocation>,
    state: OnceCell<FunctionState>,
}

impl Dispatcher {
    /// Answers one event, and logs a failure.
    pub async fn answer(&self, event: &[u8], invocation: &Invocation) -> Result<Value, Failure> {
        let outcome = match self {
            Self::Authority(function) => function.answer(event, invocation).await,
            Self::Notify(notify) => {
                notify.handle(event).await;
                Ok(Value::Null)
            }
            Self::Unusable(failure) => Err(failure.clone()),
        };
        if let Err(failure) = &outcome {
            tracing::error!(
                kind = failure.kind.name(),
                message = failure.message,
                detail = failure.detail,
                "the function failed"
            );
        }
        outcome
    }
}

impl AuthorityFunction {
    /// That function, on those ports, files and rows. Sends nothing yet.
    pub fn new(function: Function, mut dependencies: Dependencies) -> Self {
        let current = Arc::new(CurrentInvocation::default());
        dependencies.ports.invocation = current.clone();
        Self {
            function,
            dependencies,
            current,
            state: OnceCell::new(),
        }
    }

    /// The metrics that it writes.
    pub fn metrics(&self) -> &Metrics {
        &self.dependencies.metrics
    }

    async fn answer(&self, event: &[u8], invocation: &Invocation) -> Result<Value, Failure> {
        self.current.set(&invocation.request_id);
        let outcome = self.handle(event, invocation).await;
        if let Some(state) = self.state.get() {
            state.count_refused_intents();
        }
        let now = self.dependencies.ports.clock.now();
        self.dependencies.metrics.flush(now, &invocation.request_id);
        outcome
    }

    async fn handle(&self, event: &[u8], invocation: &Invocation) -> Result<Value, Failure> {
        let opened = self
            .state
            .get_or_try_init(|| FunctionState::open(self.dependencies.clone(), self.function))
            .await;
        let state = match (opened, self.function) {
            (Err(failure), Function::Sweep) if failure.kind == FailureKind::NoLedger => {
                tracing::warn!(reason = failure.detail, "there is no journal to sweep yet");
                return Ok(Value::Null);
            }
            (opened, _) => opened?,
        };
        match self.function {
            Function::CreateRootCa => create::handle(state, CaRole::Root, invocation).await.map(null),
            Function::CreateIssuingCa => create::handle(state, CaRole::Issuing, invocation).await.map(null),
            Function::RootCaCrl => crl::handle(state, CaRole::Root, invocation).await.map(null),
            Function::IssuingCaCrl => crl::handle(state, CaRole::Issuing, invocation).await.map(null),
            Function::TlsCert => tls_cert::handle(state, event, invocation).await,
            Function::Expiry => expiry::handle(state).await.map(null),
            Function::Sweep => sweep::handle(state).await,
            Function::Notify => Err(Failure::new(
                FailureKind::Internal,
                "notify does not belong to an authority",
            )),
        }
    }
}

fn null(_: ()) -> Value {
    Value::Null
}
