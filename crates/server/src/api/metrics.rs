//! `/metrics` in the `OpenMetrics` text format: counts and ages, no names, hence no token is required.

use std::fmt;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chancery_authority::port::ledger::Counts;
use chancery_authority::publish::CrlStatus;
use chancery_authority::{Authority, CaName};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::problem::Problem;
use crate::health::HealthSnapshot;
use crate::state::AppState;

/// Counters of the process, totals of the ledger, number and age of each CRL.
pub async fn metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    let snapshot = state.health.current(&state.authority).await;
    let snapshot =
        snapshot.ok_or_else(|| Problem::unavailable("the ledger does not answer at the moment; try again"))?;
    let counts = snapshot.counts.clone()?;
    let mut read = Registry::with_prefix("chancery");
    register_ledger(&mut read, &counts, &state.authority, snapshot.cannot_be_written);
    register_crls(&mut read, &snapshot.crls);
    register_cas(&mut read, &snapshot, &state.authority);
    let mut text = String::new();
    encode_registry(&mut text, state.metrics.registry())
        .and_then(|()| encode_registry(&mut text, &read))
        .and_then(|()| encode_eof(&mut text))
        .map_err(|_| Problem::internal())?;
    Ok((
        [(
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response())
}

/// A gauge whose values were read for one answer, in this order; a `Family` has none, and is left out where it is empty.
#[derive(Debug)]
struct ReadGauge {
    name: &'static str,
    help: &'static str,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    /// Name and value.
    label: Option<(&'static str, String)>,
    value: i64,
}

impl Collector for ReadGauge {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        for Sample { label, value } in &self.samples {
            match label {
                Some((name, of)) => metric.encode_family(&[(*name, of.as_str())])?.encode_gauge(value)?,
                None => metric.encode_gauge(value)?,
            }
        }
        Ok(())
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn register_ledger(registry: &mut Registry, counts: &Counts, authority: &Authority, cannot_be_written: bool) {
    let gauges = [
        ("certificates_issued", "Certificates in the ledger.", counts.issued),
        (
            "certificates_revoked",
            "Revoked serial numbers in the ledger.",
            counts.revoked,
        ),
        (
            "intents_open",
            "Signatures intended and not yet recorded.",
            counts.open_intents,
        ),
        ("requests_refused", "Rejections in the ledger.", counts.rejected),
        (
            "intents_refused",
            "Intents found in the ledger since the start that nobody who may had prepared; none was signed.",
            authority.refused_intents(),
        ),
        (
            "intents_unreadable",
            "Open intents that the last sweep could not read; somebody has to mend or remove them.",
            authority.unreadable_intents(),
        ),
        (
            "ledger_write_failing",
            "Whether the last change could not be written to the ledger, and none since.",
            u64::from(cannot_be_written),
        ),
    ];
    for (name, help, value) in gauges {
        let value = count(value);
        let samples = vec![Sample { label: None, value }];
        registry.register_collector(Box::new(ReadGauge { name, help, samples }));
    }
}

fn register_crls(registry: &mut Registry, crls: &[CrlStatus]) {
    let mut register = |name, help, value: &dyn Fn(&CrlStatus) -> Option<i64>| {
        let sample = |crl: &CrlStatus| {
            let label = Some(("crl", crl.name.to_string()));
            value(crl).map(|value| Sample { label, value })
        };
        let samples = crls.iter().filter_map(sample).collect();
        registry.register_collector(Box::new(ReadGauge { name, help, samples }));
    };
    register("crl_number", "cRLNumber of the newest CRL.", &|crl| {
        crl.latest.as_ref().map(|latest| count(latest.number))
    });
    register("crl_age_seconds", "Age of the newest CRL.", &|crl| crl.age);
    register("crl_entries", "Entries of the newest CRL.", &|crl| {
        crl.latest.as_ref().map(|latest| count(latest.entries))
    });
    register("crl_alarming", "Whether somebody has to look after the CRL.", &|crl| {
        Some(i64::from(crl.is_alarming()))
    });
}

fn register_cas(registry: &mut Registry, snapshot: &HealthSnapshot, authority: &Authority) {
    let sample = |name: &CaName| Sample {
        label: Some(("ca", name.to_string())),
        value: i64::from(snapshot.revoked.iter().any(|of| of.ca == *name)),
    };
    registry.register_collector(Box::new(ReadGauge {
        name: "ca_revoked",
        help: "Whether the CA's chain is revoked, such that nothing is issued under it.",
        samples: authority.cas().iter().map(|ca| sample(ca.name())).collect(),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_are_written_as_openmetrics_has_them() {
        let mut registry = Registry::with_prefix("chancery");
        let sample = |label: Option<(&'static str, &str)>, value| Sample {
            label: label.map(|(name, of)| (name, of.to_owned())),
            value,
        };
        registry.register_collector(Box::new(ReadGauge {
            name: "intents_open",
            help: "Signatures.",
            samples: vec![sample(None, 3)],
        }));
        registry.register_collector(Box::new(ReadGauge {
            name: "crl_age_seconds",
            help: "Age.",
            samples: vec![
                sample(Some(("crl", "b.crl")), -1),
                sample(Some(("crl", "a\"\\.crl")), 7),
            ],
        }));
        registry.register_collector(Box::new(ReadGauge {
            name: "crl_number",
            help: "None yet.",
            samples: Vec::new(),
        }));
        let mut text = String::new();
        encode_registry(&mut text, &registry).unwrap();
        encode_eof(&mut text).unwrap();
        assert_eq!(
            text,
            "# HELP chancery_intents_open Signatures.\n# TYPE chancery_intents_open gauge\nchancery_intents_open 3\n\
             # HELP chancery_crl_age_seconds Age.\n# TYPE chancery_crl_age_seconds gauge\n\
             chancery_crl_age_seconds{crl=\"b.crl\"} -1\nchancery_crl_age_seconds{crl=\"a\\\"\\\\.crl\"} 7\n\
             # HELP chancery_crl_number None yet.\n# TYPE chancery_crl_number gauge\n# EOF\n"
        );
    }
}
