//! `/metrics` in the `OpenMetrics` text format: counts and ages, no names, hence no token is required.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chancery_authority::publish::CrlStatus;

use super::problem::Problem;
use crate::state::AppState;

/// Counters of the process, totals of the ledger, number and age of each CRL.
pub async fn metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    let standing = state.health.current(&state.authority).await;
    let standing =
        standing.ok_or_else(|| Problem::unavailable("the ledger does not answer at the moment; try again"))?;
    let counts = standing.counts.clone()?;
    let mut text = state.metrics.text().map_err(|_| Problem::internal())?;
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
        let revoked = standing.revoked.iter().any(|of| of.ca == *ca.name());
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
