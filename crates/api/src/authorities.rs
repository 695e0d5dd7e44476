//! The CAs of an authority.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A CA.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuthorityEntry {
    /// Its name.
    #[schema(example = "chancery-issuing-ca")]
    pub name: String,
    /// The CA above; absent for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// RFC 4514.
    pub subject: String,
    /// Algorithm of its key.
    #[schema(example = "p256")]
    pub key_algorithm: String,
    /// Decimal.
    pub serial_number: String,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// PEM.
    pub certificate: String,
    /// Paths of what is published about it on this server.
    pub published: Vec<String>,
}

/// Answer to `GET /authorities`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Authorities {
    /// Parents first.
    pub authorities: Vec<AuthorityEntry>,
}
