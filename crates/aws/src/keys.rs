//! CA keys in AWS KMS.

use async_trait::async_trait;
use aws_config::SdkConfig;
use chancery_authority::port::{KeyName, KeyStore, KeyStoreError, Signed};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::CaPublicKey;

use crate::patience::Patience;

/// CA keys in KMS. A [`KeyName`] is an alias (`alias/NAME`), a key's ARN or id, or a bare `NAME`, which is `alias/NAME`.
#[derive(Debug)]
pub struct KmsKeyStore {
    client: aws_sdk_kms::Client,
    patience: Patience,
}

impl KmsKeyStore {
    /// Calls nothing.
    pub fn new(config: &SdkConfig, patience: Patience) -> Self {
        Self {
            client: aws_sdk_kms::Client::new(config),
            patience,
        }
    }

    /// Says which public key the CA's certificate has: a key in KMS that is another one signs nothing, and is
    /// [`KeyStoreError::Damaged`]. Call it for every CA once its certificate is known.
    pub fn expect(&self, key: &KeyName, public: &CaPublicKey) {
        let _ = (key, public, &self.client, &self.patience);
    }
}

#[async_trait]
impl KeyStore for KmsKeyStore {
    async fn create(&self, _key: &KeyName, _algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        todo!()
    }

    async fn public_key(&self, _key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        todo!()
    }

    async fn sign(&self, _key: &KeyName, _input: &SigningInput) -> Result<Signed, KeyStoreError> {
        todo!()
    }
}
