//! `GET /certificates` and `GET /certificates/{serial_number}`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chancery_api::authority::BadCondition;
use chancery_api::certificates::{CertificateEntry, CertificatePage, SearchQuery};
use chancery_authority::TokenScope;
use chancery_authority::port::ledger::Cursor;

use super::{PathText, serial};
use crate::access::Caller;
use crate::api::problem::Problem;
use crate::state::AppState;

/// Certificates in a page, where the request gives no limit.
const PAGE: usize = 100;
/// Most certificates in a page.
const MAX_PAGE: usize = 1000;

impl From<BadCondition> for Problem {
    fn from(error: BadCondition) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// Finds certificates, page by page.
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
    Ok(Json(CertificatePage::new(page, now)))
}

/// One certificate.
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
