//! Published files over HTTP: CA certificates, CRLs, the bundle (RFC 5280 section 4.2.1.13, RFC 9110 sections 13, 14).

mod conditional;
pub(crate) mod copies;
mod range;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use chancery_api::problem::ErrorCode;
use chancery_authority::port::PublishedName;
use chancery_authority::port::publication::Stat;

use crate::api::problem::Problem;
use crate::listen::AnswerMemory;
use crate::state::AppState;
use range::Wanted;

/// Serves a published file to GET and HEAD.
pub async fn serve(
    State(state): State<AppState>,
    Path(file): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("no such file is published; /api/v1/authorities lists what is");
    let (content_type, lifetime) = kind(&file).ok_or_else(missing)?;
    let name = PublishedName::new(file).map_err(|_| missing())?;
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, %name, "a published file cannot be read");
        Problem::unavailable("the file cannot be read at the moment; try again")
    };
    let publication = state.authority.ports().publication.as_ref();
    let stat = publication.stat(&name).await.map_err(|error| unreadable(&error))?;
    let mut stat = stat.ok_or_else(missing)?;
    // Only an answer with content needs a copy, whose metadata then applies.
    let copy = if method == Method::HEAD
        || conditional::evaluate(&headers, &stat.etag.0, modified(&stat)) != conditional::Outcome::Proceed
    {
        None
    } else {
        let copy = state.copies.of(publication, &name, &stat).await;
        let copy = copy.map_err(|error| unreadable(&error))?.ok_or_else(missing)?;
        stat = copy.stat.clone();
        Some(copy)
    };

    let modified = modified(&stat);
    let etag = HeaderValue::from_str(&format!("\"{}\"", stat.etag.0)).map_err(|_| Problem::internal())?;
    let mut answer = HeaderMap::new();
    answer.insert(LAST_MODIFIED, text(&httpdate::fmt_http_date(modified))?);
    answer.insert(
        CACHE_CONTROL,
        text(&format!("public, max-age={}, must-revalidate", lifetime.as_secs()))?,
    );
    answer.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));

    match conditional::evaluate(&headers, &stat.etag.0, modified) {
        conditional::Outcome::Proceed => {}
        conditional::Outcome::NotModified => {
            answer.insert(ETAG, etag);
            return Ok((StatusCode::NOT_MODIFIED, answer).into_response());
        }
        conditional::Outcome::Failed => {
            return Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                ErrorCode::PreconditionFailed,
                "the file is another version",
            ));
        }
    }
    let wanted = if conditional::range_applies(&headers, &stat.etag.0, modified) {
        range::wanted(&headers, stat.len)
    } else {
        Wanted::Whole
    };
    answer.insert(ETAG, etag);
    answer.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let (status, first, len) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0, stat.len),
        Wanted::Part { first, len } => {
            answer.insert(
                CONTENT_RANGE,
                text(&format!("bytes {first}-{}/{}", first + len - 1, stat.len))?,
            );
            (StatusCode::PARTIAL_CONTENT, first, len)
        }
        Wanted::Unsatisfiable => {
            answer.remove(CONTENT_TYPE);
            answer.insert(CONTENT_RANGE, text(&format!("bytes */{}", stat.len))?);
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, answer).into_response());
        }
    };
    answer.insert(CONTENT_LENGTH, HeaderValue::from(len));
    let Some(copy) = copy else {
        return Ok((status, answer, Body::empty()).into_response());
    };
    let memory = copy.memory_of_a_reader();
    let mut response = (status, answer, copy.part(first, len)).into_response();
    response.extensions_mut().insert(AnswerMemory(memory));
    Ok(response)
}

/// Content type and cache lifetime by name. Certificates are published as PEM (the drop-in contract), CRLs as DER and PEM.
///
/// A revocation may replace a CRL at any moment, so caches revalidate it soon; CA certificates hardly ever change.
#[allow(clippy::case_sensitive_file_extension_comparisons)] // published names are all in small letters
fn kind(name: &str) -> Option<(&'static str, Duration)> {
    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);
    if name.ends_with(".crl") {
        Some(("application/pkix-crl", MINUTE))
    } else if name.ends_with(".crl.pem") {
        Some(("application/x-pem-file", MINUTE))
    } else if name.ends_with(".crt") || name.ends_with(".pem") {
        Some(("application/x-pem-file", HOUR))
    } else {
        None
    }
}

fn modified(stat: &Stat) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.modified.0).unwrap_or(0))
}

fn text(value: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(value).map_err(|_| Problem::internal())
}
