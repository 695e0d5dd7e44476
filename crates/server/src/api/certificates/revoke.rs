//! `POST /certificates/{serial}/revoke`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chancery_authority::publish::PublishError;
use chancery_authority::revoke::{RevokeError, RevokedCertificate};
use chancery_x509::crl::RevocationReason;
use chancery_x509::time::UnixTime;
use serde::{Deserialize, Serialize};

use super::{Body, octets, serial, time};
use crate::access::Caller;
use crate::api::crls::problem_of;
use crate::api::problem::{Problem, ProblemBody};
use crate::api::record::CertificateEntry;
use crate::app::AppState;
use chancery_authority::Scope;

/// What a revocation may say; an empty body gives no reason.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// `keyCompromise`, `cACompromise`, `affiliationChanged`, `superseded`, `cessationOfOperation`, `privilegeWithdrawn`,
    /// `aACompromise`, `unspecified`.
    #[schema(example = "keyCompromise")]
    reason: Option<String>,
    /// When the key is known or thought to have become invalid (RFC 3339).
    invalidity_date: Option<String>,
}

/// A revocation's outcome.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RevokeAnswer {
    /// The certificate as it stands now.
    pub certificate: CertificateEntry,
    /// Whether it was revoked before.
    pub already_revoked: bool,
    /// Why no published CRL was seen to list it; it is tried again by itself. Absent: one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_problem: Option<String>,
}

impl RevokeAnswer {
    /// Tells a revocation as it stands at that time: of a CRL that was not published, what `told` says of it.
    pub fn new(revoked: &RevokedCertificate, now: UnixTime, told: impl Fn(&PublishError) -> String) -> Self {
        let problem = match &revoked.crl {
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(told(error)),
            None => Some("this CA's CRLs are not published at once; the next one will list it".to_owned()),
        };
        Self {
            certificate: CertificateEntry::new(&revoked.record, now),
            already_revoked: revoked.already,
            crl_problem: problem,
        }
    }
}

impl From<RevokeError> for Problem {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::NotFound(_) => Self::not_found(error.to_string()),
            RevokeError::Root(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "root", error.to_string()),
            RevokeError::InvalidityDate { .. } => Self::bad_request(error.to_string()),
            RevokeError::Ledger(error) => error.into(),
            other => {
                tracing::error!(error = %other, "a revocation failed");
                Self::internal()
            }
        }
    }
}

/// Revokes a certificate, for good, and publishes the CRL.
#[utoipa::path(post, path = "/api/v1/certificates/{serial}/revoke", tag = "certificates", request_body = RevokeRequest,
    params(("serial" = String, Path, description = "Serial number, decimal or 0x…")),
    responses(
        (status = 200, description = "It is revoked", body = RevokeAnswer),
        (status = 400, description = "No such reason, or a malformed date", body = ProblemBody),
        (status = 401, description = "No valid token", body = ProblemBody),
        (status = 403, description = "The token lacks the scope `revoke`", body = ProblemBody),
        (status = 404, description = "No such certificate", body = ProblemBody)))]
pub async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path(text): Path<String>,
    body: Body,
) -> Result<Json<RevokeAnswer>, Problem> {
    let principal = caller.allowed(Scope::Revoke)?;
    let serial = serial(&text)?;
    let body = octets(body)?;
    let request: RevokeRequest = if body.is_empty() {
        RevokeRequest::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Problem::bad_request(format!("the request cannot be read: {error}")))?
    };
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
    let revoked = state
        .authority
        .revoke(serial, reason, invalidity_date, principal)
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
        "{name:.40} is no reason to revoke for good; use one of {}",
        names.join(", ")
    ))
}
