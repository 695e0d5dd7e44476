//! Certificates as the ledger has them, and how they are found.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A certificate as the ledger has it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CertificateEntry {
    /// Decimal.
    #[schema(example = "421739264938475629384756")]
    pub serial_number: String,
    /// The CA that issued it.
    #[schema(example = "chancery-issuing-ca")]
    pub issuer: String,
    /// Empty where the subject has none.
    pub common_name: String,
    /// RFC 4514.
    pub subject: String,
    /// `leaf`, `authority` or `cross_certificate`.
    #[schema(value_type = String)]
    pub kind: CertificateKind,
    /// Profile that it was issued with.
    #[schema(example = "tls-server")]
    pub profile: String,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// RFC 3339.
    pub issued_at: String,
    /// Principal that requested the certificate.
    #[schema(example = "token:k3w9")]
    pub requested_by: String,
    /// `valid`, `expired` or `revoked`.
    #[schema(value_type = String)]
    pub status: CertificateStatus,
    /// Whether notices are sent before it expires.
    pub notify_expiry: bool,
    /// Only if revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation: Option<RevocationEntry>,
    /// SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
    pub key_sha256: String,
    /// PEM.
    pub certificate: String,
}

/// A revocation as the ledger has it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RevocationEntry {
    /// RFC 3339.
    pub revoked_at: String,
    /// RFC 5280's name for the reason.
    #[schema(example = "keyCompromise")]
    pub reason: String,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalidity_date: Option<String>,
    /// Principal that requested the revocation.
    pub requested_by: String,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateKind {
    /// An end entity's.
    Leaf,
    /// A CA's.
    #[serde(rename = "authority")]
    Ca,
    /// A cross-certificate, for a CA that has a certificate of another issuer.
    CrossCertificate,
}

/// Whether a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateStatus {
    /// It is.
    Valid,
    /// Its time is over.
    Expired,
    /// It is revoked, whether its time is over or not.
    Revoked,
}

impl CertificateStatus {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// Conditions of a search; all that are given must hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Exactly this common name, or with `*` at its end all that begin so.
    #[param(value_type = String, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// Issued by this CA.
    #[param(value_type = String, required = false, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
    #[param(value_type = String, required = false, pattern = "^[0-9a-fA-F]{64}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_sha256: Option<String>,
    /// notAfter at or after this time (RFC 3339).
    #[param(value_type = String, required = false, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_from: Option<String>,
    /// notAfter before this time (RFC 3339).
    #[param(value_type = String, required = false, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_before: Option<String>,
    /// Revoked ones only, or unrevoked ones only.
    #[param(value_type = bool, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<bool>,
    /// Oldest first instead of newest first.
    #[param(value_type = bool, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_first: Option<bool>,
    /// Certificates in the page: 1 to 1000, by default 100.
    #[param(value_type = usize, required = false, minimum = 1, maximum = 1000, default = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `next` of the page before.
    #[param(value_type = String, required = false, pattern = "^[0-9]{1,18}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of certificates.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CertificatePage {
    /// The certificates.
    pub certificates: Vec<CertificateEntry>,
    /// What to send as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
