//! CA keys in AWS KMS.
//!
//! KMS always signs a digest (`MessageType` `DIGEST`) or, for ML-DSA, the message representative µ (`EXTERNAL_MU`):
//! neither has a limit of length, and KMS never sees a certificate. The receipt is the request id, which CloudTrail
//! records with the key and the caller.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_lc_rs::digest;
use aws_sdk_kms::operation::RequestId as _;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyMetadata, KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chancery_authority::port::{KeyName, KeyStore, KeyStoreError, Receipt, Signed, SigningRequest};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::CaPublicKey;

use crate::call_budget::{CallBudget, Failure, describe};
use crate::error_code::ErrorCode;
use crate::key_policy;

/// Days before a key that lost the race for its alias is deleted: the minimum that KMS allows.
const ORPHAN_DAYS: i32 = 7;

/// CA keys in KMS. A [`KeyName`] is an alias (`alias/NAME`), a key's ARN or id, or a bare `NAME`, which means
/// `alias/NAME`.
#[derive(Debug)]
pub struct KmsKeyStore {
    client: aws_sdk_kms::Client,
    /// Never repeats a request: each signature that is asked for is an attempt, which is recorded before it is made.
    signer: aws_sdk_kms::Client,
    budget: CallBudget,
    /// Keys that this process has read, for its life: a KMS key never changes its key pair.
    keys: Mutex<HashMap<KeyName, Arc<KmsKey>>>,
    expected: Mutex<HashMap<KeyName, CaPublicKey>>,
    /// SHA-256 of the public keys of keys that are disabled most of the time.
    noted: Mutex<HashMap<KeyName, [u8; 32]>>,
}

#[derive(Debug)]
struct KmsKey {
    /// Signing by ARN keeps using this key even if its alias is moved.
    arn: String,
    public: CaPublicKey,
}

impl KmsKeyStore {
    /// Makes the client. Sends nothing yet.
    pub fn new(config: &SdkConfig, budget: CallBudget) -> Self {
        let config = aws_sdk_kms::config::Builder::from(config)
            .timeout_config(budget.timeouts())
            .interceptor(budget.meter().clone());
        let client = |retries| aws_sdk_kms::Client::from_conf(config.clone().retry_config(retries).build());
        Self {
            client: client(CallBudget::retries()),
            signer: client(RetryConfig::disabled()),
            budget,
            keys: Mutex::default(),
            expected: Mutex::default(),
            noted: Mutex::default(),
        }
    }

    /// Sets the public key that the CA's certificate has. A KMS key with another public key signs nothing and is
    /// reported as [`KeyStoreError::Damaged`]. Call this for every CA once its certificate is known.
    pub fn expect(&self, key: &KeyName, public: &CaPublicKey) {
        lock(&self.expected).insert(key.clone(), public.clone());
    }

    /// Records the SHA-256 of a key's public half (its SubjectPublicKeyInfo in DER), as operators noted it. KMS does not
    /// promise to tell the public half of a disabled key: then the [expected](Self::expect) one is taken if it is the one
    /// that was noted. It does not sign all the same.
    pub fn note(&self, key: &KeyName, sha256: [u8; 32]) {
        lock(&self.noted).insert(key.clone(), sha256);
    }

    /// The public half of a disabled key, as far as it is known without KMS.
    fn known_while_disabled(&self, key: &KeyName) -> Option<CaPublicKey> {
        let noted = lock(&self.noted).get(key).copied()?;
        let expected = lock(&self.expected).get(key).cloned()?;
        (digest::digest(&digest::SHA256, expected.as_der()).as_ref() == noted).then_some(expected)
    }

    async fn key(&self, key: &KeyName) -> Result<Arc<KmsKey>, KeyStoreError> {
        let kms_key = lock(&self.keys).get(key).cloned();
        let kms_key = match kms_key {
            Some(kms_key) => kms_key,
            None => self.read_key(key).await?,
        };
        let expected = lock(&self.expected).get(key).cloned();
        if expected.is_some_and(|expected| expected != kms_key.public) {
            // Read it again next time: an operator may point the alias back to the right key.
            lock(&self.keys).remove(key);
            return Err(KeyStoreError::Damaged {
                key: key.clone(),
                detail: format!(
                    "{} is not the key in the CA's certificate; point the alias to that one",
                    kms_key.arn
                ),
            });
        }
        Ok(kms_key)
    }

