//! API tokens, as their store verifies them.

use async_trait::async_trait;
use chancery_authority::TokenScopes;

/// A token that was presented and is valid now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidToken {
    /// Id of the token, which does not reveal it.
    pub id: String,
    /// The name that people gave to it.
    pub name: String,
    /// What it allows.
    pub scopes: TokenScopes,
}

/// The token store could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tokens cannot be checked: {0}")]
pub struct TokensUnavailable(pub String);

/// Verifies tokens; stores only their digests.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// The valid token of that text; `None` for an unknown, expired or revoked one.
    async fn verify(&self, text: &str) -> Result<Option<ValidToken>, TokensUnavailable>;
}
