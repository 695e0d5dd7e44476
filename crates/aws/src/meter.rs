//! Counts calls to AWS by operation: how many, how many were throttled or failed, and how long they took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Layer, Storable, StoreReplace};

/// Counts the calls of every client that was made with it. Cheap to clone; clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<String, Calls>>>);

/// The calls of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Requests sent; every retry counts.
    pub requests: u64,
    /// Requests that AWS throttled: status 429 or 503, or 400 with a throttling code.
    pub throttled: u64,
    /// Requests without an answer, or whose answer has status 500 or above, unless it counts as throttled.
    pub failed: u64,
    /// Total time from request to answer.
    pub took: Duration,
}

impl Meter {
    /// The counts so far, by operation: `DynamoDB.TransactWriteItems`, `KMS.Sign`, and so on.
    pub fn calls(&self) -> BTreeMap<String, Calls> {
        self.lock().clone()
    }

    /// The counts so far, as [`calls`](Self::calls); resets them.
    pub fn take(&self) -> BTreeMap<String, Calls> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Calls>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Began(Instant);

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut layer = Layer::new("meter");
        layer.store_put(Began(Instant::now()));
        config.push_layer(layer);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let took = config.load::<Began>().map(|began| began.0.elapsed());
        let name = config
            .load::<Metadata>()
            .map(|call| format!("{}.{}", call.service(), call.name()));
        let status = context.response().map(|response| response.status().as_u16());
        let throttled = context.response().is_some_and(|response| {
            matches!(response.status().as_u16(), 429 | 503)
                || response
                    .body()
                    .bytes()
                    .is_some_and(|body| response.status().as_u16() == 400 && says_throttled(body))
        });
        let mut calls = self.lock();
        let calls = calls.entry(name.unwrap_or_default()).or_default();
        calls.requests += 1;
        calls.throttled += u64::from(throttled);
        calls.failed += u64::from(!throttled && status.is_none_or(|status| status >= 500));
        calls.took += took.unwrap_or_default();
        Ok(())
    }
}

/// Errors of the JSON protocols have their code in the first octets of a short body.
fn says_throttled(body: &[u8]) -> bool {
    let beginning = String::from_utf8_lossy(&body[..body.len().min(512)]);
    crate::error_code::THROTTLING
        .iter()
        .any(|code| beginning.contains(code))
}
