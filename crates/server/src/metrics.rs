//! Counters of this process.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::load::Load;

/// The counters; the ledger's counts are read for each request.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    rejected: Family<Code, Counter>,
    issuance: Histogram,
    replayed: Counter,
    task_failures: Family<Task, Counter>,
    load: Load,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: String,
}

/// The label of a scheduled task; the field's name is part of the metric.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Task {
    duty: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        // Buckets from a P-256 signature without waiting to a slow token.
        let issuance = Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]);
        let (rejected, replayed, task_failures) = (Family::default(), Counter::default(), Family::default());
        let mut registry = Registry::with_prefix("chancery");
        registry.register(
            "requests_rejected",
            "Requests for certificates that were rejected, by code",
            Family::clone(&rejected),
        );
        registry.register(
            "issuance_replayed",
            "Repeated requests that were answered with the certificate of the first",
            Counter::clone(&replayed),
        );
        registry.register(
            "issuance_duration_seconds",
            "From request to answer, certificates issued",
            issuance.clone(),
        );
        registry.register(
            "duty_failures",
            "Scheduled work that failed, by duty",
            Family::clone(&task_failures),
        );
        let load = Load::default();
        load.register(&mut registry);
        Self {
            registry,
            rejected,
            issuance,
            replayed,
            task_failures,
            load,
        }
    }

    /// Counters of what was refused or cut off.
    pub(crate) fn load(&self) -> &Load {
        &self.load
    }

    /// Counts a certificate that was issued, or returned again for a repeated request.
    pub fn issued(&self, took: Duration, replayed: bool) {
        if replayed {
            self.replayed.inc();
        } else {
            self.issuance.observe(took.as_secs_f64());
        }
    }

    /// Counts a rejected request.
    pub fn rejected(&self, code: &str) {
        self.rejected.get_or_create(&Code { code: code.to_owned() }).inc();
    }

    /// The counters, to be written.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts a failure of a scheduled task.
    pub fn task_failed(&self, task: &'static str) {
        self.task_failures.get_or_create(&Task { duty: task }).inc();
    }
}
