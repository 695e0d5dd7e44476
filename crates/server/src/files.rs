//! Published files over HTTP: CA certificates, CRLs, the bundle (RFC 5280 section 4.2.1.13, RFC 9110 sections 13, 14).

mod conditional;
mod range;

use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use chancery_authority::port::publication::Stat;
use chancery_authority::port::{Content, PublishedName};
use futures_util::StreamExt as _;

use crate::api::problem::Problem;
use crate::app::AppState;
use range::Wanted;

/// Octets read from a file at a time; what is longer is streamed and never whole in memory.
const PIECE: usize = 256 * 1024;

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
    let opened = state.authority.ports().publication.open(&name).await.map_err(|error| {
        tracing::error!(%error, "a published file cannot be read");
        Problem::unavailable("the file cannot be read at the moment; try again")
    })?;
    let (stat, content) = opened.ok_or_else(missing)?;

    let modified = UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.modified.0).unwrap_or(0));
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
                "precondition_failed",
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
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        body(content, first, len, &stat)?
    };
    Ok((status, answer, body).into_response())
}

/// Content type and cache lifetime by name. Certificates are published as PEM (the drop-in contract), CRLs as DER and PEM.
///
/// A CRL may be replaced at any moment, by a revocation, so caches ask again soon; CA certificates hardly ever change.
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

fn text(value: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(value).map_err(|_| Problem::internal())
}

/// `len` octets from `first` on: at once if they are few, else in pieces as the client takes them.
fn body(mut content: Box<dyn Content>, first: u64, len: u64, stat: &Stat) -> Result<Body, Problem> {
    let failed = |error: std::io::Error| {
        tracing::error!(%error, etag = stat.etag.0, "a published file cannot be read");
        Problem::unavailable("the file cannot be read at the moment; try again")
    };
    content.seek(SeekFrom::Start(first)).map_err(failed)?;
    if len <= PIECE as u64 {
        let mut octets = Vec::with_capacity(usize::try_from(len).unwrap_or(PIECE));
        content.take(len).read_to_end(&mut octets).map_err(failed)?;
        return Ok(Body::from(octets));
    }
    // After a failure there is nothing left to read: the stream ends, and with it the connection.
    let pieces = futures_util::stream::unfold(Some((content, len)), async |state| {
        let (mut content, left) = state.filter(|(_, left)| *left > 0)?;
        let read = tokio::task::spawn_blocking(move || {
            let mut octets = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
            content.read_exact(&mut octets).map(|()| (content, octets))
        });
        Some(match read.await.map_err(std::io::Error::other).and_then(|read| read) {
            Ok((content, octets)) => {
                let left = left - octets.len() as u64;
                (Ok(Bytes::from(octets)), Some((content, left)))
            }
            Err(error) => (Err(error), None),
        })
    });
    Ok(Body::from_stream(pieces.boxed()))
}
