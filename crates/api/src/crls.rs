//! CRLs: their state, and publishing them now.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of one CRL.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CrlEntry {
    /// Its file.
    #[schema(example = "chancery-issuing-ca.crl")]
    pub name: String,
    /// The CA whose CRL it is.
    pub authority: String,
    /// cRLNumber; absent where there is none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Revoked certificates in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// When it was made (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub this_update: Option<String>,
    /// When the next one will be there at the latest (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<String>,
    /// What is wrong with it, as text; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Differences from the configuration, as text: after a change of shards or URL, the CRL is still published for
    /// certificates issued before. This is no problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitions: Vec<String>,
}

/// CRLs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Crls {
    /// Each of them.
    pub crls: Vec<CrlEntry>,
}

/// Which CRLs to make; an empty body makes all.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishRequest {
    /// Only this CA's CRLs.
    #[serde(
        default,
        deserialize_with = "crate::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = String, required = false, example = "chancery-issuing-ca",
        pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub authority: Option<String>,
}

/// The progress of a requested publication.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PublicationState {
    /// Its id.
    #[schema(example = "5f0c1d2e3a4b5c6d")]
    pub publication: String,
    /// CRLs to be made.
    pub total: usize,
    /// Whether it has ended.
    pub finished: bool,
    /// Why it ended before all CRLs were made, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The outcome of each CRL so far: one that failed has a `problem`.
    pub crls: Vec<CrlEntry>,
}
