//! Periodic work of an authority: sweep intents, publish CRLs that are due, send reminders, renew its HTTPS
//! certificate. A failing task never stops the others, nor its own next attempt.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chancery_authority::Authority;
use chancery_authority::publish::Staleness;
use tokio::sync::watch;

use crate::listen::stop_requested;
use crate::metrics::Metrics;

/// How often the scheduler checks what is due. A CRL from the future, after a clock that was ahead, must be reported
/// and replaced within half a minute.
const PERIOD: Duration = Duration::from_secs(20);

/// Rounds between checks for reminders: they go out at most once a day for a certificate; an hourly check finds each in
/// time.
const REMINDER_ROUNDS: u32 = 180;

/// Renews the certificate that HTTPS is served with.
#[async_trait]
pub trait OwnCertificate: Send + Sync {
    /// Renews it where it is due: near its end, revoked or under a revoked CA, not valid yet, or for other names.
    async fn renew_if_due(&self) -> Result<(), String>;
}

/// Runs until `stop` becomes true; a round in progress ends after its current item: an intent, a CRL, a certificate.
pub async fn run(
    authority: Arc<Authority>,
    own: Arc<dyn OwnCertificate>,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    let mut round: u32 = 0;
    loop {
        all(
            &authority,
            own.as_ref(),
            &metrics,
            round.is_multiple_of(REMINDER_ROUNDS),
            &|| *stop.borrow(),
        )
        .await;
        round = round.wrapping_add(1);
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = stop_requested(&mut stop) => return,
        }
    }
}

/// Runs every task once. What is left when the server stops is due when it starts again.
async fn all(
    authority: &Authority,
    own: &dyn OwnCertificate,
    metrics: &Metrics,
    remind: bool,
    stopped: &(dyn Fn() -> bool + Sync),
) {
    // CAs that another process made, activated or retired.
    if let Err(error) = authority.reload().await {
        failed(metrics, "read_issuers", &error);
    }
    match authority.sweep().await {
        Ok(swept) => {
            if !swept.completed.is_empty() || !swept.lost.is_empty() {
                tracing::warn!(
                    completed = swept.completed.len(),
                    lost = swept.lost.len(),
                    "intents left by a failure were swept"
                );
            }
            for (intent, reason) in &swept.refused {
                failed(
                    metrics,
                    "sweep_refused",
                    &format!("{intent} was not signed but given up: {reason}"),
                );
            }
            for what in &swept.unreadable {
                failed(
                    metrics,
                    "sweep_unreadable",
                    &format!("an open intent cannot be read: {what}"),
                );
            }
            for (intent, reason) in &swept.failed {
                failed(metrics, "sweep", &format!("{intent}: {reason}"));
            }
        }
        Err(error) => failed(metrics, "sweep", &error),
    }
    if let Err(error) = authority.finish_revocations(None).await {
        failed(metrics, "finish_revocations", &error);
    }
    if stopped() {
        return;
    }
    // Files that are correct are left alone: this restores files that were lost or changed by others.
    for (name, outcome) in authority.publish_certificates().await {
        if let Err(error) = outcome {
            failed(metrics, "publish_certificate", &format!("{name}: {error}"));
        }
    }
    for crl in authority.crl_status().await {
        if crl.staleness == Staleness::FromFuture {
            failed(
                metrics,
                "publish_crl",
                &format!("{} is from the future: the clock was ahead, or is behind", crl.name),
            );
        }
    }
    for scope in authority.crl_scopes_now().await {
        if stopped() {
            return;
        }
        match authority.publish_due_crl(&scope).await {
            None => {}
            Some(Ok(crl)) => {
                tracing::info!(ca = %scope.issuer, number = crl.number, entries = crl.entries, "CRL published");
            }
            Some(Err(error)) => failed(metrics, "publish_crl", &error),
        }
    }
    if stopped() {
        return;
    }
    if let Err(error) = own.renew_if_due().await {
        failed(metrics, "renew_own_certificate", &error);
    }
    if remind
        && !stopped()
        && let Err(error) = authority.end_retired_issuers().await
    {
        failed(metrics, "end_retired_issuers", &error);
    }
    if remind && !stopped() {
        match authority.remind().await {
            Ok(reminded) if reminded.failed > 0 => failed(
                metrics,
                "remind",
                &format!("{} reminders were not delivered", reminded.failed),
            ),
            Ok(reminded) => tracing::debug!(sent = reminded.sent, "expiry reminders"),
            Err(error) => failed(metrics, "remind", &error),
        }
    }
}

fn failed(metrics: &Metrics, task: &'static str, error: &dyn std::fmt::Display) {
    tracing::error!(task, %error, "scheduled work failed; it is tried again");
    metrics.task_failed(task);
}
