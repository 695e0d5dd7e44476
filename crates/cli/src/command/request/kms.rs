//! A key pair that KMS generates: random numbers from its hardware, and the private key also sealed with a key that
//! never leaves KMS.
//!
//! The private key is needed once in plaintext, to sign the request: hence `GenerateDataKeyPair`; the variant without
//! plaintext would need a second call, to decrypt.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPair.html>

use anyhow::{Context as _, Result, bail};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeyPairSpec;
use chancery_aws::ErrorCode;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
use zeroize::Zeroizing;

use crate::arguments::Arguments;
use crate::deployment::{Deployed, aws_error};

/// Key of the common name in the encryption context.
const CONTEXT: &str = "common_name";

/// A key in memory, wiped when dropped, and the same key sealed by KMS.
pub(super) struct Generated {
    pub(super) key: ClientKey,
    /// `kms:Decrypt` opens it: PKCS #8, DER.
    pub(super) sealed: Vec<u8>,
}

/// Generates a pair under the KMS key of that name; where it is empty, under the deployment's tls-keygen key.
pub(super) fn generate(
    arguments: &Arguments,
    algorithm: ClientKeyAlgorithm,
    under: &str,
    common_name: &str,
) -> Result<Generated> {
    let spec = match algorithm {
        ClientKeyAlgorithm::P256 => DataKeyPairSpec::EccNistP256,
        ClientKeyAlgorithm::P384 => DataKeyPairSpec::EccNistP384,
        ClientKeyAlgorithm::P521 => DataKeyPairSpec::EccNistP521,
        ClientKeyAlgorithm::Rsa2048 => DataKeyPairSpec::Rsa2048,
        ClientKeyAlgorithm::Rsa3072 => DataKeyPairSpec::Rsa3072,
        ClientKeyAlgorithm::Rsa4096 => DataKeyPairSpec::Rsa4096,
        ClientKeyAlgorithm::Ed25519 => DataKeyPairSpec::EccNistEdwards25519,
        other => bail!(
            "KMS generates RSA, P-256, P-384, P-521 and Ed25519 key pairs, no {}: leave --key-kms out",
            other.name()
        ),
    };
    let deployed = Deployed::open(arguments)?;
    let under = match under {
        "" => deployed.names.keygen_alias(),
        name => name.to_owned(),
    };
    let client = aws_sdk_kms::Client::new(&deployed.config);
    // The encryption context is in CloudTrail, can be a condition in policies, and must be given again for decryption:
    // one sealed key cannot be taken for another.
    let call = client
        .generate_data_key_pair()
        .key_id(&under)
        .key_pair_spec(spec)
        .encryption_context(CONTEXT, common_name);
    let answer = deployed.runtime.block_on(call.send()).map_err(|error| {
        let hint = match error.as_service_error().map(ErrorCode::of) {
            Some(ErrorCode::NotFound) => format!(
                "there is no key {under} in {}: --project, --env and the region must be the deployment's",
                deployed.region()
            ),
            Some(ErrorCode::Denied) => {
                format!("you may not kms:GenerateDataKeyPair with {under}: your policy must allow it")
            }
            _ => format!("kms:GenerateDataKeyPair with {under} failed"),
        };
        aws_error(error).context(hint)
    })?;
    let sealed = answer.private_key_ciphertext_blob.map(Blob::into_inner);
    let plaintext = answer.private_key_plaintext.map(Blob::into_inner).map(Zeroizing::new);
    let key = ClientKey::from_pkcs8(plaintext.context("KMS answered without a private key")?)
        .context("the private key that KMS generated cannot be used")?;
    Ok(Generated {
        key,
        sealed: sealed.context("KMS answered without the sealed private key")?,
    })
}
