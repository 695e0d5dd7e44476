//! AWS on this machine: `sandbox/`, for one test alone and ended with it.
#![allow(
    clippy::missing_panics_doc,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed, and says what it skips"
)]

#[cfg(feature = "aws")]
mod aws;
mod running;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use running::Running;

/// What every client of the sandbox signs with: it checks no signature.
pub const CREDENTIALS: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "secret");

/// The sandbox's region.
pub const REGION: &str = "eu-west-2";

/// A signature that KMS made.
pub struct Signature {
    /// Its key's ARN.
    pub key: String,
    /// What was signed: a digest.
    pub message: Vec<u8>,
}

/// A running sandbox.
pub struct Sandbox {
    _running: Running,
    endpoint: String,
    trail: NamedTempFile,
    made: AtomicU32,
    /// For the clients of AWS.
    #[cfg(feature = "aws")]
    pub config: aws_config::SdkConfig,
}

impl Sandbox {
    /// `None`, and a line saying so, where what it runs on is not installed.
    pub fn start() -> Option<Self> {
        let trail = NamedTempFile::new().unwrap();
        let path = trail.path().to_str().unwrap();
        let (running, reported) = Running::start(&["--port", "0", "--trail", path])?;
        let endpoint = reported["endpoint"].as_str().unwrap().to_owned();
        Some(Self {
            _running: running,
            #[cfg(feature = "aws")]
            config: aws::config(&endpoint),
            endpoint,
            trail,
            made: AtomicU32::new(0),
        })
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A number that it gave nobody yet.
    pub fn number(&self) -> u32 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// What tables, buckets and keys hold, as the sandbox tells it.
    pub fn state(&self, of: &Value) -> Value {
        let mut answer = ureq::post(format!("{}/_sandbox/state", self.endpoint()))
            .send_json(of)
            .unwrap();
        answer.body_mut().with_config().limit(1 << 30).read_json().unwrap()
    }

    /// Lets tables, buckets and keys hold what [`state`](Self::state) said.
    pub fn put_state(&self, state: &Value) {
        ureq::put(format!("{}/_sandbox/state", self.endpoint()))
            .send_json(state)
            .unwrap();
    }

    /// Lets the next calls of an operation meet a fault; sandbox/README.md lists the kinds.
    pub fn fault(&self, service: &str, operation: &str, kind: &str, times: u32) {
        self.post_fault(&json!({"service": service, "operation": operation, "kind": kind, "times": times}));
    }

    /// Lets one call meet a fault, after so many that do not.
    pub fn fault_after(&self, service: &str, operation: &str, kind: &str, skip: u32) {
        self.post_fault(&json!({"service": service, "operation": operation, "kind": kind, "skip": skip}));
    }

    /// Lets the next call be done after so many seconds.
    pub fn fault_slow(&self, service: &str, operation: &str, delay: u32) {
        self.post_fault(&json!({"service": service, "operation": operation, "kind": "slow", "delay": delay}));
    }

    /// Lets calls meet a fault, as the sandbox reads it.
    pub fn post_fault(&self, fault: &Value) {
        ureq::post(format!("{}/_sandbox/faults", self.endpoint()))
            .send_json(fault)
            .unwrap();
    }

    /// Forgets faults that have not struck, and says how many those are.
    pub fn clear_faults(&self) -> u64 {
        let mut answer = ureq::delete(format!("{}/_sandbox/faults", self.endpoint()))
            .call()
            .unwrap();
        answer.body_mut().read_json().unwrap()
    }

    /// Every signature that KMS made, by request id, whether or not its answer arrived.
    pub fn signatures(&self) -> BTreeMap<String, Signature> {
        let mut answer = ureq::get(format!("{}/_sandbox/signatures", self.endpoint()))
            .call()
            .unwrap();
        let made: Value = answer.body_mut().with_config().limit(1 << 30).read_json().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let signature = |made: &Value| {
            let signature = Signature {
                key: text(&made["key"]),
                message: STANDARD.decode(text(&made["message"])).unwrap(),
            };
            (text(&made["request_id"]), signature)
        };
        made.as_array().unwrap().iter().map(signature).collect()
    }

    /// The key of each signature that the trail records as given, by request id.
    pub fn trail(&self) -> BTreeMap<String, String> {
        let trail = std::fs::read_to_string(self.trail.path()).unwrap();
        let records = trail.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let given = records.filter(|record| record["eventName"] == "Sign" && record["errorCode"].is_null());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        given
            .map(|record| (text(&record["requestID"]), text(&record["resources"][0]["ARN"])))
            .collect()
    }

    /// The operations called since the last time this was asked, `dynamodb Query` and so on.
    pub fn take_calls(&self) -> Vec<String> {
        self.take_calls_and_items().0
    }

    /// The same, and the items that DynamoDB went through for them.
    pub fn take_calls_and_items(&self) -> (Vec<String>, u64) {
        let url = format!("{}/_sandbox/calls", self.endpoint());
        let mut answer = ureq::get(&url).call().unwrap();
        let calls: Value = answer.body_mut().with_config().limit(1 << 30).read_json().unwrap();
        ureq::delete(&url).call().unwrap();
        let named = |call: &Value| {
            format!(
                "{} {}",
                call["service"].as_str().unwrap(),
                call["operation"].as_str().unwrap()
            )
        };
        let calls = calls.as_array().unwrap();
        let scanned = calls.iter().map(|call| call["scanned"].as_u64().unwrap()).sum();
        (calls.iter().map(named).collect(), scanned)
    }
}
