//! `POST /certificates` and `POST /certificates/{serial_number}/renew`.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_api::IDEMPOTENCY_KEY;
use chancery_api::issue::RenewRequest;
use chancery_authority::TokenScope;
use chancery_authority::issue::{IssueError, Issued, Refusal};
use chancery_authority::port::ledger::IdempotencyToken;
use chancery_contract::{ChainAnswer, IssueTlsCert as _, TlsCertAnswer, TlsCertRequest, budget};
use serde_json::Value;

use super::{Body, PathText, object, octets, serial};
use crate::access::{Caller, Renewer};
use crate::api::problem::Problem;
use crate::state::AppState;

/// Issues a certificate for a CSR.
///
/// With `ca_chain_only`, no certificate is issued, and the answer contains the chain alone.
pub async fn issue(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let principal = caller.allowed(TokenScope::Issue)?;
    let token = idempotency_token(&headers)?;
    let value: Value = serde_json::from_slice(&octets(body)?)
        .map_err(|error| Problem::bad_request(format!("the request is not JSON: {error}")))?;
    let mut request = match TlsCertRequest::from_value(&value) {
        Ok(request) => request,
        Err(malformed) => {
            state.authority.record_malformed(&value, &malformed, principal).await;
            state.metrics.rejected(malformed.code());
            // Beyond what the API's OpenAPI description can express, the request is well formed (422 instead of 400).
            let status = if malformed.is_of_form() {
                StatusCode::BAD_REQUEST
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            return Err(Problem::new(status, malformed.code(), malformed.to_string()));
        }
    };
    if request.ca_chain_only {
        let answer = ChainAnswer::new(&state.authority, &request);
        return answer
            .map(|answer| Json(answer).into_response())
            .ok_or_else(|| Problem::unavailable("there is no issuing CA yet"));
    }
    read_csr_file(&state, &mut request).await?;
    let issued = state.authority.issue_tls_cert(&request, principal, token).await;
    let issued = issued.map_err(|error| refused(&state, &error))?;
    state.metrics.issued(started.elapsed(), issued.replayed);
    log_warnings(&issued);
    Ok(Json(TlsCertAnswer::new(&state.authority, &issued, &request)).into_response())
}

/// Renews a certificate: the same names and usages, for the same key or that of a new CSR.
///
/// The holder of the certificate may renew it in the last part of its life (`renewal_window_divisor`, a third by
/// default), by presenting it as TLS client certificate, whatever it was issued for; the holder of a token with scope
/// `issue` may renew it with a CSR. A certificate has one successor at a time that is neither expired nor revoked; a
/// repeated request with the same `Idempotency-Key` gets that one. A certificate that is revoked, or descends from a
/// revoked one, is not renewed.
pub async fn renew(
    State(state): State<AppState>,
    renewer: Renewer,
    text: PathText,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let serial = serial(&text)?;
    let principal = match &renewer {
        Renewer::Token(caller) => caller.allowed(TokenScope::Issue)?.clone(),
        Renewer::Certificate(peer) => peer.renewing(serial, &state.authority).await?,
    };
    let token = idempotency_token(&headers)?;
    let request: RenewRequest = object(&octets(body)?)?;
    let csr = request.base64_csr_data.map(|text| {
        let decoded = (text.len() <= budget::CSR * 2)
            .then(|| BASE64_STANDARD.decode(text.trim()).ok())
            .flatten();
        decoded.ok_or_else(|| Problem::unusable("base64_csr_data is no base64 of a CSR"))
    });
    let issued = state
        .authority
        .renew(serial, csr.transpose()?.as_deref(), &principal, token)
        .await;
    let issued: Issued = issued.map_err(|error| refused(&state, &error))?;
    state.metrics.issued(started.elapsed(), issued.replayed);
    log_warnings(&issued);
    Ok(Json(TlsCertAnswer::new(
        &state.authority,
        &issued,
        &TlsCertRequest::default(),
    ))
    .into_response())
}

/// Logs what the answer's `Warnings` contain.
fn log_warnings(issued: &Issued) {
    for warning in &issued.warnings {
        tracing::warn!(serial = %issued.record.id.serial, warning, "not all of the request is in the certificate");
    }
}

/// The idempotency token of a request, if it has one.
fn idempotency_token(headers: &HeaderMap) -> Result<Option<IdempotencyToken>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let text = value.to_str().ok().filter(|text| (1..=128).contains(&text.len()));
    let text =
        text.ok_or_else(|| Problem::bad_request("Idempotency-Key must be 1 to 128 printable ASCII characters"))?;
    Ok(Some(IdempotencyToken(text.to_owned())))
}

/// Reads the CSR file that the request names, if it names one. Its names are those in the CSR: a server has no list
/// beside it.
async fn read_csr_file(state: &AppState, request: &mut TlsCertRequest) -> Result<(), Problem> {
    let Some(name) = request.csr_file().cloned() else {
        return Ok(());
    };
    let files = std::sync::Arc::clone(&state.requests);
    let found = tokio::task::spawn_blocking(move || files.find(&name)).await;
    let found = found.map_err(|error| {
        tracing::error!(%error, "reading a CSR file failed");
        Problem::unavailable("the CSR file cannot be read at the moment; try again")
    })?;
    request.resolve_csr(found, Vec::new());
    Ok(())
}

/// Answers and counts a failed issuance; internal details go to the log only.
fn refused(state: &AppState, error: &IssueError) -> Problem {
    if let Some(detail) = error.detail() {
        tracing::error!(code = error.code(), detail, "issuance failed");
    }
    let status = match error {
        IssueError::Refused(refusal) => {
            state.metrics.rejected(refusal.code());
            match refusal {
                Refusal::KeyInUse | Refusal::TokenReused | Refusal::AlreadyRenewed { .. } => StatusCode::CONFLICT,
                Refusal::NotFound { .. } => StatusCode::NOT_FOUND,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            }
        }
        IssueError::InProgress | IssueError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let detail = match error {
        // An operator who has just written the profile sees that the command on the data folder accepts it, and must
        // know this.
        IssueError::Refused(unknown @ Refusal::UnknownProfile { .. }) => {
            format!("{unknown}; a profile that is new or was changed needs the server restarted")
        }
        other => other.to_string(),
    };
    Problem::new(status, error.code(), detail)
}
