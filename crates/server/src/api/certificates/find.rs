//! `GET /certificates` and `GET /certificates/{serial_number}`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chancery_authority::port::ledger::{Cursor, Search};
use chancery_authority::{CaName, TokenScope};
use chancery_x509::key::KeyFingerprint;
use serde::{Deserialize, Serialize};

use super::{PathText, serial, time};
use crate::access::Caller;
use crate::api::problem::{Problem, ProblemBody};
use crate::api::record::CertificateEntry;
use crate::api::schema;
use crate::app::AppState;

/// Certificates in a page, where the request gives no limit.
const PAGE: usize = 100;
/// Most certificates in a page.
const MAX_PAGE: usize = 1000;

/// Conditions of a search; all that are given must hold.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Exactly this common name, or with `*` at its end all that begin so.
    #[param(value_type = String, required = false)]
    pub common_name: Option<String>,
    /// Issued by this CA.
    #[param(value_type = String, required = false, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub issuer: Option<String>,
    /// SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
    #[param(value_type = String, required = false, pattern = "^[0-9a-fA-F]{64}$")]
    pub key_sha256: Option<String>,
    /// notAfter at or after this time (RFC 3339).
    #[param(value_type = String, required = false, format = DateTime)]
    pub expires_from: Option<String>,
    /// notAfter before this time (RFC 3339).
    #[param(value_type = String, required = false, format = DateTime)]
    pub expires_before: Option<String>,
    /// Revoked ones only, or unrevoked ones only.
    #[param(value_type = bool, required = false)]
    pub revoked: Option<bool>,
    /// Oldest first instead of newest first.
    #[param(value_type = bool, required = false)]
    pub oldest_first: Option<bool>,
    /// Certificates in the page: 1 to 1000, by default 100.
    #[param(value_type = usize, required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<usize>,
    /// `next` of the page before.
    #[param(value_type = String, required = false, pattern = "^[0-9]{1,18}$")]
    pub after: Option<String>,
}

/// A page of certificates.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CertificatePage {
    /// The certificates.
    pub certificates: Vec<CertificateEntry>,
    /// What to send as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl SearchQuery {
    /// The ledger's search.
    pub fn search(&self) -> Result<Search, Problem> {
        let issuer = self.issuer.as_deref().map(CaName::new).transpose();
        let key = self.key_sha256.as_deref().map(|text| {
            let octets = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
            octets
                .and_then(|octets| octets.try_into().ok())
                .map(KeyFingerprint)
                .ok_or_else(|| Problem::bad_request("key_sha256 must be 64 hexadecimal digits"))
        });
        Ok(Search {
            issuer: issuer.map_err(|error| Problem::bad_request(format!("issuer: {error}")))?,
            common_name: self.common_name.clone(),
            key: key.transpose()?,
            expires_from: self
                .expires_from
                .as_deref()
                .map(|text| time("expires_from", text))
                .transpose()?,
            expires_before: self
                .expires_before
                .as_deref()
                .map(|text| time("expires_before", text))
                .transpose()?,
            revoked: self.revoked,
            oldest_first: self.oldest_first.unwrap_or(false),
        })
    }
}

/// Finds certificates, page by page.
#[utoipa::path(get, path = "/api/v1/certificates", tag = "certificates", params(SearchQuery),
    responses(
        (status = 200, description = "A page", body = CertificatePage, links(
            ("The newest of them" = (operation_id = "show",
                parameters(("serial_number" = "$response.body#/certificates/0/serial_number")))),
            ("Renew it" = (operation_id = "renew",
                parameters(("serial_number" = "$response.body#/certificates/0/serial_number")))),
            ("Revoke it" = (operation_id = "revoke",
                parameters(("serial_number" = "$response.body#/certificates/0/serial_number")))))),
        (status = 400, description = "A condition is malformed, or `after` is not the `next` of a page", body = ProblemBody)))]
pub async fn search(
    State(state): State<AppState>,
    caller: Caller,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<Json<CertificatePage>, Problem> {
    caller.allowed(TokenScope::Read)?;
    let Query(query) = query.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!("limit must be 1 to {MAX_PAGE}")));
    }
    let after = query.after.clone().map(Cursor);
    let page = state.authority.search(&query.search()?, after.as_ref(), limit).await?;
    let now = state.authority.ports().clock.now();
    Ok(Json(CertificatePage {
        certificates: page
            .certificates
            .iter()
            .map(|record| CertificateEntry::new(record, now))
            .collect(),
        next: page.next.map(|cursor| cursor.0),
    }))
}

/// One certificate.
#[utoipa::path(get, path = "/api/v1/certificates/{serial_number}", tag = "certificates",
    params(schema::SerialParameter),
    responses(
        (status = 200, description = "The certificate", body = CertificateEntry),
        (status = 400, description = "That is no serial number", body = ProblemBody),
        (status = 404, description = "No such certificate", body = ProblemBody)))]
pub async fn show(
    State(state): State<AppState>,
    caller: Caller,
    text: PathText,
) -> Result<Json<CertificateEntry>, Problem> {
    caller.allowed(TokenScope::Read)?;
    let serial = serial(&text)?;
    let record = state.authority.certificate(serial).await?;
    let record =
        record.ok_or_else(|| Problem::not_found(format!("there is no certificate with serial number {serial}")))?;
    Ok(Json(CertificateEntry::new(
        &record,
        state.authority.ports().clock.now(),
    )))
}
