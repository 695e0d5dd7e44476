//! Authentication and authorization. Everything that is not allowed here is refused.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chancery_authority::principal::attribute;
use chancery_authority::{Principal, TokenScope, TokenScopes};

use crate::api::problem::Problem;
use crate::peer::PeerCertificate;
use crate::state::AppState;

/// The requester: the holder of a valid token.
#[derive(Clone, Debug)]
pub struct Caller {
    principal: Principal,
    scopes: TokenScopes,
}

impl Caller {
    /// The principal, if the token has that scope.
    pub fn allowed(&self, scope: TokenScope) -> Result<&Principal, Problem> {
        if self.scopes.allow(scope) {
            Ok(&self.principal)
        } else {
            Err(Problem::forbidden(format!(
                "this token has no scope `{scope}`: make one with `chancery token create --scope {scope}`"
            )))
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let header = parts.headers.get(AUTHORIZATION).ok_or_else(|| {
            Problem::unauthenticated("send `Authorization: Bearer TOKEN`; `chancery token create` makes a token")
        })?;
        let text = header
            .to_str()
            .ok()
            .and_then(bearer)
            .ok_or_else(|| Problem::unauthenticated("the Authorization header must be `Bearer TOKEN`"))?;
        let token = state.tokens.verify(text).await.map_err(|error| {
            tracing::error!(%error, "tokens cannot be checked");
            Problem::unavailable("tokens cannot be checked at the moment; try again")
        })?;
        let token = token.ok_or_else(|| Problem::unauthenticated("this token is unknown, expired or revoked"))?;
        let mut principal = Principal::token(token.id).with(attribute::TOKEN_NAME, &token.name);
        for scope in token.scopes.iter() {
            principal = principal.with(attribute::TOKEN_SCOPES, scope.name());
        }
        Ok(Self {
            principal,
            scopes: token.scopes,
        })
    }
}

/// The token of a `Bearer` credential (RFC 6750 section 2.1); the scheme is case-insensitive.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The requester of a renewal: the holder of the certificate that is to be renewed, or of a token that may issue.
#[derive(Clone, Debug)]
pub enum Renewer {
    /// By token.
    Token(Caller),
    /// By client certificate.
    Certificate(PeerCertificate),
}

impl FromRequestParts<AppState> for Renewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        // If there is a token, it alone decides, valid or not: a bad one must not fall back to something weaker.
        if parts.headers.contains_key(AUTHORIZATION) {
            return Caller::from_request_parts(parts, state).await.map(Self::Token);
        }
        let peer = parts
            .extensions
            .get::<Arc<PeerCertificate>>()
            .map(|peer| PeerCertificate::clone(peer));
        peer.map(Self::Certificate).ok_or_else(|| {
            Problem::unauthenticated(
                "renew with the client certificate that is to be renewed, or with a token of scope `issue`",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_credentials_are_tokens() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer "), None);
        assert_eq!(bearer("Bearer"), None);
    }
}
