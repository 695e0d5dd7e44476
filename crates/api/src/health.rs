//! Whether an authority works: for load balancers and for people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer to `GET /health`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`; `degraded` if a CRL is stale or lacks revocations, the ledger cannot be written, a CA is revoked, the
    /// server's own certificate cannot be renewed, or connections or requests are turned away; `failing` if the ledger
    /// cannot be read.
    #[schema(value_type = String, example = "ok")]
    pub status: HealthStatus,
    /// Version of the program.
    pub version: String,
    /// What is wrong, each in a sentence.
    pub problems: Vec<String>,
}

/// Whether it works, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// All is well.
    Ok,
    /// It works, and something is wrong.
    Degraded,
    /// It does not work.
    Failing,
}
