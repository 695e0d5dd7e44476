//! Errors as answers: a status, a stable code for programs, a sentence for people. Internal details are logged and
//! never part of an answer.

use std::fmt;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chancery_authority::port::LedgerError;
use serde::Serialize;

/// An error answer.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    body: ProblemBody,
}

/// The JSON of an error.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// What is wrong and what to do about it.
    #[schema(example = "Private key has already been used for a certificate")]
    pub error: String,
    /// Stable, for programs.
    #[schema(example = "key_in_use")]
    pub code: String,
}

impl Problem {
    /// A problem with any status and code.
    pub fn new(status: StatusCode, code: &str, error: impl Into<String>) -> Self {
        Self {
            status,
            body: ProblemBody {
                error: error.into(),
                code: code.to_owned(),
            },
        }
    }

    /// 400
    pub fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", error)
    }

    /// 422: well formed, but unusable for its purpose.
    pub fn unusable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable", error)
    }

    /// 401
    pub fn unauthenticated(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", error)
    }

    /// 403
    pub fn forbidden(error: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", error)
    }

    /// 404
    pub fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", error)
    }

    /// 405
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this path takes other methods; see /api/v1/openapi.json",
        )
    }

    /// 500, without internal details.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong inside; the server's log says what",
        )
    }

    /// 503: the caller may try again.
    pub fn unavailable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.body.error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::NotFound(serial) => {
                Self::not_found(format!("there is no certificate with serial number {serial}"))
            }
            LedgerError::ForeignCursor { .. } => Self::bad_request(format!("after: {error}")),
            LedgerError::Unavailable { .. } => {
                tracing::error!(%error, "the ledger is unavailable");
                Self::unavailable("the ledger is unavailable at the moment; try again")
            }
            other => {
                tracing::error!(error = %other, "the ledger failed");
                Self::internal()
            }
        }
    }
}
