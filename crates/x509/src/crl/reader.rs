//! Reading CRLs back, one entry at a time.

use super::RevokedEntry;
use crate::name::Name;
use crate::time::UnixTime;

/// A CRL that was read back; entries are parsed when asked for.
#[derive(Clone, Debug)]
pub struct RevocationList {
    // H3 designs the fields
    der: Vec<u8>,
}

/// Why bytes are no CRL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// Neither DER nor PEM labelled X509 CRL.
    #[error("this is not a CRL: expected an X.509 CRL in PEM or DER")]
    NotACrl,
    /// Not the structure of RFC 5280.
    #[error("the CRL is malformed: {detail}")]
    Malformed {
        /// What was wrong.
        detail: &'static str,
    },
}

impl RevocationList {
    /// Parses one CRL, DER or PEM.
    pub fn parse(_input: &[u8]) -> Result<Self, CrlError> {
        todo!("H3")
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The issuer.
    pub fn issuer(&self) -> &Name {
        todo!("H3")
    }

    /// cRLNumber, where there is one and it fits.
    pub fn number(&self) -> Option<u64> {
        todo!("H3")
    }

    /// When it was made.
    pub fn this_update(&self) -> UnixTime {
        todo!("H3")
    }

    /// When the next one is due.
    pub fn next_update(&self) -> Option<UnixTime> {
        todo!("H3")
    }

    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = Result<RevokedEntry, CrlError>> + '_ {
        std::iter::empty()
    }

    /// Whether `issuer`'s key made the signature.
    pub fn is_signed_by(&self, _issuer: &crate::key::ca::CaPublicKey) -> bool {
        todo!("H3")
    }
}
