//! What a CA certificate demands of everything below it.

use super::{Certificate, CertificateError};
use crate::key::ca::CaPublicKey;

/// A CA certificate with its key parsed: issues certificates and CRLs.
#[derive(Clone, Debug)]
pub struct Issuer {
    // H2 may design the fields
    certificate: Certificate,
    public_key: CaPublicKey,
}

impl Issuer {
    /// Takes a CA certificate: basicConstraints CA, keyCertSign, and a key of a supported algorithm.
    pub fn new(_certificate: Certificate) -> Result<Self, CertificateError> {
        todo!("H2")
    }

    /// The CA certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key.
    pub fn public_key(&self) -> &CaPublicKey {
        &self.public_key
    }
}
