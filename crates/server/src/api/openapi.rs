//! `GET /openapi.json`: the API's description.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::listen::AnswerMemory;

/// `GET /openapi.json`
pub async fn document() -> Response {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| Bytes::from(chancery_api::openapi::json())).clone();
    // One text for all answers: slow readers take no memory of their own.
    let mut answer = ([(CONTENT_TYPE, "application/json")], text).into_response();
    answer.extensions_mut().insert(AnswerMemory(0));
    answer
}
