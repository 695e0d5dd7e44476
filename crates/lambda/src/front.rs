//! From an event to an answer, whichever function this process is.

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::failure::{Failure, FailureKind};
use crate::function::Function;
use crate::metrics::Metrics;
use crate::notify::Notify;
use crate::office::{Foundations, Invocation, Office};
use crate::settings::CaRole;
use crate::{create, crl, expiry, sweep, tls_cert};

/// What answers events. Nothing is called before the first event comes.
pub enum Front {
    /// A function of an authority.
    Authority(Box<Desk>),
    /// `notify`.
    Notify(Box<Notify>),
    /// A function that cannot work; it answers every event with the reason.
    Unusable(Failure),
}

/// A function of an authority, which is opened with the first event.
pub struct Desk {
    function: Function,
    foundations: Foundations,
    office: OnceCell<Office>,
}

impl Front {
    /// Answers one event.
    pub async fn answer(&self, event: &[u8], invocation: &Invocation) -> Result<Value, Failure> {
        let outcome = match self {
            Self::Authority(desk) => desk.answer(event, invocation).await,
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
                "the function failed"
            );
        }
        outcome
    }
}

impl Desk {
    /// That function, over those.
    pub fn new(function: Function, foundations: Foundations) -> Self {
        Self {
            function,
            foundations,
            office: OnceCell::new(),
        }
    }

    /// Its metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.foundations.metrics
    }

    async fn answer(&self, event: &[u8], invocation: &Invocation) -> Result<Value, Failure> {
        let outcome = self.handle(event, invocation).await;
        if let Some(office) = self.office.get() {
            office.measure_refused();
        }
        let now = self.foundations.ports.clock.now();
        self.foundations.metrics.flush(now, &invocation.request_id);
        outcome
    }

    async fn handle(&self, event: &[u8], invocation: &Invocation) -> Result<Value, Failure> {
        let opened = self
            .office
            .get_or_try_init(|| Office::open(self.foundations.clone(), self.function))
            .await;
        let office = match (opened, self.function) {
            (Err(failure), Function::Sweep) if sweep::says_missing_table(&failure) => {
                tracing::warn!(reason = failure.message, "there is no journal to sweep yet");
                return Ok(Value::Null);
            }
            (opened, _) => opened?,
        };
        match self.function {
            Function::CreateRootCa => create::handle(office, CaRole::Root).await.map(null),
            Function::CreateIssuingCa => create::handle(office, CaRole::Issuing).await.map(null),
            Function::RootCaCrl => crl::handle(office, CaRole::Root, invocation).await.map(null),
            Function::IssuingCaCrl => crl::handle(office, CaRole::Issuing, invocation).await.map(null),
            Function::TlsCert => tls_cert::handle(office, event, invocation).await,
            Function::Expiry => expiry::handle(office).await.map(null),
            Function::Sweep => sweep::handle(office).await,
            Function::Notify => Err(Failure::new(
                FailureKind::Internal,
                "notify is no function of an authority",
            )),
        }
    }
}

fn null(_: ()) -> Value {
    Value::Null
}
