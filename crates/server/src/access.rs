//! Authentication and authorization. Everything that is not allowed here is refused.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chancery_authority::{Authority, Principal, TokenScope, TokenScopes};
use chancery_x509::certificate::Certificate;
use chancery_x509::serial::Serial;
use rustls_pki_types::CertificateDer;

use crate::api::problem::Problem;
use crate::app::AppState;

/// A token that was presented and is valid now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidToken {
    /// Id of the token, which does not reveal it.
    pub id: String,
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

/// The client certificate of the connection, as TLS verified it: it chains to this authority, and the client has proven
/// possession of its private key. Every use asks the ledger whether it is revoked.
///
/// It does not authenticate its holder for anything else: TLS accepts it whatever its extended key usages are. It only
/// authorizes [`renewing`](Self::renewing) itself.
#[derive(Clone, Debug)]
pub struct PeerCertificate(CertificateDer<'static>);

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
        Ok(Self {
            principal: Principal::Token(token.id),
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

impl PeerCertificate {
    /// The certificate that TLS verified.
    pub(crate) fn verified(certificate: CertificateDer<'static>) -> Self {
        Self(certificate)
    }

    /// The principal for renewing the certificate of that serial number, if it is this one: the ledger has exactly this
    /// certificate, it is neither revoked nor expired, and no CA above it is revoked.
    pub async fn renewing(&self, serial: Serial, authority: &Authority) -> Result<Principal, Problem> {
        let refused = || Problem::forbidden("this client certificate was not issued here, or is revoked or expired");
        let certificate = Certificate::parse(&self.0).map_err(|_| refused())?;
        let record = authority
            .certificate(certificate.serial())
            .await
            .map_err(Problem::from)?;
        let Some(record) = record else {
            authority.hear_of(&certificate).await?;
            return Err(refused());
        };
        let now = authority.ports().clock.now();
        let current = record.not_before <= now && now <= record.not_after;
        if record.certificate != certificate.as_der() || record.revocation.is_some() || !current {
            return Err(refused());
        }
        // TLS does not check revocation; nothing below a revoked CA is accepted.
        if authority.revoked_in_chain(&record.id.issuer).await?.is_some() {
            return Err(refused());
        }
        if certificate.serial() != serial {
            return Err(Problem::forbidden("a client certificate can renew itself and no other"));
        }
        Ok(Principal::Certificate(record.id.to_string()))
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