    async fn read_key(&self, key: &KeyName) -> Result<Arc<KmsKey>, KeyStoreError> {
        let call = self.client.get_public_key().key_id(key_id(key));
        let answer = match self.budget.call("kms:GetPublicKey", call.send()).await {
            Ok(answer) => answer,
            Err(Failure::Refused(error)) if ErrorCode::of(&error) == ErrorCode::KeyDisabled => {
                // Not kept: when it is enabled again, KMS is asked again.
                let public = self.known_while_disabled(key).ok_or_else(|| refusal(key, &error))?;
                let arn = key_id(key);
                return Ok(Arc::new(KmsKey { arn, public }));
            }
            Err(Failure::Refused(error)) => return Err(refusal(key, &error)),
            Err(Failure::Unavailable(detail)) => return Err(KeyStoreError::Unavailable { detail }),
        };
        let damaged = |detail: String| KeyStoreError::Damaged {
            key: key.clone(),
            detail,
        };
        if answer.key_usage() != Some(&KeyUsageType::SignVerify) {
            return Err(damaged("its usage is not SIGN_VERIFY".to_owned()));
        }
        let spki = answer.public_key().map(Blob::as_ref).unwrap_or_default();
        let public = CaPublicKey::from_der(spki).map_err(|error| damaged(error.to_string()))?;
        let kms_key = Arc::new(KmsKey {
            arn: answer.key_id().unwrap_or(&key_id(key)).to_owned(),
            public,
        });
        lock(&self.keys).insert(key.clone(), kms_key.clone());
        Ok(kms_key)
    }

    /// Lets the key sign for that role alone, whatever its policy says besides, until [`open_signing`](Self::open_signing).
    pub async fn close_signing(&self, key: &KeyName, role_arn: &str) -> Result<(), KeyStoreError> {
        let (arn, policy) = self.policy(key).await?;
        let closed = key_policy::closed(&policy, role_arn).ok_or_else(|| not_a_policy(key))?;
        self.put_policy(key, &arn, closed).await
    }

    /// Takes that back.
    pub async fn open_signing(&self, key: &KeyName) -> Result<(), KeyStoreError> {
        let (arn, policy) = self.policy(key).await?;
        match key_policy::open(&policy).ok_or_else(|| not_a_policy(key))? {
            (opened, true) => self.put_policy(key, &arn, opened).await,
            (_, false) => Ok(()),
        }
    }

