//! The CAs of this authority.

use axum::Json;
use axum::extract::State;
use chancery_authority::config::Config;
use serde::Serialize;

use crate::app::AppState;

/// A CA.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AuthorityEntry {
    /// Its name.
    #[schema(example = "chancery-issuing-ca")]
    name: String,
    /// The CA above; absent for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// RFC 4514.
    subject: String,
    /// Algorithm of its key.
    #[schema(example = "p256")]
    key_algorithm: &'static str,
    /// Decimal.
    serial_number: String,
    /// RFC 3339.
    not_before: String,
    /// RFC 3339.
    not_after: String,
    /// PEM.
    certificate: String,
    /// Paths of what is published about it on this server.
    published: Vec<String>,
}

/// Answer to `GET /authorities`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Authorities {
    /// Parents first.
    authorities: Vec<AuthorityEntry>,
}

/// CA certificates are public: no token is asked for.
#[utoipa::path(get, path = "/api/v1/authorities", tag = "authorities", security(()),
    responses((status = 200, description = "The CAs, parents first", body = Authorities)))]
pub async fn list(State(state): State<AppState>) -> Json<Authorities> {
    let scopes = state.authority.crl_scopes();
    let entry = |ca: &std::sync::Arc<chancery_authority::authority::Ca>| {
        let certificate = ca.certificate();
        let crls = scopes
            .iter()
            .filter(|scope| &scope.issuer == ca.name())
            .map(Config::crl_name);
        AuthorityEntry {
            name: ca.name().to_string(),
            parent: ca.record.parent.as_ref().map(ToString::to_string),
            subject: certificate.subject().to_rfc4514(),
            key_algorithm: ca.issuer.public_key().algorithm().name(),
            serial_number: certificate.serial().to_string(),
            not_before: certificate.not_before().to_string(),
            not_after: certificate.not_after().to_string(),
            certificate: certificate.to_pem(),
            published: std::iter::once(Config::crt_name(ca.name()))
                .chain(crls)
                .map(|name| format!("/{name}"))
                .collect(),
        }
    };
    Json(Authorities {
        authorities: state.authority.cas().iter().map(entry).collect(),
    })
}
