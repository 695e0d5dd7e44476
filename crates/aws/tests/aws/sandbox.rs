//! AWS on this machine: `sandbox/`, for one test alone and ended with it.

#[path = "running.rs"]
mod running;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use aws_sdk_s3::config::{Credentials, Region, SharedCredentialsProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_aws::{CallBudget, Deployment, DynamoLedger};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use running::Running;
#[allow(unused_imports, reason = "this file serves tests that want no other Python too")]
pub(crate) use running::judges;

/// A signature that KMS made.
pub(crate) struct Signature {
    /// Its key's ARN.
    pub(crate) key: String,
    /// What was signed: a digest.
    pub(crate) message: Vec<u8>,
}

/// A running sandbox.
pub(crate) struct Sandbox {
    _running: Running,
    trail: NamedTempFile,
    pub(crate) config: SdkConfig,
    made: AtomicU32,
}

impl Sandbox {
    /// `None`, and a line saying so, where what it runs on is not installed.
    pub(crate) fn start() -> Option<Self> {
        let trail = NamedTempFile::new().unwrap();
        let path = trail.path().to_str().unwrap();
        let (running, told) = Running::start(&["--port", "0", "--trail", path])?;
        let endpoint = told["endpoint"].as_str().unwrap().to_owned();
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(&endpoint)
            // Else every client would read and parse all certificates that the system trusts, which takes an unoptimised
            // program longer than whatever it is made for; and tests make clients by the hundred.
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Some(Self {
            _running: running,
            trail,
            config,
            made: AtomicU32::new(0),
        })
    }

    /// A deployment of its own, with its two tables.
    pub(crate) async fn deployment(&self) -> Deployment {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let deployment = Deployment::new(format!("p{number}"), "dev", ["prod"]).unwrap();
        self.make_tables(&deployment).await;
        self.make_intents_key(&deployment).await;
        deployment
    }

    /// The two tables of a deployment, as Terraform makes them.
    pub(crate) async fn make_tables(&self, deployment: &Deployment) {
        let client = self.dynamodb();
        let create = |name: &str, keys: [&str; 2], index: (&str, Vec<(&str, ScalarAttributeType)>)| {
            let (index_name, index_keys) = index;
            let schema = |names: &[&str]| {
                let kinds = [KeyType::Hash, KeyType::Range];
                let element = |(name, kind): (&&str, KeyType)| {
                    KeySchemaElement::builder()
                        .attribute_name(*name)
                        .key_type(kind)
                        .build()
                        .unwrap()
                };
                names.iter().zip(kinds).map(element).collect::<Vec<_>>()
            };
            let mut attributes: Vec<_> = keys.map(|key| (key, ScalarAttributeType::S)).to_vec();
            attributes.extend(index_keys.iter().filter(|(key, _)| !keys.contains(key)).cloned());
            let definitions = attributes.into_iter().map(|(name, kind)| {
                AttributeDefinition::builder()
                    .attribute_name(name)
                    .attribute_type(kind)
                    .build()
                    .unwrap()
            });
            let names: Vec<&str> = index_keys.iter().map(|(name, _)| *name).collect();
            let projection = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
            let index = GlobalSecondaryIndex::builder()
                .index_name(index_name)
                .set_key_schema(Some(schema(&names)))
                .projection(projection)
                .build()
                .unwrap();
            client
                .create_table()
                .table_name(name)
                .set_key_schema(Some(schema(&keys)))
                .set_attribute_definitions(Some(definitions.collect()))
                .global_secondary_indexes(index)
                .billing_mode(BillingMode::PayPerRequest)
                .send()
        };
        let serial = ("serial", vec![("SerialNumber", ScalarAttributeType::S)]);
        create(deployment.table(), ["CommonName", "SerialNumber"], serial)
            .await
            .unwrap();
        let open = (
            "open",
            vec![("Open", ScalarAttributeType::S), ("Since", ScalarAttributeType::N)],
        );
        create(deployment.journal_table(), ["Key", "Sort"], open).await.unwrap();
    }

    /// The key that authenticates intents, as Terraform makes it.
    pub(crate) async fn make_intents_key(&self, deployment: &Deployment) {
        let client = aws_sdk_kms::Client::new(&self.config);
        let made = client
            .create_key()
            .key_spec(KeySpec::Hmac256)
            .key_usage(KeyUsageType::GenerateVerifyMac)
            .send()
            .await
            .unwrap();
        client
            .create_alias()
            .alias_name(deployment.intents_alias())
            .target_key_id(made.key_metadata.unwrap().key_id)
            .send()
            .await
            .unwrap();
    }

