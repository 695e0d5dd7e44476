//! The requirements of a CA certificate on everything below it.

use super::{Certificate, CertificateError, KeyUsage, NameConstraints};
use crate::key::ca::CaPublicKey;

/// A CA certificate with its key parsed: issues certificates and CRLs.
#[derive(Clone, Debug)]
pub struct Issuer {
    certificate: Certificate,
    public_key: CaPublicKey,
    name_constraints: Option<NameConstraints>,
}

impl Issuer {
    /// Accepts a CA certificate: basicConstraints CA, keyCertSign, a subject, and a key of a supported algorithm.
    ///
    /// A certificate without keyUsage may sign anything (RFC 5280 section 4.2.1.3). Name constraints are parsed here,
    /// once; those of types that no certificate here can have (otherName, …) are ignored.
    pub fn new(certificate: Certificate) -> Result<Self, CertificateError> {
        let not_a_ca = |detail| Err(CertificateError::NotACa { detail });
        if !certificate
            .basic_constraints()
            .is_some_and(|constraints| constraints.ca)
        {
            return not_a_ca("its basicConstraints do not say that it is a CA");
        }
        if certificate
            .key_usage()
            .is_some_and(|usage| !usage.contains(KeyUsage::KEY_CERT_SIGN))
        {
            return not_a_ca("its keyUsage lacks keyCertSign");
        }
        if certificate.subject().is_empty() {
            return not_a_ca("its subject is empty");
        }
        let public_key = CaPublicKey::from_der(certificate.spki_der()).map_err(CertificateError::CaKey)?;
        let name_constraints = certificate.name_constraints()?;
        Ok(Self {
            certificate,
            public_key,
            name_constraints,
        })
    }

    /// The CA certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key.
    pub fn public_key(&self) -> &CaPublicKey {
        &self.public_key
    }

    /// Its name constraints, if it has any.
    pub fn name_constraints(&self) -> Option<&NameConstraints> {
        self.name_constraints.as_ref()
    }

    /// The keyIdentifier of authorityKeyIdentifier in everything it signs: a copy of its SKI, or the SHA-1 of its key's
    /// bits if it has none.
    pub(super) fn key_identifier(&self) -> Vec<u8> {
        match self.certificate.subject_key_identifier() {
            Some(identifier) => identifier.to_vec(),
            None => self.public_key.identifier().0.to_vec(),
        }
    }
}
