//! Metrics in the `CloudWatch` embedded metric format: lines of JSON on standard output, from which `CloudWatch` makes
//! metrics.
//!
//! Values are collected until the end of an invocation and then written, one line for each set of dimensions.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chancery_authority::port::{KeyName, KeyStore, KeyStoreError, Signed, SigningRequest};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;
use serde_json::{Map, Value, json};

/// The `CloudWatch` namespace of all metrics.
pub const NAMESPACE: &str = "Chancery";

/// Most values of one metric in one line, by the format's specification.
const VALUES: usize = 100;

/// The metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Certificates issued; replays for a repeated token do not count.
    Issued,
    /// Requests that were refused.
    Rejected,
    /// Intents in the ledger that were not signed, because no authorized process had prepared them.
    RefusedIntents,
    /// Open intents in the ledger that a sweep could not read.
    UnreadableIntents,
    /// Milliseconds from the request to the key store to its signature.
    SigningLatency,
    /// Calls to AWS that were throttled; retries count.
    Throttles,
    /// Seconds since the published CRL was made.
    CrlAge,
    /// Octets of the published CRL, DER.
    CrlSize,
    /// Revocations that could not be read, or not carried out, completely.
    CrlDamaged,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::Issued => "Issued",
            Self::Rejected => "Rejected",
            Self::RefusedIntents => "RefusedIntents",
            Self::UnreadableIntents => "UnreadableIntents",
            Self::SigningLatency => "SigningLatency",
            Self::Throttles => "Throttles",
            Self::CrlAge => "CrlAge",
            Self::CrlSize => "CrlSize",
            Self::CrlDamaged => "CrlDamaged",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Issued
            | Self::Rejected
            | Self::RefusedIntents
            | Self::UnreadableIntents
            | Self::Throttles
            | Self::CrlDamaged => "Count",
            Self::SigningLatency => "Milliseconds",
            Self::CrlAge => "Seconds",
            Self::CrlSize => "Bytes",
        }
    }
}

/// The dimension besides project and environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dimension {
    Nothing,
    Authority(String),
    Reason(&'static str),
}

/// Collects and writes metrics. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

/// Returns how many calls to AWS were throttled since its last call.
pub type Throttles = Box<dyn Fn() -> u64 + Send + Sync>;

struct Inner {
    project: String,
    environment: String,
    throttles: Throttles,
    values: Mutex<BTreeMap<Dimension, BTreeMap<Metric, Vec<f64>>>>,
    sink: Mutex<Box<dyn Write + Send>>,
}