    /// A ledger of its own.
    pub(crate) async fn ledger(&self) -> (DynamoLedger, Deployment) {
        let deployment = self.deployment().await;
        (DynamoLedger::new(&self.config, &deployment, patient()), deployment)
    }

    /// A bucket of its own.
    pub(crate) async fn bucket(&self) -> String {
        let name = format!("bucket-{}", self.made.fetch_add(1, Ordering::Relaxed));
        self.make_bucket(&name).await;
        name
    }

    /// A bucket of that name.
    pub(crate) async fn make_bucket(&self, name: &str) {
        let configuration = aws_sdk_s3::types::CreateBucketConfiguration::builder()
            .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest2)
            .build();
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
            .create_bucket()
            .bucket(name)
            .create_bucket_configuration(configuration)
            .send()
            .await
            .unwrap();
    }

    /// What tables, buckets and keys hold, as the sandbox tells it.
    pub(crate) fn state(&self, of: &Value) -> Value {
        let mut answer = ureq::post(format!("{}/_sandbox/state", self.endpoint()))
            .send_json(of)
            .unwrap();
        answer.body_mut().with_config().limit(1 << 30).read_json().unwrap()
    }

    /// Lets tables, buckets and keys hold what [`state`](Self::state) said.
    pub(crate) fn put_state(&self, state: &Value) {
        ureq::put(format!("{}/_sandbox/state", self.endpoint()))
            .send_json(state)
            .unwrap();
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.config.endpoint_url().unwrap()
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// Lets the next calls of an operation meet a fault; sandbox/README.md lists the kinds.
    pub(crate) fn fault(&self, service: &str, operation: &str, kind: &str, times: u32) {
        self.post_fault(&json!({"service": service, "operation": operation, "kind": kind, "times": times}));
    }

    /// Lets one call meet a fault, after so many that do not.
    pub(crate) fn fault_after(&self, service: &str, operation: &str, kind: &str, skip: u32) {
        self.post_fault(&json!({"service": service, "operation": operation, "kind": kind, "skip": skip}));
    }

    /// Lets the next call be done after so many seconds.
    pub(crate) fn fault_slow(&self, service: &str, operation: &str, delay: u32) {
        self.post_fault(&json!({"service": service, "operation": operation, "kind": "slow", "delay": delay}));
    }

    /// Lets calls meet a fault, as the sandbox reads it.
    pub(crate) fn post_fault(&self, fault: &Value) {
        ureq::post(format!("{}/_sandbox/faults", self.endpoint()))
            .send_json(fault)
            .unwrap();
    }

    /// Forgets faults that have not struck, and says how many those are.
    pub(crate) fn clear_faults(&self) -> u64 {
        let mut answer = ureq::delete(format!("{}/_sandbox/faults", self.endpoint()))
            .call()
            .unwrap();
        answer.body_mut().read_json().unwrap()
    }

    /// Every signature that KMS made, by request id, whether or not its answer arrived.
    pub(crate) fn signatures(&self) -> BTreeMap<String, Signature> {
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
    pub(crate) fn trail(&self) -> BTreeMap<String, String> {
        let trail = std::fs::read_to_string(self.trail.path()).unwrap();
        let records = trail.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let given = records.filter(|record| record["eventName"] == "Sign" && record["errorCode"].is_null());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        given
            .map(|record| (text(&record["requestID"]), text(&record["resources"][0]["ARN"])))
            .collect()
    }

    /// Everything in a table.
    pub(crate) async fn items(&self, table: &str) -> Vec<BTreeMap<String, AttributeValue>> {
        let mut pages = self.dynamodb().scan().table_name(table).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.unwrap().into_iter().collect());
        }
        items
    }

    /// The rows of the certificate table, by their keys.
    pub(crate) async fn rows(
        &self,
        deployment: &Deployment,
    ) -> BTreeMap<(String, String), BTreeMap<String, AttributeValue>> {
        let text = |row: &BTreeMap<String, AttributeValue>, name: &str| row[name].as_s().unwrap().clone();
        let rows = self.items(deployment.table()).await.into_iter();
        rows.map(|row| ((text(&row, "CommonName"), text(&row, "SerialNumber")), row))
            .collect()
    }

    /// How many items a table has.
    pub(crate) async fn count(&self, table: &str) -> usize {
        self.items(table).await.len()
    }

    /// The operations called since the last time this was asked, `dynamodb Query` and so on.
    pub(crate) fn take_calls(&self) -> Vec<String> {
        self.take_calls_and_items().0
    }

    /// The same, and the items that DynamoDB went through for them.
    pub(crate) fn take_calls_and_items(&self) -> (Vec<String>, u64) {
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

/// Calls on a busy machine take their time.
pub(crate) fn patient() -> CallBudget {
    CallBudget::new(Duration::from_mins(1))
}
