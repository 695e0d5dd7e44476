//! Certificates: issue, search, show, renew, revoke.

mod find;
mod issue;
mod revoke;

pub use find::*;
pub use issue::*;
pub use revoke::*;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use chancery_api::problem::ErrorCode;
use chancery_x509::serial::Serial;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;
use crate::listen::TooSlow;

/// A request's body, or why it did not arrive.
pub(crate) type Body = Result<Bytes, BytesRejection>;

pub(crate) fn octets(body: Body) -> Result<Bytes, Problem> {
    body.map_err(|rejection| match rejection.status() {
        _ if was_slow(&rejection) => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            ErrorCode::TooSlow,
            "the request's body arrived too slowly: send it at once, or faster",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::TooLarge,
            "the request is too large",
        ),
        _ => Problem::bad_request("the request's body did not arrive whole and in time"),
    })
}

fn was_slow(rejection: &BytesRejection) -> bool {
    std::iter::successors(Some(rejection as &dyn std::error::Error), |error| error.source())
        .any(<dyn std::error::Error>::is::<TooSlow>)
}

/// A request's JSON object; the empty one where there is no body.
pub(crate) fn object<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    // serde accepts an array for a struct, its fields in order.
    let value: serde_json::Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("the request is no JSON object: {error}")))?;
    T::deserialize(Value::Object(value))
        .map_err(|error| Problem::bad_request(format!("the request cannot be read: {error}")))
}

/// The single variable part of a path.
pub struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        text.map(|Path(text)| Self(text))
            .map_err(|_| Problem::bad_request("the path is not UTF-8 text"))
    }
}

fn serial(PathText(text): &PathText) -> Result<Serial, Problem> {
    text.parse().map_err(|error| {
        let digits = text.strip_prefix("0x").map_or_else(
            || text.bytes().all(|digit| digit.is_ascii_digit()),
            |digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        );
        if digits && !text.is_empty() {
            // A number, but not one that a certificate can have.
            Problem::not_found(format!(
                "there is no certificate with serial number {text:.64}: {error}"
            ))
        } else {
            Problem::bad_request(format!("{text:.64} is no serial number: {error}"))
        }
    })
}
