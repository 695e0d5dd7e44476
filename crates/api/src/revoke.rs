//! A certificate is revoked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::certificates::CertificateEntry;

/// What a revocation may say; an empty body gives no reason.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// `keyCompromise`, `cACompromise`, `affiliationChanged`, `superseded`, `cessationOfOperation`, `privilegeWithdrawn`,
    /// `aACompromise`, `unspecified`.
    #[serde(
        default,
        deserialize_with = "crate::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Reason, required = false, example = "keyCompromise")]
    pub reason: Option<String>,
    /// When the key is known or suspected to have been compromised, or the certificate became invalid (RFC 3339).
    #[serde(
        default,
        deserialize_with = "crate::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = String, format = DateTime, required = false, example = "2026-11-23T20:00:00Z")]
    pub invalidity_date: Option<String>,
    /// With the reason `keyCompromise` or `cACompromise`: revokes this certificate alone, and neither the others of its
    /// key nor those that descend from them by renewal. The key is blocked nevertheless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only: bool,
}

/// A revocation's outcome.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RevokeAnswer {
    /// The certificate's entry after the revocation.
    pub certificate: CertificateEntry,
    /// Whether it was revoked before.
    pub already_revoked: bool,
    /// Why no published CRL is known to list it; the server tries again. Absent: a published CRL lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_problem: Option<String>,
    /// Others that were revoked with it, because the key is compromised: those of the same key, and what descends from
    /// them by renewal.
    pub also_revoked: Vec<AffectedCertificate>,
    /// Certificates and intents to be revoked or given up with it that the ledger cannot read: they did not stop the
    /// revocation, and must be repaired.
    pub unreadable: Vec<UnreadableEntry>,
    /// Certificates of the same key that are still valid, at most 100; if the key is compromised (`only`), also those
    /// that descend from it by renewal. They were not changed.
    pub still_valid: Vec<AffectedCertificate>,
    /// Whether there are more of them, or they could not be determined.
    pub still_valid_is_incomplete: bool,
}

/// Another certificate that a revocation concerns.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AffectedCertificate {
    /// Decimal.
    #[schema(example = "421739264938475629384756")]
    pub serial_number: String,
    /// The CA that issued it.
    #[schema(example = "chancery-issuing-ca")]
    pub issuer: String,
    /// Empty where the subject has none.
    pub common_name: String,
    /// RFC 3339.
    pub not_after: String,
    /// Whether it has the same key; otherwise it descends from one that has, by renewal.
    pub same_key: bool,
}

/// Something that shares the certificate's fate, and of which the ledger cannot read everything.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnreadableEntry {
    /// What it is called, and what is wrong with it.
    pub what: String,
    /// Whether it was revoked or given up all the same. If not: mend it, and revoke again.
    pub is_done: bool,
}

/// RFC 5280's names of reasons.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub enum Reason {
    /// No reason.
    Unspecified,
    /// The key is known or suspected to be compromised.
    KeyCompromise,
    /// The same, for a CA's key.
    #[schema(rename = "cACompromise")]
    CaCompromise,
    /// The subject's name or place changed.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// It is not used any more.
    CessationOfOperation,
    /// The subject may not have it any more.
    PrivilegeWithdrawn,
    /// Of an attribute authority's key.
    #[schema(rename = "aACompromise")]
    AaCompromise,
}
