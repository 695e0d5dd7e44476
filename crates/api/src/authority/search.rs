//! Searches.

use chancery_authority::CaName;
use chancery_authority::ca_name::CaNameError;
use chancery_authority::port::ledger::Search;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::time::UnixTime;

use crate::certificates::SearchQuery;

/// A condition of a search that is malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCondition {
    /// No CA can have that name.
    #[error("issuer: {0}")]
    Issuer(CaNameError),
    /// No digest of a key.
    #[error("key_sha256 must be 64 hexadecimal digits")]
    Key,
    /// No time.
    #[error(transparent)]
    Time(#[from] NoTime),
}

/// A field whose text is no time of RFC 3339, to the second.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be a time such as 2026-11-23T20:00:00Z (RFC 3339)")]
pub struct NoTime {
    /// Its name.
    pub field: &'static str,
}

/// The time in a field of that name: RFC 3339, to the second.
pub fn time(field: &'static str, text: &str) -> Result<UnixTime, NoTime> {
    UnixTime::from_rfc3339(text).ok_or(NoTime { field })
}

impl SearchQuery {
    /// The ledger's search.
    pub fn search(&self) -> Result<Search, BadCondition> {
        let key = self.key_sha256.as_deref().map(|text| {
            let octets = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
            octets
                .and_then(|octets| octets.try_into().ok())
                .map(KeyFingerprint)
                .ok_or(BadCondition::Key)
        });
        let at = |field, text: &Option<String>| text.as_deref().map(|text| time(field, text)).transpose();
        let issuer = self.issuer.as_deref().map(CaName::new).transpose();
        Ok(Search {
            issuer: issuer.map_err(BadCondition::Issuer)?,
            common_name: self.common_name.clone(),
            key: key.transpose()?,
            expires_from: at("expires_from", &self.expires_from)?,
            expires_before: at("expires_before", &self.expires_before)?,
            revoked: self.revoked,
            oldest_first: self.oldest_first.unwrap_or(false),
        })
    }
}