impl Metrics {
    /// Metrics of that project and environment, written to `sink`.
    pub fn new(project: &str, environment: &str, throttles: Throttles, sink: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Inner {
            project: project.to_owned(),
            environment: environment.to_owned(),
            throttles,
            values: Mutex::default(),
            sink: Mutex::new(sink),
        }))
    }

    /// Counts a certificate that the CA of that name issued.
    pub fn issued(&self, authority: &str) {
        self.add(Dimension::Authority(authority.to_owned()), Metric::Issued, 1.0);
    }

    /// Counts a refused request: by the reason's code, and once more without that dimension, for an alarm.
    pub fn rejected(&self, reason: &'static str) {
        self.add(Dimension::Reason(reason), Metric::Rejected, 1.0);
        self.add(Dimension::Nothing, Metric::Rejected, 1.0);
    }

    /// Counts intents in the ledger that were not signed, because no authorized process had prepared them.
    #[allow(clippy::cast_precision_loss, reason = "a count of intents is far below 2^52")]
    pub fn intents_refused(&self, count: u64) {
        self.add(Dimension::Nothing, Metric::RefusedIntents, count as f64);
    }

    /// Counts open intents in the ledger that could not be read.
    #[allow(clippy::cast_precision_loss, reason = "a count of intents is far below 2^52")]
    pub fn intents_unreadable(&self, count: u64) {
        self.add(Dimension::Nothing, Metric::UnreadableIntents, count as f64);
    }

    /// Records how long a signature with that CA's key took.
    pub fn signed(&self, authority: &str, took: Duration) {
        let authority = Dimension::Authority(authority.to_owned());
        self.add(authority, Metric::SigningLatency, took.as_secs_f64() * 1e3);
    }

    /// Records the age of a CA's CRL in seconds.
    #[allow(clippy::cast_precision_loss, reason = "seconds of an age are far below 2^52")]
    pub fn crl_age(&self, authority: &str, seconds: i64) {
        self.add(
            Dimension::Authority(authority.to_owned()),
            Metric::CrlAge,
            seconds as f64,
        );
    }

    /// Records the length of a CA's published CRL in octets.
    #[allow(clippy::cast_precision_loss, reason = "octets of a file are far below 2^52")]
    pub fn crl_size(&self, authority: &str, octets: u64) {
        self.add(
            Dimension::Authority(authority.to_owned()),
            Metric::CrlSize,
            octets as f64,
        );
    }

    /// Counts a CA's revocations that could not be read, or not carried out, completely.
    #[allow(clippy::cast_precision_loss, reason = "a count of rows is far below 2^52")]
    pub fn crl_damaged(&self, authority: &str, count: u64) {
        self.add(
            Dimension::Authority(authority.to_owned()),
            Metric::CrlDamaged,
            count as f64,
        );
    }

    fn add(&self, beside: Dimension, metric: Metric, value: f64) {
        let mut values = self.0.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.entry(beside).or_default().entry(metric).or_default().push(value);
    }

    /// Writes the collected values and clears them. If the sink fails, these metrics are lost, and nothing else.
    #[allow(clippy::cast_precision_loss, reason = "throttles of one invocation are few")]
    pub fn flush(&self, now: UnixTime, request_id: &str) {
        match (self.0.throttles)() {
            0 => {}
            throttles => self.add(Dimension::Nothing, Metric::Throttles, throttles as f64),
        }
        let values = std::mem::take(&mut *self.0.values.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lines = String::new();
        for (beside, metrics) in &values {
            lines.push_str(&self.line(now, request_id, beside, metrics).to_string());
            lines.push('\n');
        }
        if lines.is_empty() {
            return;
        }
        let mut sink = self.0.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = sink.write_all(lines.as_bytes()).and_then(|()| sink.flush()) {
            tracing::warn!(%error, "metrics could not be written");
        }
    }

    fn line(&self, now: UnixTime, request_id: &str, beside: &Dimension, metrics: &BTreeMap<Metric, Vec<f64>>) -> Value {
        let mut dimensions = vec!["Project", "Environment"];
        let mut line = Map::new();
        line.insert("Project".into(), self.0.project.as_str().into());
        line.insert("Environment".into(), self.0.environment.as_str().into());
        match beside {
            Dimension::Nothing => {}
            Dimension::Authority(ca_name) => {
                dimensions.push("Authority");
                line.insert("Authority".into(), ca_name.as_str().into());
            }
            Dimension::Reason(code) => {
                dimensions.push("Reason");
                line.insert("Reason".into(), (*code).into());
            }
        }
        line.insert("requestId".into(), request_id.into());
        let described: Vec<Value> = metrics
            .keys()
            .map(|metric| json!({"Name": metric.name(), "Unit": metric.unit()}))
            .collect();
        line.insert(
            "_aws".into(),
            json!({
                "Timestamp": now.0.saturating_mul(1000),
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": described}],
            }),
        );
        for (metric, values) in metrics {
            line.insert(metric.name().into(), metric_value(values));
        }
        Value::Object(line)
    }
}

/// One value as a number, counts as their sum, other values as a list of at most [`VALUES`].
fn metric_value(values: &[f64]) -> Value {
    match values {
        [value] => (*value).into(),
        _ if values.iter().all(|value| (*value - 1.0).abs() < f64::EPSILON) => values.iter().sum::<f64>().into(),
        _ => values[..values.len().min(VALUES)].into(),
    }
}

