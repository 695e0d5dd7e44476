//! `/metrics` in the `OpenMetrics` text format: counts and ages, no names, hence no token is required.

use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chancery_authority::publish::CrlStatus;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::problem::Problem;
use crate::app::AppState;
use crate::load::Load;

/// Counters of this process; the ledger's counts are read for each request.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    rejected: Family<Code, Counter>,
    issuance: Histogram,
    replayed: Counter,
    duty_failures: Family<Duty, Counter>,
    load: Load,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Duty {
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
        let (rejected, replayed, duty_failures) = (Family::default(), Counter::default(), Family::default());
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
            Family::clone(&duty_failures),
        );
        let load = Load::default();
        load.register(&mut registry);
        Self {
            registry,
            rejected,
            issuance,
            replayed,
            duty_failures,
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

    /// Counts a failure of scheduled work.
    pub fn duty_failed(&self, duty: &'static str) {
        self.duty_failures.get_or_create(&Duty { duty }).inc();
    }
}

/// Counters of the process, totals of the ledger, number and age of each CRL.
#[utoipa::path(get, path = "/api/v1/metrics", tag = "operation", security(()),
    responses((status = 200, description = "OpenMetrics text", content_type = "application/openmetrics-text", body = String)))]
pub async fn metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    let standing = state.health.current(&state.authority).await;
    let standing =
        standing.ok_or_else(|| Problem::unavailable("the ledger does not answer at the moment; try again"))?;
    let counts = standing.counts.clone()?;
    let mut text = String::new();
    encode(&mut text, &state.metrics.registry).map_err(|_| Problem::internal())?;
    // The encoder ends the exposition with `# EOF`; what follows belongs before it.
    text.truncate(text.trim_end().trim_end_matches("# EOF").len());
    let mut gauge = |name: &str, help: &str, value: u64| {
        let _ = write!(
            text,
            "# HELP chancery_{name} {help}.\n# TYPE chancery_{name} gauge\nchancery_{name} {value}\n"
        );
    };
    gauge("certificates_issued", "Certificates in the ledger", counts.issued);
    gauge(
        "certificates_revoked",
        "Revoked serial numbers in the ledger",
        counts.revoked,
    );
    gauge(
        "intents_open",
        "Signatures intended and not yet recorded",
        counts.open_intents,
    );
    gauge("requests_refused", "Rejections in the ledger", counts.rejected);
    gauge(
        "intents_refused",
        "Intents found in the ledger since the start that nobody who may had prepared; none was signed",
        state.authority.refused_intents(),
    );
    gauge(
        "intents_unreadable",
        "Open intents that the last sweep could not read; somebody has to mend or remove them",
        state.authority.unreadable_intents(),
    );
    gauge(
        "ledger_write_failing",
        "Whether the last change could not be written to the ledger, and none since",
        u64::from(standing.cannot_be_written),
    );
    let crls = &standing.crls;
    // One family at a time: OpenMetrics requires its samples to be contiguous.
    let mut family = |name: &str, help: &str, value: &dyn Fn(&CrlStatus) -> Option<i64>| {
        let _ = write!(text, "# HELP chancery_{name} {help}.\n# TYPE chancery_{name} gauge\n");
        for crl in crls {
            if let Some(value) = value(crl) {
                let _ = writeln!(text, "chancery_{name}{{crl=\"{}\"}} {value}", crl.name);
            }
        }
    };
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    family("crl_number", "cRLNumber of the newest CRL", &|crl| {
        crl.latest.as_ref().map(|latest| count(latest.number))
    });
    family("crl_age_seconds", "Age of the newest CRL", &|crl| crl.age);
    family("crl_entries", "Entries of the newest CRL", &|crl| {
        crl.latest.as_ref().map(|latest| count(latest.entries))
    });
    family("crl_alarming", "Whether somebody has to look after the CRL", &|crl| {
        Some(i64::from(crl.is_alarming()))
    });
    let _ = writeln!(
        text,
        "# HELP chancery_ca_revoked Whether the CA's chain is revoked, such that nothing is issued under it.\n# TYPE chancery_ca_revoked gauge"
    );
    for ca in state.authority.cas().iter() {
        let revoked = standing.revoked.iter().any(|(ca_name, _)| ca_name == ca.name());
        let _ = writeln!(
            text,
            "chancery_ca_revoked{{ca=\"{}\"}} {}",
            ca.name(),
            u8::from(revoked)
        );
    }
    text.push_str("# EOF\n");
    Ok((
        [(
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response())
}
