//! Signatures on whatever there is: for tests of key stores, and for forging in tests of everything else.

use async_trait::async_trait;
use chancery_authority::port::{KeyName, KeyStore, KeyStoreError, Purpose, Signed, SigningRequest};
use chancery_x509::algorithm::SigningInput;

/// What no program can do: have a key store sign what `chancery_authority::signing` has not checked.
#[async_trait]
pub trait SignUnchecked {
    /// Signs without any check.
    async fn sign_unchecked(&self, key: &KeyName, input: &SigningInput) -> Result<Signed, KeyStoreError>;
}

#[async_trait]
impl<T: KeyStore + ?Sized> SignUnchecked for T {
    async fn sign_unchecked(&self, key: &KeyName, input: &SigningInput) -> Result<Signed, KeyStoreError> {
        let request = SigningRequest::unchecked(Purpose::Certificate, key.clone(), input.clone());
        self.sign(&request).await
    }
}
