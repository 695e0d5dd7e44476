//! Whether the authority works: for load balancers and for people.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chancery_api::authority::problem;
use chancery_api::health::{Health, HealthStatus};

use crate::state::AppState;

/// Most problems listed; further ones are counted.
const SHOWN: usize = 50;

/// The answer where the ledger can be read but not written.
const UNWRITTEN: &str = "the ledger cannot be written: nothing is issued and nothing revoked; the server's log says why, and it is tried again";

/// The state of the ledger and of every CRL, read at most two seconds ago, or somewhat longer with many CRLs.
pub async fn health(State(state): State<AppState>) -> Response {
    let mut problems = Vec::new();
    let mut status = HealthStatus::Ok;
    let snapshot = state.health.current(&state.authority).await;
    match snapshot.as_ref().map(|snapshot| (snapshot, &snapshot.counts)) {
        None => {
            problems.push("the ledger does not answer".to_owned());
            status = HealthStatus::Failing;
        }
        Some((_, Err(error))) => {
            tracing::error!(%error, "health: the ledger failed");
            problems.push("the ledger cannot be read".to_owned());
            status = HealthStatus::Failing;
        }
        Some((snapshot, Ok(_))) => {
            let revoked = snapshot.revoked.iter().map(ToString::to_string);
            let crls = snapshot.crls.iter().filter_map(|crl| {
                let problem = problem(crl)?;
                Some(format!("{}: {problem}", crl.name))
            });
            let unknown = snapshot.unknown.iter().map(|ca| {
                format!("whether {ca}, or a CA above it, is revoked cannot be read from the ledger; the log says why")
            });
            let unwritten = snapshot.cannot_be_written.then(|| UNWRITTEN.to_owned());
            problems.extend(unwritten.into_iter().chain(revoked).chain(unknown).chain(crls));
            if !problems.is_empty() {
                status = HealthStatus::Degraded;
            }
        }
    }
    let more = problems.len().saturating_sub(SHOWN);
    if more > 0 {
        problems.truncate(SHOWN);
        problems.push(format!("and {more} more; `chancery crl status` tells all"));
    }
    let shed = state.load().problems().into_iter().map(str::to_owned);
    let of_the_server: Vec<String> = state.identity.problem().into_iter().chain(shed).collect();
    if !of_the_server.is_empty() {
        status = status.max(HealthStatus::Degraded);
    }
    problems.extend(of_the_server);
    let code = match status {
        HealthStatus::Ok | HealthStatus::Degraded => StatusCode::OK,
        HealthStatus::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    (
        code,
        Json(Health {
            status,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            problems,
        }),
    )
        .into_response()
}