/// A key store that measures how long signatures take.
pub struct MeasuredKeyStore {
    keys: Arc<dyn KeyStore>,
    metrics: Metrics,
}

impl MeasuredKeyStore {
    /// Measures the signatures of `keys`. A key's name, without `alias/`, is its CA's name.
    pub fn new(keys: Arc<dyn KeyStore>, metrics: Metrics) -> Self {
        Self { keys, metrics }
    }
}

#[async_trait]
impl KeyStore for MeasuredKeyStore {
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        self.keys.create(key, algorithm).await
    }

    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        self.keys.public_key(key).await
    }

    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError> {
        let (start, key) = (Instant::now(), request.key());
        let signed = self.keys.sign(request).await;
        if signed.is_ok() {
            let authority = key.0.strip_prefix("alias/").unwrap_or(&key.0);
            self.metrics.signed(authority, start.elapsed());
        }
        signed
    }

    async fn wait_to_retry(&self, failed: u32, spent: Duration) -> bool {
        self.keys.wait_to_retry(failed, spent).await
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(sink: &Sink) -> Vec<Value> {
        let octets = std::mem::take(&mut *sink.0.lock().unwrap());
        let text = String::from_utf8(octets).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks what `CloudWatch` requires of a line: each named dimension and metric is a member of its root object.
    fn check(line: &Value) {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Chancery");
        assert!(line["_aws"]["Timestamp"].is_i64());
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!(!metrics.is_empty());
        for metric in metrics {
            let value = &line[metric["Name"].as_str().unwrap()];
            assert!(
                value.is_number() || value.as_array().is_some_and(|all| all.len() <= 100),
                "{metric}"
            );
        }
    }

    #[test]
    fn lines_are_embedded_metrics() {
        let sink = Sink::default();
        let metrics = Metrics::new("p", "dev", Box::new(|| 1), Box::new(sink.clone()));
        metrics.issued("p-issuing-ca-dev");
        metrics.signed("p-issuing-ca-dev", Duration::from_millis(4));
        metrics.rejected("key_in_use");
        metrics.rejected("key_in_use");
        metrics.crl_age("p-root-ca-dev", 3);
        metrics.crl_size("p-root-ca-dev", 512);
        metrics.flush(UnixTime(1_800_000_000), "id-1");
        let lines = written(&sink);
        lines.iter().for_each(check);
        assert_eq!(lines.len(), 4);
        let of = |field: &str, value: &str| lines.iter().find(|line| line[field] == value).unwrap();
        assert_eq!(of("Authority", "p-issuing-ca-dev")["Issued"], 1.0);
        assert_eq!(of("Authority", "p-issuing-ca-dev")["SigningLatency"], 4.0);
        assert_eq!(of("Authority", "p-root-ca-dev")["CrlSize"], 512.0);
        assert_eq!(of("Reason", "key_in_use")["Rejected"], 2.0);
        let plain = lines.iter().find(|line| line.get("Throttles").is_some()).unwrap();
        assert_eq!((&plain["Throttles"], &plain["Rejected"]), (&json!(1.0), &json!(2.0)));
        metrics.flush(UnixTime(1_800_000_001), "id-2");
        assert_eq!(
            written(&sink).len(),
            1,
            "what was written is forgotten, and there are new throttles"
        );
    }

    #[test]
    fn many_values_stay_within_the_format() {
        let sink = Sink::default();
        let metrics = Metrics::new("p", "dev", Box::new(|| 0), Box::new(sink.clone()));
        for milliseconds in 0..250 {
            metrics.signed("ca", Duration::from_millis(milliseconds));
            metrics.issued("ca");
        }
        metrics.flush(UnixTime(0), "id");
        let lines = written(&sink);
        lines.iter().for_each(check);
        assert_eq!(lines[0]["Issued"], 250.0);
    }
}
