//! CRLs written in one pass, read back by our own reader and by others'.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod long;
mod not_written;
mod properties;
mod read;
mod written;

use chancery_x509::certificate::{Certificate, Issuer};
use chancery_x509::crl::{RevocationList, RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;

use crate::authority::NOW;

/// An entry of 20 octets: a serial number of one octet and a UTCTime.
pub(crate) fn short_entry(serial: u8) -> RevokedEntry {
    RevokedEntry {
        serial: Serial::from_octets(&[serial]).unwrap(),
        revoked_at: NOW.plus_seconds(-60),
        reason: RevocationReason::Unspecified,
        invalidity_date: None,
    }
}

pub(crate) fn numbered(number: u64) -> RevokedEntry {
    RevokedEntry {
        serial: Serial::from_octets(&number.to_be_bytes()).unwrap(),
        ..short_entry(1)
    }
}

pub(crate) fn read_all(crl: &RevocationList) -> Vec<RevokedEntry> {
    crl.entries().collect::<Result<_, _>>().unwrap()
}

pub(crate) fn stored_issuer() -> Issuer {
    Issuer::new(Certificate::parse(include_bytes!("../data/issuing-ca.pem")).unwrap()).unwrap()
}
