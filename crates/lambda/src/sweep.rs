//! `sweep`: completes or gives up interrupted issuances, and measures the age of the CRLs.

use chancery_authority::port::LedgerError;
use chancery_deployment::failure::FailureKind;
use chancery_deployment::settings::CaRole;
use serde_json::{Value, json};

use crate::crl;
use crate::failure::Failure;
use crate::state::FunctionState;

/// Completes or gives up intents that stayed open. Given-up ones appear on the CRL at the next run of its function.
pub async fn handle(state: &FunctionState) -> Result<Value, Failure> {
    // Reads the CAs if they are not known: a process older than a CA would give up what it can now complete.
    state.know_all(CaRole::Issuing).await?;
    state.issuing_ca().await?;
    let swept = match state.authority.sweep_leaves().await {
        Err(error @ LedgerError::NotCreated { .. }) => {
            tracing::warn!(%error, "there is no journal to sweep yet");
            return Ok(Value::Null);
        }
        outcome => outcome?,
    };
    let measured = crl::measure_ages(state).await;
    for id in &swept.lost {
        tracing::error!(certificate = %id, "an issuance was given up; its serial number goes on the next CRL");
    }
    for (id, reason) in &swept.failed {
        tracing::error!(certificate = %id, reason, "an interrupted issuance could not be taken up yet");
    }
    let unreadable = swept.unreadable.len();
    if unreadable > 0 {
        state.metrics.intents_unreadable(unreadable as u64);
    }
    let answer = json!({
        "completed": swept.completed.len(),
        "lost": swept.lost.len(),
        "failed": swept.failed.len(),
    });
    tracing::info!(%answer, "swept");
    if !swept.refused.is_empty() {
        let message = format!(
            "{} intents in the journal were not signed but given up, because this authority did not prepare them or would \
             not issue them now; the log tells which and why: find out who wrote them",
            swept.refused.len()
        );
        return Err(Failure::new(FailureKind::Incomplete, message));
    }
    if unreadable > 0 {
        let message = format!(
            "{unreadable} open intents in the journal cannot be read, so it is unknown whether they were signed; repair or \
             remove them: the log names each and says why"
        );
        return Err(Failure::new(FailureKind::Incomplete, message));
    }
    if swept.failed.is_empty() {
        return measured.map(|()| answer);
    }
    let message = format!("{} interrupted issuances could not be taken up yet", swept.failed.len());
    Err(Failure::new(FailureKind::Unavailable, message))
}
