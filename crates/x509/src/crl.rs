//! Certificate revocation lists (RFC 5280 section 5): written in one pass and constant memory, and parsed.

pub(crate) mod entry;
mod error;
mod framing;
mod long;
mod pem_stream;
pub mod reader;
pub mod writer;

use crate::serial::Serial;
use crate::time::UnixTime;

pub use error::CrlError;
pub use framing::{Framing, TbsLength};
pub use long::{LongCrl, facts_of_tbs};
pub use pem_stream::{PemReader, pem_len};
pub use reader::{IssuingDistributionPoint, PEM_LABEL, RevocationList};
pub use writer::{CrlHeader, CrlWriteError, CrlWriter};

/// Why a certificate was revoked (RFC 5280 section 5.3.1). Without removeFromCRL, which only delta CRLs use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// No reason given: the extension is left out.
    #[default]
    Unspecified,
    /// keyCompromise (1)
    KeyCompromise,
    /// cACompromise (2)
    CaCompromise,
    /// affiliationChanged (3)
    AffiliationChanged,
    /// superseded (4)
    Superseded,
    /// cessationOfOperation (5)
    CessationOfOperation,
    /// certificateHold (6)
    CertificateHold,
    /// privilegeWithdrawn (9)
    PrivilegeWithdrawn,
    /// aACompromise (10)
    AaCompromise,
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// `CRLReason`'s number.
    pub fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The reason of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// Whether this CA revokes certificates with it. certificateHold is for certificates that may become valid again
    /// (RFC 5280 section 5.3.1), and this implementation cannot lift a hold or make it final.
    pub fn is_offered(self) -> bool {
        self != Self::CertificateHold
    }

    /// The RFC's identifier: `keyCompromise`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// The reason of that [`name`](Self::name), in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.name().eq_ignore_ascii_case(name))
    }
}

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedEntry {
    /// The certificate's serial number.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked_at: UnixTime,
    /// The reasonCode.
    pub reason: RevocationReason,
    /// When the key is known or suspected to have become invalid (section 5.3.2).
    pub invalidity_date: Option<UnixTime>,
}

impl RevokedEntry {
    /// Length of this entry's DER in octets, tag and length included; ledgers keep the sum, so that a CRL's length is
    /// known before its first octet is written.
    pub fn encoded_len(&self) -> usize {
        entry::encoded_len(self)
    }
}

/// Which part of a CA's certificates a CRL covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Coverage {
    /// All of them.
    #[default]
    Full,
    /// Those whose distribution point is one of these URLs: the CRL has a critical issuingDistributionPoint with them.
    /// A verifier looks for one that is in its certificate as well (section 6.3.3).
    Shard {
        /// The URLs in the certificates' cRLDistributionPoints: one, or several after the URL was changed.
        distribution_points: Vec<String>,
    },
}
