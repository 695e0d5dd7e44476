//! Derives the keys that authenticate intents, with an HMAC key in AWS KMS.
//!
//! The HMAC key never leaves KMS; only callers that may use it with `kms:GenerateMac` can prepare certificates. A
//! process calls KMS once, to derive the key for its nonce, and computes authentication codes with that key.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html>

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::MacAlgorithmSpec;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chancery_authority::port::{IntentKey, IntentKeys, IntentNonce, KeyStoreError};
use zeroize::Zeroizing;

use crate::call_budget::{CallBudget, Failure, describe};
use crate::error_code::ErrorCode;

/// Derives intent keys with an `HMAC_256` key in KMS.
#[derive(Debug)]
pub struct KmsIntentKeys {
    client: aws_sdk_kms::Client,
    budget: CallBudget,
    key: String,
}

impl KmsIntentKeys {
    /// Uses the key of that alias or ARN. Sends nothing yet.
    pub fn new(config: &SdkConfig, key: String, budget: CallBudget) -> Self {
        let config = aws_sdk_kms::config::Builder::from(config)
            .retry_config(CallBudget::retries())
            .timeout_config(budget.timeouts())
            .interceptor(budget.meter().clone())
            .build();
        Self {
            client: aws_sdk_kms::Client::from_conf(config),
            budget,
            key,
        }
    }

    fn refusal<E: ProvideErrorMetadata + std::error::Error>(&self, error: &E) -> KeyStoreError {
        let detail = format!(
            "intents cannot be authenticated with the KMS key {}: {}",
            self.key,
            describe(error)
        );
        match ErrorCode::of(error) {
            ErrorCode::NotFound => KeyStoreError::Denied {
                detail: format!("{detail}; apply the Terraform module of this version, which makes that key"),
            },
            ErrorCode::KeyDisabled => KeyStoreError::Denied {
                detail: format!("{detail}; enable the key, or cancel its deletion"),
            },
            ErrorCode::WrongKey => KeyStoreError::Denied {
                detail: format!("{detail}; point the alias to a key of the specification HMAC_256"),
            },
            ErrorCode::Denied => KeyStoreError::Denied {
                detail: format!(
                    "{detail}; allow kms:GenerateMac with that key to this role: the Terraform module of this version does"
                ),
            },
            _ => KeyStoreError::Unavailable { detail },
        }
    }
}

#[async_trait]
impl IntentKeys for KmsIntentKeys {
    async fn derive(&self, nonce: &IntentNonce) -> Result<IntentKey, KeyStoreError> {
        let call = self
            .client
            .generate_mac()
            .key_id(&self.key)
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(nonce.message()));
        let answer = match self.budget.call("kms:GenerateMac", call.send()).await {
            Ok(answer) => answer,
            Err(Failure::Refused(error)) => return Err(self.refusal(&error)),
            Err(Failure::Unavailable(detail)) => return Err(KeyStoreError::Unavailable { detail }),
        };
        let octets = Zeroizing::new(answer.mac.map(Blob::into_inner).unwrap_or_default());
        let octets: Option<&[u8; 32]> = octets.as_slice().try_into().ok();
        octets.map(IntentKey::new).ok_or_else(|| KeyStoreError::Unavailable {
            detail: "KMS answered without 32 octets of HMAC".to_owned(),
        })
    }
}
