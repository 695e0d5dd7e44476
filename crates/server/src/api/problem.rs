//! Errors as answers: a status, a stable code for programs, a sentence for people. Internal details are logged and
//! never part of an answer.

use std::fmt;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chancery_api::problem::{ErrorCode, ProblemBody};
use chancery_authority::port::LedgerError;

/// An error answer.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    body: ProblemBody,
}

impl Problem {
    /// A problem with any status and code.
    pub fn new(status: StatusCode, code: impl Into<ErrorCode>, error: impl Into<String>) -> Self {
        Self {
            status,
            body: ProblemBody {
                error: error.into(),
                code: code.into(),
            },
        }
    }

    /// 400
    pub fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, error)
    }

    /// 422: well formed, but unusable for its purpose.
    pub fn unusable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::Unusable, error)
    }

    /// 401
    pub fn unauthenticated(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated, error)
    }

    /// 403
    pub fn forbidden(error: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, error)
    }

    /// 404
    pub fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, error)
    }

    /// 405
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::MethodNotAllowed,
            "this path takes other methods; see /api/v1/openapi.json",
        )
    }

    /// 500, without internal details.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Internal,
            "something went wrong inside; the server's log says what",
        )
    }

    /// 503: the caller may try again.
    pub fn unavailable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, error)
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
            LedgerError::Unavailable { .. } | LedgerError::NotCreated { .. } => {
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
