//! Whether the authority works: for load balancers and for people.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::AppState;

/// Answer to `GET /health`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// `ok`; `degraded` if it issues but a CRL is stale, or some are turned away; `failing` if the ledger cannot be read.
    #[schema(example = "ok")]
    status: &'static str,
    /// Version of the program.
    version: &'static str,
    /// What is wrong, each in a sentence.
    problems: Vec<String>,
}

/// The ledger is read and the age of every CRL looked at.
#[utoipa::path(get, path = "/api/v1/health", tag = "operation", security(()),
    responses((status = 200, description = "It works, perhaps degraded", body = Health), (status = 503, description = "It does not work", body = Health)))]
pub async fn health(State(state): State<AppState>) -> Response {
    let mut problems = Vec::new();
    let mut code = StatusCode::OK;
    let mut status = "ok";
    if let Err(error) = state.authority.ports().ledger.counts().await {
        tracing::error!(%error, "health: the ledger failed");
        problems.push("the ledger cannot be read".to_owned());
        code = StatusCode::SERVICE_UNAVAILABLE;
        status = "failing";
    } else {
        for crl in state.authority.crl_status().await {
            if let Some(problem) = super::crls::problem(&crl) {
                problems.push(format!("{}: {problem}", crl.name));
                status = "degraded";
            }
        }
    }
    let shed = state.load().problems();
    if !shed.is_empty() && status == "ok" {
        status = "degraded";
    }
    problems.extend(shed.into_iter().map(str::to_owned));
    (
        code,
        Json(Health {
            status,
            version: env!("CARGO_PKG_VERSION"),
            problems,
        }),
    )
        .into_response()
}
