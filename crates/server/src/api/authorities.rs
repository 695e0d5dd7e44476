//! The CAs of this authority.

use axum::Json;
use axum::extract::State;
use chancery_api::authorities::{Authorities, AuthorityEntry};
use chancery_authority::config::Config;

use crate::state::AppState;

/// CA certificates are public: no token is asked for.
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
            key_algorithm: ca.issuer.public_key().algorithm().name().to_owned(),
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
