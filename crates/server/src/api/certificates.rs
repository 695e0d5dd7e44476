//! Certificates: issue, find, show, renew, revoke.

mod find;
mod issue;
mod revoke;

pub use find::*;
pub use issue::*;
pub use revoke::*;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::problem::Problem;
use crate::listen::TooSlow;

/// A request's body, or why it did not arrive.
pub(crate) type Body = Result<Bytes, BytesRejection>;

pub(crate) fn octets(body: Body) -> Result<Bytes, Problem> {
    body.map_err(|rejection| match rejection.status() {
        _ if was_slow(&rejection) => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "the request's body arrived too slowly: send it at once, or faster",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the request is too large")
        }
        _ => Problem::bad_request("the request's body did not arrive whole and in time"),
    })
}

fn was_slow(rejection: &BytesRejection) -> bool {
    std::iter::successors(Some(rejection as &dyn std::error::Error), |error| error.source())
        .any(|error| error.is::<TooSlow>())
}

fn serial(text: &str) -> Result<Serial, Problem> {
    text.parse()
        .map_err(|error| Problem::bad_request(format!("{text:.64} is no serial number: {error}")))
}

/// RFC 3339, to the second.
fn time(field: &str, text: &str) -> Result<UnixTime, Problem> {
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|time| UnixTime(time.as_second()))
        .map_err(|_| Problem::bad_request(format!("{field} must be a time such as 2026-11-23T20:00:00Z")))
}
