//! What Terraform makes of a deployment, as far as tests need it, and what is in it.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use aws_sdk_s3::config::{Credentials, Region, SharedCredentialsProvider};

use super::{CREDENTIALS, REGION, Sandbox};

/// A row by its attributes' names.
type Row = BTreeMap<String, AttributeValue>;

pub(super) fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(CREDENTIALS.0, CREDENTIALS.1, None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        // Else every client would read and parse all certificates that the system trusts, which takes an unoptimised
        // program longer than whatever it is made for; and tests make clients by the hundred.
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

impl Sandbox {
    /// A client of its tables.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// The two tables of a deployment, as Terraform makes them.
    pub async fn make_tables(&self, table: &str, journal: &str) {
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
        create(table, ["CommonName", "SerialNumber"], serial).await.unwrap();
        let open = (
            "open",
            vec![("Open", ScalarAttributeType::S), ("Since", ScalarAttributeType::N)],
        );
        create(journal, ["Key", "Sort"], open).await.unwrap();
    }

    /// The key that authenticates intents, as Terraform makes it.
    pub async fn make_intents_key(&self, alias: &str) {
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
            .alias_name(alias)
            .target_key_id(made.key_metadata.unwrap().key_id)
            .send()
            .await
            .unwrap();
    }

    /// A bucket of its own.
    pub async fn bucket(&self) -> String {
        let name = format!("bucket-{}", self.number());
        self.make_bucket(&name).await;
        name
    }

    /// A bucket of that name.
    pub async fn make_bucket(&self, name: &str) {
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

    /// Everything in a table.
    pub async fn items(&self, table: &str) -> Vec<Row> {
        let mut pages = self.dynamodb().scan().table_name(table).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.unwrap().into_iter().collect());
        }
        items
    }

    /// The rows of the certificate table, by their keys.
    pub async fn rows(&self, table: &str) -> BTreeMap<(String, String), Row> {
        let text = |row: &Row, name: &str| row[name].as_s().unwrap().clone();
        let rows = self.items(table).await.into_iter();
        rows.map(|row| ((text(&row, "CommonName"), text(&row, "SerialNumber")), row))
            .collect()
    }

    /// How many items a table has.
    pub async fn count(&self, table: &str) -> usize {
        self.items(table).await.len()
    }
}
