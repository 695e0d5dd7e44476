//! `POST /certificates/{serial_number}/revoke`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chancery_authority::port::ledger::{Kind, Reach, UnreadableRow};
use chancery_authority::publish::PublishError;
use chancery_authority::revoke::{Affected, RevokeError, RevokedCertificate};
use chancery_x509::crl::RevocationReason;
use chancery_x509::time::UnixTime;
use serde::{Deserialize, Serialize};

use super::{Body, PathText, given, object, octets, serial, time};
use crate::access::Caller;
use crate::api::crls::problem_of;
use crate::api::problem::{Problem, ProblemBody};
use crate::api::record::CertificateEntry;
use crate::api::schema;
use crate::app::AppState;
use chancery_authority::TokenScope;

/// What a revocation may say; an empty body gives no reason.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// `keyCompromise`, `cACompromise`, `affiliationChanged`, `superseded`, `cessationOfOperation`, `privilegeWithdrawn`,
    /// `aACompromise`, `unspecified`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schema::Reason, required = false, example = "keyCompromise")]
    reason: Option<String>,
    /// When the key is known or suspected to have been compromised, or the certificate became invalid (RFC 3339).
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, format = DateTime, required = false, example = "2026-11-23T20:00:00Z")]
    invalidity_date: Option<String>,
    /// With the reason `keyCompromise` or `cACompromise`: revokes this certificate alone, and neither the others of its
    /// key nor those that descend from them by renewal. The key is blocked nevertheless.
    #[serde(default)]
    only: bool,
}

/// A revocation's outcome.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RevokeAnswer {
    /// The certificate's entry after the revocation.
    pub certificate: CertificateEntry,
    /// Whether it was revoked before.
    pub already_revoked: bool,
    /// Why no published CRL is known to list it; the server tries again. Absent: a published CRL lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_problem: Option<String>,
    /// Others that were revoked with it, because the key is compromised: those of the same key, and what descends from
    /// them by renewal.
    pub also_revoked: Vec<AffectedCertificate>,
    /// Certificates and intents to be revoked or given up with it that the ledger cannot read: they did not stop the
    /// revocation, and must be repaired.
    pub unreadable: Vec<UnreadableEntry>,
    /// Certificates of the same key that are still valid, at most 100; if the key is compromised (`only`), also those
    /// that descend from it by renewal. They were not changed.
    pub still_valid: Vec<AffectedCertificate>,
    /// Whether there are more of them, or they could not be determined.
    pub still_valid_is_incomplete: bool,
}

/// Another certificate that a revocation concerns.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AffectedCertificate {
    /// Decimal.
    #[schema(example = "421739264938475629384756")]
    serial_number: String,
    /// The CA that issued it.
    #[schema(example = "chancery-issuing-ca")]
    issuer: String,
    /// Empty where the subject has none.
    common_name: String,
    /// RFC 3339.
    not_after: String,
    /// Whether it has the same key; otherwise it descends from one that has, by renewal.
    same_key: bool,
}

/// Something that shares the certificate's fate, and of which the ledger cannot read everything.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UnreadableEntry {
    /// What it is called, and what is wrong with it.
    what: String,
    /// Whether it was revoked or given up all the same. If not: mend it, and revoke again.
    is_done: bool,
}

impl From<&UnreadableRow> for UnreadableEntry {
    fn from(row: &UnreadableRow) -> Self {
        Self {
            what: row.what.clone(),
            is_done: row.is_done,
        }
    }
}

impl From<&Affected> for AffectedCertificate {
    fn from(affected: &Affected) -> Self {
        Self {
            serial_number: affected.id.serial.to_string(),
            issuer: affected.id.issuer.to_string(),
            common_name: affected.common_name.clone(),
            not_after: affected.not_after.to_string(),
            same_key: affected.same_key,
        }
    }
}

impl RevokeAnswer {
    /// Describes a revocation as of that time; `told` turns the error of an unpublished CRL into text.
    pub fn new(revoked: &RevokedCertificate, now: UnixTime, told: impl Fn(&PublishError) -> String) -> Self {
        let of_others = revoked.other_crls.iter().find_map(|(_, crl)| crl.as_ref().err());
        let problem = match &revoked.crl {
            Some(Ok(_)) => of_others.map(told),
            Some(Err(error)) => Some(told(error)),
            None => Some("this CA's CRLs are not published at once; the next one will list it".to_owned()),
        };
        let still_valid = revoked.still_valid.as_ref();
        Self {
            certificate: CertificateEntry::new(&revoked.record, now),
            already_revoked: revoked.already,
            crl_problem: problem,
            also_revoked: revoked.others.iter().map(AffectedCertificate::from).collect(),
            unreadable: revoked.unreadable.iter().map(UnreadableEntry::from).collect(),
            still_valid: still_valid
                .into_iter()
                .flat_map(|left| left.certificates.iter().map(AffectedCertificate::from))
                .collect(),
            still_valid_is_incomplete: still_valid.is_none_or(|left| left.has_more),
        }
    }
}

impl From<RevokeError> for Problem {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::NotFound(_) => Self::not_found(error.to_string()),
            RevokeError::Root(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "root", error.to_string()),
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
#[utoipa::path(post, path = "/api/v1/certificates/{serial_number}/revoke", tag = "certificates", request_body = RevokeRequest,
    params(schema::SerialParameter),
    responses(
        (status = 200, description = "It is revoked", body = RevokeAnswer, links(("The certificate" = (operation_id = "show",
            parameters(("serial_number" = "$response.body#/certificate/serial_number")))))),
        (status = 400, description = "The request is malformed: there is no such reason, or the date is no time", body = ProblemBody),
        (status = 403, description = "The token lacks the scope `revoke`, or for a CA's certificate `admin`", body = ProblemBody),
        (status = 404, description = "No such certificate", body = ProblemBody),
        (status = 422, description = "A root, or a date that lies in the future", body = ProblemBody)))]
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
    let found = state.authority.ports().ledger.certificate_to_revoke(serial).await?;
    if found.is_some_and(|found| matches!(found.record.kind, Kind::Authority { .. })) {
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
