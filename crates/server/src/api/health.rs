//! Whether the authority works: for load balancers and for people.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chancery_authority::CaName;
use serde::Serialize;

use crate::app::AppState;

/// Answer to `GET /health`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// `ok`; `degraded` if a CRL is stale or lacks revocations, the ledger cannot be written, a CA is revoked, the
    /// server's own certificate cannot be renewed, or connections or requests are turned away; `failing` if the ledger
    /// cannot be read.
    #[schema(example = "ok")]
    status: &'static str,
    /// Version of the program.
    version: &'static str,
    /// What is wrong, each in a sentence.
    problems: Vec<String>,
}

/// Most problems listed; further ones are counted.
const TOLD: usize = 50;

/// The answer where the ledger can be read but not written.
const UNWRITTEN: &str = "the ledger cannot be written: nothing is issued and nothing revoked; the server's log says why, and it is tried again";

/// The state of the ledger and of every CRL, read at most two seconds ago, or somewhat longer with many CRLs.
#[utoipa::path(get, path = "/api/v1/health", tag = "operation", security(()),
    responses((status = 200, description = "It works, perhaps degraded", body = Health), (status = 503, description = "It does not work", body = Health)))]
pub async fn health(State(state): State<AppState>) -> Response {
    let mut problems = Vec::new();
    let mut code = StatusCode::OK;
    let mut status = "ok";
    let standing = state.health.current(&state.authority).await;
    match standing.as_ref().map(|standing| (standing, &standing.counts)) {
        None => {
            problems.push("the ledger does not answer".to_owned());
            code = StatusCode::SERVICE_UNAVAILABLE;
            status = "failing";
        }
        Some((_, Err(error))) => {
            tracing::error!(%error, "health: the ledger failed");
            problems.push("the ledger cannot be read".to_owned());
            code = StatusCode::SERVICE_UNAVAILABLE;
            status = "failing";
        }
        Some((standing, Ok(_))) => {
            let revoked = standing.revoked.iter().map(|(ca, above)| nothing_issued(ca, above));
            let crls = standing.crls.iter().filter_map(|crl| {
                let problem = super::crls::problem(crl)?;
                Some(format!("{}: {problem}", crl.name))
            });
            let unknown = standing.unknown.iter().map(|ca| {
                format!("whether {ca}, or a CA above it, is revoked cannot be read from the ledger; the log says why")
            });
            let unwritten = standing.cannot_be_written.then(|| UNWRITTEN.to_owned());
            problems.extend(unwritten.into_iter().chain(revoked).chain(unknown).chain(crls));
            if !problems.is_empty() {
                status = "degraded";
            }
        }
    }
    let more = problems.len().saturating_sub(TOLD);
    if more > 0 {
        problems.truncate(TOLD);
        problems.push(format!("and {more} more; `chancery crl status` tells all"));
    }
    let shed = state.load().problems().into_iter().map(str::to_owned);
    let of_the_server: Vec<String> = state.identity.problem().into_iter().chain(shed).collect();
    if !of_the_server.is_empty() && status == "ok" {
        status = "degraded";
    }
    problems.extend(of_the_server);
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

/// The message for a CA in whose chain a certificate is revoked.
pub fn nothing_issued(ca: &CaName, revoked: &CaName) -> String {
    if ca == revoked {
        format!("the certificate of {ca} is revoked: nothing is issued under it")
    } else {
        format!("nothing is issued under {ca}: the certificate of {revoked}, above it, is revoked")
    }
}
