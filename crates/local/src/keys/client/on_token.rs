//! A subject's key on a PKCS #11 token: smart cards, and security modules of servers and devices.

use chancery_authority::port::{KeyName, KeyStoreError};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::csr::builder::CertificationRequestInfo;
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::name::Name;
use chancery_x509::san::AltName;

use super::digest_of;
use crate::keys::token::Token;

/// A subject's key that stays on its token: RSA 2048, 3072 or 4096, P-256, P-384 or P-521.
#[derive(Clone, Debug)]
pub struct TokenClientKey {
    token: Token,
    label: KeyName,
    public: CaPublicKey,
}

impl TokenClientKey {
    /// Generates a key on the token; a label that is in use is [`KeyStoreError::AlreadyExists`].
    pub async fn create(token: &Token, label: &KeyName, algorithm: CaKeyAlgorithm) -> Result<Self, KeyStoreError> {
        let public = token.create(label, algorithm, None).await?;
        Ok(Self {
            token: token.clone(),
            label: label.clone(),
            public,
        })
    }

    /// The key of that label.
    pub async fn find(token: &Token, label: &KeyName) -> Result<Self, KeyStoreError> {
        let public = token.public_key(label).await?;
        Ok(Self {
            token: token.clone(),
            label: label.clone(),
            public,
        })
    }

    /// The public key.
    pub fn public_key(&self) -> &SubjectPublicKey {
        self.public.as_subject()
    }

    /// DER of the AlgorithmIdentifier of [`sign`](Self::sign)'s signatures.
    pub fn signature_algorithm_der(&self) -> &'static [u8] {
        self.public.algorithm().signature_algorithm_der()
    }

    /// DER of a certification request for this key (RFC 2986), signed on the token.
    pub async fn request(&self, subject: &Name, alt_names: &[AltName]) -> Result<Vec<u8>, KeyStoreError> {
        let info = CertificationRequestInfo::new(subject, self.public_key(), alt_names);
        let signature = self.sign(info.as_der()).await?;
        Ok(info.assemble(self.signature_algorithm_der(), &signature))
    }

    /// Signs a message, e.g. a CertificationRequestInfo; the message is hashed here, not on the token.
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
        let algorithm = self.public.algorithm();
        let input = digest_of(algorithm, message).ok_or(KeyStoreError::UnsupportedAlgorithm {
            algorithm: algorithm.name(),
        })?;
        // Subjects' signatures do not belong in the CA's signing log.
        let (signature, ()) = self.token.sign(&self.label, &input, |_| Ok(())).await?;
        Ok(signature)
    }
}
