//! `POST /certificates/{serial_number}/revoke`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chancery_api::authority::{NoTime, time};
use chancery_api::problem::ErrorCode;
use chancery_api::revoke::{RevokeAnswer, RevokeRequest};
use chancery_authority::TokenScope;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{CertificateRecord, Reach, Search, compromises_key};
use chancery_authority::revoke::RevokeError;
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;

use super::{Body, PathText, object, octets, serial};
use crate::access::Caller;
use crate::api::problem::Problem;
use crate::publications::problem_of;
use crate::state::AppState;

/// Certificates of a key that are read at a time.
const PAGE: usize = 100;

impl From<NoTime> for Problem {
    fn from(error: NoTime) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<RevokeError> for Problem {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::NotFound(_) => Self::not_found(error.to_string()),
            RevokeError::Root(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::Root, error.to_string()),
            RevokeError::InvalidityDate { .. } | RevokeError::NoInvalidityDate { .. } => {
                Self::unusable(error.to_string())
            }
            RevokeError::Ledger(error) => error.into(),
            other => {
                tracing::error!(error = %other, "a revocation failed");
                Self::internal()
            }
        }
    }
}

/// Revokes a certificate, for good, and publishes the CRL.
///
/// `keyCompromise` and `cACompromise` revoke every certificate of the same key, whatever its name, and every one that
/// descends from any certificate of the key by renewal, and block the key: no certificate is issued for it again.
///
/// A CA's certificate needs a token of scope `admin`: nothing is issued or renewed under it from then on.
pub async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    text: PathText,
    body: Body,
) -> Result<Json<RevokeAnswer>, Problem> {
    let principal = caller.allowed(TokenScope::Revoke)?;
    let serial = serial(&text)?;
    let request: RevokeRequest = object(&octets(body)?)?;
    let reason = match request.reason.as_deref() {
        None => RevocationReason::Unspecified,
        Some(name) => RevocationReason::from_name(name)
            .filter(|reason| reason.is_offered())
            .ok_or_else(|| unknown_reason(name))?,
    };
    let invalidity_date = request
        .invalidity_date
        .as_deref()
        .map(|text| time("invalidity_date", text))
        .transpose()?;
    // Revoking a CA ends everything below it: a token that revokes leaves by the hundred must not do it.
    let found = state
        .authority
        .ports()
        .ledger
        .revocations()
        .certificate_to_revoke(serial, None)
        .await?;
    if let Some(found) = found
        && (found.record.is_ca() || (compromises_key(reason) && has_ca_certificate(&state, found.record.key).await?))
    {
        caller.allowed(TokenScope::Admin)?;
    }
    let reach = if request.only { Reach::Certificate } else { Reach::Key };
    let revoked = state
        .authority
        .revoke_reaching(serial, reason, invalidity_date, principal, reach)
        .await?;
    Ok(Json(RevokeAnswer::new(
        &revoked,
        state.authority.ports().clock.now(),
        problem_of,
    )))
}

fn unknown_reason(name: &str) -> Problem {
    let offered = RevocationReason::ALL.into_iter().filter(|reason| reason.is_offered());
    let names: Vec<&str> = offered.map(RevocationReason::name).collect();
    Problem::bad_request(format!(
        "{name:.40} is not a supported revocation reason; use one of {}",
        names.join(", ")
    ))
}

/// Whether a CA has a certificate for that key: what compromises the key revokes it.
async fn has_ca_certificate(state: &AppState, key: KeyFingerprint) -> Result<bool, LedgerError> {
    let query = Search {
        key: Some(key),
        ..Search::default()
    };
    let mut after = None;
    loop {
        let page = state.authority.search(&query, after.as_ref(), PAGE).await?;
        if page.certificates.iter().any(CertificateRecord::is_ca) {
            return Ok(true);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(false),
        }
    }
}
