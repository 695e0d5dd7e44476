//! Terraform's state, as far as needed: which address holds which resource.

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::Value;

/// The format that Terraform and `OpenTofu` write.
const VERSION: u64 = 4;

/// A state: every managed resource, with its address.
#[derive(Debug)]
pub(super) struct State(Vec<ResourceInState>);

#[derive(Debug)]
struct ResourceInState {
    address: String,
    kind: String,
    attributes: Value,
}

/// A resource that must be in the state, at an address with this ending, with an attribute of that value.
#[derive(Debug)]
pub(super) struct ExpectedResource {
    module: &'static str,
    resource: &'static str,
    attribute: &'static str,
    value: String,
}

#[derive(Deserialize)]
struct File {
    version: u64,
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    module: String,
    mode: String,
    r#type: String,
    name: String,
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    #[serde(default)]
    index_key: Value,
    #[serde(default)]
    attributes: Value,
}

impl State {
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        let file: File = serde_json::from_slice(text)?;
        ensure!(
            file.version == VERSION,
            "its format is {}, and only {VERSION} is known",
            file.version
        );
        let mut held = Vec::new();
        // Terraform's word for what is no data source.
        for resource in file.resources.into_iter().filter(|resource| resource.mode == "managed") {
            let plain = format!("{}.{}", resource.r#type, resource.name);
            for instance in resource.instances {
                let index = match &instance.index_key {
                    Value::Null => String::new(),
                    key => format!("[{key}]"),
                };
                let separator = if resource.module.is_empty() { "" } else { "." };
                held.push(ResourceInState {
                    address: format!("{}{separator}{plain}{index}", resource.module),
                    kind: resource.r#type.clone(),
                    attributes: instance.attributes,
                });
            }
        }
        Ok(Self(held))
    }

    /// Whether the state has any resource at that address in the module.
    pub(super) fn has_type_in(&self, expected: &ExpectedResource) -> bool {
        self.0.iter().any(|held| expected.is_address(&held.address))
    }

    /// What is wrong with how the state holds a resource, and what to do.
    pub(super) fn fault_of(&self, expected: &ExpectedResource) -> Option<String> {
        let address = expected.address();
        if let Some(held) = self.0.iter().find(|held| expected.is_address(&held.address)) {
            return (!expected.is_in(held)).then(|| {
                format!(
                    "state: {} holds {} and not {}: the state is another deployment's, or out of date",
                    held.address, held.attributes[expected.attribute], expected.value
                )
            });
        }
        let elsewhere = self.0.iter().find(|held| expected.is_in(held));
        Some(match elsewhere {
            Some(held) => format!(
                "state: {} is at {}, where the module does not look for it: `terraform state mv` it to an address that ends \
                 with {address}",
                expected.value, held.address
            ),
            None => format!(
                "state: {} is nowhere in it, so Terraform would make another one: `terraform import` it at {address}",
                expected.value
            ),
        })
    }
}

impl ExpectedResource {
    pub(super) fn new(module: &'static str, resource: &'static str, attribute: &'static str, value: &str) -> Self {
        Self {
            module,
            resource,
            attribute,
            value: value.to_owned(),
        }
    }

    fn address(&self) -> String {
        format!("{}.{}", self.module, self.resource)
    }

    /// An address may have a prefix: the name that the caller gives the module.
    fn is_address(&self, address: &str) -> bool {
        address
            .strip_suffix(&self.address())
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }

    fn is_in(&self, held: &ResourceInState) -> bool {
        self.resource.starts_with(&format!("{}.", held.kind))
            && held.attributes[self.attribute].as_str() == Some(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"version":4,"resources":[
        {"module":"module.ca.module.dynamodb","mode":"managed","type":"aws_dynamodb_table","name":"ca",
         "instances":[{"attributes":{"name":"ServerlessCADev"}}]},
        {"module":"module.ca.module.external_s3[0]","mode":"managed","type":"aws_s3_bucket","name":"bucket",
         "instances":[{"attributes":{"bucket":"external"}}]},
        {"mode":"managed","type":"aws_sns_topic","name":"mine","instances":[{"index_key":0,"attributes":{"arn":"a"}}]},
        {"mode":"data","type":"aws_kms_key","name":"encryption","instances":[{"attributes":{"key_id":"k"}}]}]}"#;

    #[test]
    fn what_cannot_be_made_again_must_be_where_the_module_looks() {
        let state = State::parse(TEXT.as_bytes()).unwrap();
        let fault_of = |module, resource, attribute, value| {
            let problem = state.fault_of(&ExpectedResource::new(module, resource, attribute, value));
            problem.unwrap_or_default()
        };
        let table = |value| fault_of("module.dynamodb", "aws_dynamodb_table.ca", "name", value);
        assert_eq!(table("ServerlessCADev"), "");
        assert!(table("OtherCADev").contains("another deployment's"));
        let external = fault_of("module.external_s3[0]", "aws_s3_bucket.bucket", "bucket", "external");
        assert_eq!(external, "");
        let topic = fault_of("module.sns_ca_notifications", "aws_sns_topic.sns_topic", "arn", "a");
        assert!(
            topic.contains("aws_sns_topic.mine[0]") && topic.contains("state mv"),
            "{topic}"
        );
        let key = fault_of("module.kms_tls_keygen", "aws_kms_key.encryption", "key_id", "k");
        assert!(
            key.contains("terraform import"),
            "what is only looked up is not held: {key}"
        );
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in ["", "{}", "[]", r#"{"version":3,"resources":[]}"#, r#"{"version":4}"#] {
            assert!(State::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