    /// Enables a disabled key.
    pub async fn enable(&self, key: &KeyName) -> Result<(), KeyStoreError> {
        let id = self.id(key).await?;
        let call = self.client.enable_key().key_id(id);
        match self.budget.call("kms:EnableKey", call.send()).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(error)) => Err(refusal(key, &error)),
            Err(Failure::Unavailable(detail)) => Err(KeyStoreError::Unavailable { detail }),
        }
    }

    /// Disables a key: it signs nothing until it is enabled.
    pub async fn disable(&self, key: &KeyName) -> Result<(), KeyStoreError> {
        let id = self.id(key).await?;
        lock(&self.keys).remove(key);
        let call = self.client.disable_key().key_id(id);
        match self.budget.call("kms:DisableKey", call.send()).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(error)) => Err(refusal(key, &error)),
            Err(Failure::Unavailable(detail)) => Err(KeyStoreError::Unavailable { detail }),
        }
    }

    /// The key's ARN. A key that is not the [expected](Self::expect) one is refused.
    pub async fn arn(&self, key: &KeyName) -> Result<String, KeyStoreError> {
        let known = self.key(key).await?.arn.clone();
        if known.starts_with("arn:") {
            return Ok(known);
        }
        // A disabled key is known by what was noted of it, and by its alias.
        let described = self.describe(key).await?;
        described.arn.ok_or_else(|| KeyStoreError::NotFound(key.clone()))
    }

    /// The key's id: its state and policy are not changed by an alias.
    async fn id(&self, key: &KeyName) -> Result<String, KeyStoreError> {
        Ok(self.describe(key).await?.key_id)
    }

    async fn describe(&self, key: &KeyName) -> Result<KeyMetadata, KeyStoreError> {
        let call = self.client.describe_key().key_id(key_id(key));
        let described = match self.budget.call("kms:DescribeKey", call.send()).await {
            Ok(answer) => answer.key_metadata,
            Err(Failure::Refused(error)) => return Err(refusal(key, &error)),
            Err(Failure::Unavailable(detail)) => return Err(KeyStoreError::Unavailable { detail }),
        };
        described.ok_or_else(|| KeyStoreError::NotFound(key.clone()))
    }

    /// The key's ARN and policy.
    async fn policy(&self, key: &KeyName) -> Result<(String, String), KeyStoreError> {
        let arn = self.arn(key).await?;
        let call = self.client.get_key_policy().key_id(&arn).policy_name("default");
        match self.budget.call("kms:GetKeyPolicy", call.send()).await {
            Ok(answer) => Ok((arn, answer.policy.unwrap_or_default())),
            Err(Failure::Refused(error)) => Err(refusal(key, &error)),
            Err(Failure::Unavailable(detail)) => Err(KeyStoreError::Unavailable { detail }),
        }
    }

    async fn put_policy(&self, key: &KeyName, arn: &str, policy: String) -> Result<(), KeyStoreError> {
        let call = self
            .client
            .put_key_policy()
            .key_id(arn)
            .policy_name("default")
            .policy(policy);
        match self.budget.call("kms:PutKeyPolicy", call.send()).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(error)) => Err(refusal(key, &error)),
            Err(Failure::Unavailable(detail)) => Err(KeyStoreError::Unavailable { detail }),
        }
    }

    /// Creates the key, then its alias. Of several processes that do so, the one that creates the alias wins.
    async fn make(&self, key: &KeyName, spec: KeySpec) -> Result<(), KeyStoreError> {
        let call = self
            .client
            .create_key()
            .key_spec(spec)
            .key_usage(KeyUsageType::SignVerify)
            .description(format!("CA key {key}"));
        let made = match self.budget.call("kms:CreateKey", call.send()).await {
            Ok(answer) => answer.key_metadata,
            Err(Failure::Refused(error)) => return Err(refusal(key, &error)),
            Err(Failure::Unavailable(detail)) => return Err(KeyStoreError::Unavailable { detail }),
        };
        let id = made.map(|made| made.key_id).unwrap_or_default();
        let call = self.client.create_alias().alias_name(key_id(key)).target_key_id(&id);
        match self.budget.call("kms:CreateAlias", call.send()).await {
            Ok(_) => Ok(()),
            // The alias may exist because our own request was retried after its answer was lost.
            Err(Failure::Refused(error)) if error.is_already_exists_exception() && self.is_at(key, &id).await? => {
                Ok(())
            }
            Err(Failure::Refused(error)) => {
                self.discard(&id).await;
                if error.is_already_exists_exception() {
                    Err(KeyStoreError::AlreadyExists(key.clone()))
                } else {
                    Err(refusal(key, &error))
                }
            }
            // The key is not discarded: the alias may have been created.
            Err(Failure::Unavailable(detail)) => Err(KeyStoreError::Unavailable { detail }),
        }
    }

    /// Whether the alias points to the key of that id.
    async fn is_at(&self, key: &KeyName, id: &str) -> Result<bool, KeyStoreError> {
        match self.read_key(key).await {
            Ok(kms_key) => Ok(kms_key.arn.rsplit('/').next() == Some(id)),
            Err(KeyStoreError::Damaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Schedules a key that lost the race for its alias for deletion: it costs money every month and is of no use.
    async fn discard(&self, id: &str) {
        let call = self
            .client
            .schedule_key_deletion()
            .key_id(id)
            .pending_window_in_days(ORPHAN_DAYS);
        if let Err(failure) = self.budget.call("kms:ScheduleKeyDeletion", call.send()).await {
            tracing::warn!(
                key = id,
                ?failure,
                "a key that is not needed could not be scheduled for deletion"
            );
        }
    }
}

#[async_trait]
impl KeyStore for KmsKeyStore {
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        if key_id(key) != format!("alias/{}", alias_name(key)) {
            return Err(KeyStoreError::Denied {
                detail: format!("{key} is no alias: KMS chooses ids itself"),
            });
        }
        match self.read_key(key).await {
            Err(KeyStoreError::NotFound(_)) => {}
            Ok(_) | Err(KeyStoreError::Damaged { .. }) => return Err(KeyStoreError::AlreadyExists(key.clone())),
            Err(error) => return Err(error),
        }
        self.make(key, key_spec(algorithm)).await?;
        Ok(self.read_key(key).await?.public.clone())
    }

    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        Ok(self.key(key).await?.public.clone())
    }

    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError> {
        let (key, input) = (request.key(), request.input());
        let kms_key = self.key(key).await?;
        let (algorithm, message_type) =
            signing(kms_key.public.algorithm(), input).ok_or_else(|| KeyStoreError::WrongInput(key.clone()))?;
        let label = format!(" attempt/{}", request.attempt());
        let call = self
            .signer
            .sign()
            .key_id(&kms_key.arn)
            .signing_algorithm(algorithm)
            .message_type(message_type)
            .message(Blob::new(input.as_bytes()))
            .customize()
            .mutate_request(move |request| label_request(request, &label));
        let answer = match self.budget.call("kms:Sign", call.send()).await {
            Ok(answer) => answer,
            Err(Failure::Refused(error)) => {
                // Whatever is wrong with the key, read it again next time.
                lock(&self.keys).remove(key);
                return Err(refusal(key, &error));
            }
            Err(Failure::Unavailable(detail)) => return Err(KeyStoreError::Unavailable { detail }),
        };
        let receipt = answer.request_id().map(str::to_owned);
        match (answer.signature, receipt) {
            (Some(signature), Some(receipt)) => Ok(Signed {
                signature: signature.into_inner(),
                receipt: Receipt(receipt),
            }),
            // Without a request id, the signature could not be found in CloudTrail.
            _ => Err(KeyStoreError::Unavailable {
                detail: "KMS answered without a signature or without a request id".to_owned(),
            }),
        }
    }

    async fn wait_to_retry(&self, failed: u32, spent: Duration) -> bool {
        let pause = CallBudget::pause_after(failed);
        if spent + pause >= self.budget.left() {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}

/// Adds the attempt to the user agent, which KMS may record beside the call.
fn label_request(request: &mut HttpRequest, label: &str) {
    for name in ["user-agent", "x-amz-user-agent"] {
        if let Some(agent) = request.headers().get(name) {
            let labelled = format!("{agent}{label}");
            request.headers_mut().insert(name, labelled);
        }
    }
}

/// The `KeyId` of KMS requests: aliases, ARNs and ids as they are, anything else as an alias.
fn key_id(key: &KeyName) -> String {
    let name = &key.0;
    if name.starts_with("alias/") || name.starts_with("arn:") || is_id(name) {
        name.clone()
    } else {
        format!("alias/{name}")
    }
}

fn not_a_policy(key: &KeyName) -> KeyStoreError {
    KeyStoreError::Damaged {
        key: key.clone(),
        detail: "its key policy is no policy document".to_owned(),
    }
}

fn alias_name(key: &KeyName) -> &str {
    key.0.strip_prefix("alias/").unwrap_or(&key.0)
}

/// Whether it is a key id: a UUID, or `mrk-` and 32 hexadecimal digits.
fn is_id(name: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_hexdigit());
    if let Some(rest) = name.strip_prefix("mrk-") {
        return rest.len() == 32 && digits(rest);
    }
    let lengths = name.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && name.split('-').all(digits)
}

fn key_spec(algorithm: CaKeyAlgorithm) -> KeySpec {
    match algorithm {
        CaKeyAlgorithm::Rsa2048 => KeySpec::Rsa2048,
        CaKeyAlgorithm::Rsa3072 => KeySpec::Rsa3072,
        CaKeyAlgorithm::Rsa4096 => KeySpec::Rsa4096,
        CaKeyAlgorithm::P256 => KeySpec::EccNistP256,
        CaKeyAlgorithm::P384 => KeySpec::EccNistP384,
        CaKeyAlgorithm::P521 => KeySpec::EccNistP521,
        CaKeyAlgorithm::MlDsa44 => KeySpec::MlDsa44,
        CaKeyAlgorithm::MlDsa65 => KeySpec::MlDsa65,
        CaKeyAlgorithm::MlDsa87 => KeySpec::MlDsa87,
    }
}

/// The signing algorithm and message type for that input; `None` if the input does not fit the key's algorithm.
fn signing(algorithm: CaKeyAlgorithm, input: &SigningInput) -> Option<(SigningAlgorithmSpec, MessageType)> {
    let spec = match (algorithm, input) {
        (CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096, SigningInput::Sha256(_)) => {
            SigningAlgorithmSpec::RsassaPkcs1V15Sha256
        }
        (CaKeyAlgorithm::P256, SigningInput::Sha256(_)) => SigningAlgorithmSpec::EcdsaSha256,
        (CaKeyAlgorithm::P384, SigningInput::Sha384(_)) => SigningAlgorithmSpec::EcdsaSha384,
        (CaKeyAlgorithm::P521, SigningInput::Sha512(_)) => SigningAlgorithmSpec::EcdsaSha512,
        (CaKeyAlgorithm::MlDsa44 | CaKeyAlgorithm::MlDsa65 | CaKeyAlgorithm::MlDsa87, SigningInput::Mu(_)) => {
            return Some((SigningAlgorithmSpec::MlDsaShake256, MessageType::ExternalMu));
        }
        _ => return None,
    };
    Some((spec, MessageType::Digest))
}

fn refusal<E: ProvideErrorMetadata + std::error::Error>(key: &KeyName, error: &E) -> KeyStoreError {
    let detail = format!("{key}: {}", describe(error));
    match ErrorCode::of(error) {
        ErrorCode::NotFound => KeyStoreError::NotFound(key.clone()),
        ErrorCode::WrongKey => KeyStoreError::Damaged {
            key: key.clone(),
            detail: format!("the key cannot sign for a CA: {}", describe(error)),
        },
        ErrorCode::KeyDisabled => KeyStoreError::Denied {
            detail: format!("{detail}; enable the key, or cancel its deletion"),
        },
        ErrorCode::Denied => KeyStoreError::Denied {
            detail: format!("{detail}; allow kms:GetPublicKey and kms:Sign to this role in the key's policy"),
        },
        // KeyUnavailable, DependencyTimeout, and any code that AWS may add.
        _ => KeyStoreError::Unavailable { detail },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_are_aliases_and_everything_else_is_as_it_is() {
        let id = |name: &str| key_id(&KeyName(name.to_owned()));
        assert_eq!(id("a-root-ca"), "alias/a-root-ca");
        assert_eq!(id("deadbeef-ca"), "alias/deadbeef-ca");
        for same in [
            "alias/a-root-ca",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:eu-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ] {
            assert_eq!(id(same), same);
        }
    }

    #[test]
    fn inputs_of_another_algorithm_are_not_signed() {
        let inputs = [
            SigningInput::Sha256([0; 32]),
            SigningInput::Sha384([0; 48]),
            SigningInput::Sha512([0; 64]),
            SigningInput::Mu([0; 64]),
        ];
        for algorithm in CaKeyAlgorithm::ALL {
            let fitting = inputs.iter().filter_map(|input| signing(algorithm, input)).count();
            assert_eq!(fitting, 1, "{algorithm} signs one kind of input");
        }
        let mu = signing(CaKeyAlgorithm::MlDsa65, &inputs[3]);
        assert_eq!(mu, Some((SigningAlgorithmSpec::MlDsaShake256, MessageType::ExternalMu)));
    }
}
