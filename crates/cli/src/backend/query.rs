//! Parses command-line values into the authority's own types.

use anyhow::{Context as _, Result};
use chancery_authority::port::ledger::Reach;
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

/// Decimal, or hexadecimal with `0x`.
pub(super) fn serial(text: &str) -> Result<Serial> {
    text.parse().with_context(|| format!("{text:?} is no serial number"))
}

/// A reason by its name in RFC 5280, if a certificate can be revoked with it; by default none is given.
pub(super) fn reason(name: Option<&str>) -> Result<RevocationReason> {
    let Some(name) = name else {
        return Ok(RevocationReason::Unspecified);
    };
    let offered = RevocationReason::from_name(name).filter(|reason| reason.is_offered());
    offered.with_context(|| {
        let offered = RevocationReason::ALL.into_iter().filter(|reason| reason.is_offered());
        let names: Vec<&str> = offered.map(RevocationReason::name).collect();
        format!(
            "{name:?} is not a supported revocation reason; use one of {}",
            names.join(", ")
        )
    })
}

/// RFC 3339.
pub(super) fn invalidity_date(text: Option<&str>) -> Result<Option<UnixTime>> {
    text.map(|text| text.parse().map(|time: jiff::Timestamp| UnixTime(time.as_second())))
        .transpose()
        .context("--invalidity-date takes a time such as 2026-11-23T20:00:00Z")
}

/// The reach of a revocation.
pub(super) fn reach(only: bool) -> Reach {
    if only { Reach::Certificate } else { Reach::Key }
}
