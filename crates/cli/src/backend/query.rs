//! Parses command-line values into the authority's own types; makes pages in the API's form.

use anyhow::{Context as _, Result, anyhow};
use chancery_authority::port::ledger::{self, Reach};
use chancery_server::api::certificates::SearchQuery;
use chancery_server::api::record::CertificateEntry;
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{Page, Query};

impl Query {
    /// The ledger's search.
    pub(super) fn search(&self) -> Result<ledger::Search> {
        let query = SearchQuery {
            common_name: self.common_name.clone(),
            issuer: self.issuer.clone(),
            key_sha256: self.key_sha256.clone(),
            expires_from: self.expires_from.clone(),
            expires_before: self.expires_before.clone(),
            revoked: self.revoked,
            ..SearchQuery::default()
        };
        query.search().map_err(|problem| anyhow!("{problem}"))
    }
}

impl Page {
    /// A page of the ledger, with each certificate's status at that time.
    pub(super) fn new(page: ledger::Page, now: UnixTime) -> Result<Self> {
        let certificates = page
            .certificates
            .iter()
            .map(|record| serde_json::to_value(CertificateEntry::new(record, now)));
        Ok(Self {
            certificates: certificates.collect::<Result<_, _>>()?,
            next: page.next.map(|cursor| cursor.0),
        })
    }
}

/// Decimal, or hexadecimal with `0x`.
pub(super) fn serial(text: &str) -> Result<Serial> {
    text.parse().with_context(|| format!("{text:?} is no serial number"))
}

/// A reason by its name in RFC 5280, if a certificate can be revoked with it.
pub(super) fn reason(name: &str) -> Result<RevocationReason> {
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
