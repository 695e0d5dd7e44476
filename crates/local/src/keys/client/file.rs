//! Subjects' keys as PEM: written as PKCS #8, read in the formats that other tools write.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{EcdsaKeyPair, RsaKeyPair};
use chancery_x509::pem::{self, EncodedBlock};
use der::pem::LineEnding;
use der::{Decode, SecretDocument};
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{CURVES, ClientKey, ClientKeyError, PrivateKeyError};
use crate::keys::passphrase::Passphrase;
use crate::keys::seal::{self, OPEN_LABEL, SEALED_LABEL, UnsealError};

/// PKCS #1 and SEC 1, as OpenSSL before 3 wrote them.
const RSA_LABEL: &str = "RSA PRIVATE KEY";
const EC_LABEL: &str = "EC PRIVATE KEY";

impl ClientKey {
    /// Unencrypted PKCS #8 in PEM.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, ClientKeyError> {
        let unsound = |error: der::Error| ClientKeyError::Unsound {
            detail: error.to_string(),
        };
        let document = SecretDocument::try_from(self.pkcs8.as_slice()).map_err(unsound)?;
        document.to_pem(OPEN_LABEL, LineEnding::LF).map_err(unsound)
    }

    /// PKCS #8 in PEM, encrypted with a passphrase. Takes about 0.2 s.
    pub fn to_sealed_pem(&self, passphrase: &Passphrase) -> Result<String, ClientKeyError> {
        seal::seal(&self.pkcs8, passphrase).map_err(|error| ClientKeyError::Seal {
            detail: error.to_string(),
        })
    }

    /// Unencrypted PKCS #8, DER.
    pub fn to_pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Whether [`from_pem`](Self::from_pem) will need a passphrase.
    pub fn is_sealed(pem: &[u8]) -> bool {
        private_block(pem).is_some_and(|block| block.label() == SEALED_LABEL)
    }

    /// Reads the first private key of a PEM file: PKCS #8, sealed or not, PKCS #1 or SEC 1. Other blocks, like the `EC
    /// PARAMETERS` that some tools write first, are skipped.
    pub fn from_pem(pem: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, ClientKeyError> {
        let block = private_block(pem).ok_or(ClientKeyError::NotAKey)?;
        if block.label() == SEALED_LABEL {
            let passphrase = passphrase.ok_or(ClientKeyError::PassphraseNeeded)?;
            return Self::from_pkcs8(seal::unseal_block(&block, passphrase)?);
        }
        if block.is_encrypted() {
            return Err(ClientKeyError::Seal {
                detail: "it is sealed in OpenSSL's old way, which is weak: write it anew with `openssl pkcs8 -topk8`"
                    .to_owned(),
            });
        }
        let der = Zeroizing::new(block.decode().map_err(|_| ClientKeyError::NotAKey)?);
        match block.label() {
            OPEN_LABEL => Self::from_pkcs8(der),
            RSA_LABEL => {
                let pair = RsaKeyPair::from_der(&der).map_err(PrivateKeyError::from)?;
                let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(PrivateKeyError::from)?;
                Self::from_pkcs8(Zeroizing::new(pkcs8.as_ref().to_vec()))
            }
            EC_LABEL => Self::from_sec1(&der),
            _ => Err(ClientKeyError::NotAKey),
        }
    }

    /// Reads unencrypted PKCS #8 DER.
    pub fn from_pkcs8_der(pkcs8: &[u8]) -> Result<Self, ClientKeyError> {
        PrivateKeyInfoRef::from_der(pkcs8).map_err(|_| ClientKeyError::NotAKey)?;
        Self::from_pkcs8(Zeroizing::new(pkcs8.to_vec()))
    }

    fn from_sec1(der: &[u8]) -> Result<Self, ClientKeyError> {
        let pair = CURVES
            .into_iter()
            .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok());
        let unsound = || ClientKeyError::Unsound {
            detail: "no EC key on P-256, P-384 or P-521".to_owned(),
        };
        let pkcs8 = pair.ok_or_else(unsound)?.to_pkcs8v1().map_err(PrivateKeyError::from)?;
        Self::from_pkcs8(Zeroizing::new(pkcs8.as_ref().to_vec()))
    }
}

impl From<UnsealError> for ClientKeyError {
    fn from(error: UnsealError) -> Self {
        match error {
            UnsealError::WrongPassphrase => Self::WrongPassphrase,
            UnsealError::Malformed(_) | UnsealError::NotSealed => Self::NotAKey,
            error @ (UnsealError::TooCostly(_) | UnsealError::Unsupported(_)) => Self::Seal {
                detail: error.to_string(),
            },
        }
    }
}

/// The first private key in a file.
fn private_block(pem: &[u8]) -> Option<EncodedBlock<'_>> {
    pem::first(pem, |label| label.ends_with(OPEN_LABEL)).ok()
}
