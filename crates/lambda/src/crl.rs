//! `root_ca_crl`, `issuing_ca_crl`: revoke what operators' files list, and publish the CA's CRL.
//!
//! The CRL is published even if entries fail; the failures are returned afterwards. Revoking takes at most half of the
//! invocation's time: the next run continues. Afterwards records of the ledger are compared with the list
//! (`unlisted.rs`); if that lists anything, the CRL is published again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use chancery_authority::Principal;
use chancery_authority::authority::Ca;
use chancery_authority::config::Config;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{CrlScope, Listed};
use chancery_authority::publish::{PublishError, is_past};
use chancery_authority::revoke::{RevokeError, satisfies};
use chancery_contract::listed::{ListedRevocation, SkippedRevocation, decide_listed};
use chancery_contract::{REVOKED_JSON, REVOKED_ROOT_CA_JSON, RevokedEntry};
use chancery_deployment::failure::FailureKind;
use chancery_deployment::settings::CaRole;
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use futures_util::StreamExt;
use futures_util::stream;

use crate::failure::Failure;
use crate::files::Read;
use crate::state::{FunctionState, Invocation};
use crate::unlisted::{self, UnlistedCounts};

/// Revocations that are in progress at a time.
const AT_ONCE: usize = 16;

/// Entries of a file that are looked up together.
const TOGETHER: usize = 500;

/// The age that is reported for a CRL from the future, in seconds: above every alarm's threshold. Relying parties
/// refuse such a CRL as they do an expired one.
const FROM_FUTURE: i64 = 1_000 * 86_400;

/// The outcome of one entry.
enum Outcome {
    /// It is revoked, by this run or an earlier one.
    Done,
    /// Nothing to revoke; trying again changes nothing.
    Skipped,
    /// It failed; a later run may revoke it.
    Failed(LedgerError),
}

/// Revokes what the CA's file lists, and publishes its CRLs. Returns the first failure after everything was tried.
pub async fn handle(state: &FunctionState, role: CaRole, invocation: &Invocation) -> Result<(), Failure> {
    let Some(ca) = state.ca(role).await? else {
        tracing::error!(ca = %state.ca_config(role).name(), "CA not found; nothing to publish");
        return Ok(());
    };
    let now = Instant::now();
    // The time when so many quarters of the invocation's remaining time are over.
    let share = |quarters: u32| {
        let share = |until: Instant| now + until.saturating_duration_since(now) / 4 * quarters;
        invocation.until.map(share)
    };
    let principal = invocation.principal();
    let finished = finish_revocations(state, &ca, share(1)).await;
    let revoked = revoke_listed(state, &ca, role, &principal, share(2)).await;
    let mut published = publish(state, &ca).await;
    let found = UnlistedCounts::default();
    let looked = unlisted::list(state, &ca, &principal, share(3), &found).await;
    if found.all() > 0 {
        published = published.and(publish(state, &ca).await);
    }
    let mut measured = Ok(());
    for scope in published.scopes {
        measured = measured.and(measure(state, &scope).await);
    }
    published
        .outcome
        .and(revoked)
        .and(finished)
        .and(looked)
        .and(fail_if_damaged(state, &ca, published.damaged))
        .and(found.fail_if_any(state, &ca))
        .and(measured)
}

/// Continues revoking the families of compromised keys whose revocation was interrupted, until `until`: the operator
/// may have removed the entry from the file since.
async fn finish_revocations(state: &FunctionState, ca: &Ca, until: Option<Instant>) -> Result<(), Failure> {
    let finishing = state.authority.finish_revocations(Some(ca.name()));
    let finished = match until {
        None => finishing.await,
        // The rest is marked, and the next run continues.
        Some(until) => {
            let Ok(finished) = tokio::time::timeout_at(until.into(), finishing).await else {
                let message = "time ran out before all certificates of compromised keys were revoked; run it again";
                tracing::error!("{message}");
                return Err(Failure::new(FailureKind::Unavailable, message.to_owned()));
            };
            finished
        }
    };
    match finished {
        Ok(others) => {
            if !others.is_empty() {
                tracing::warn!(others = others.len(), ca = %ca.name(), "interrupted revocations of compromised keys' families are finished");
            }
            Ok(())
        }
        Err(error) => {
            // What is damaged is so at the next try, too.
            let kind = match &error {
                RevokeError::Ledger(LedgerError::Damaged { .. }) => FailureKind::Incomplete,
                _ => FailureKind::Unavailable,
            };
            let message =
                format!("the revocation of a compromised key's family was interrupted, and cannot go on: {error}");
            Err(Failure::new(kind, message))
        }
    }
}

/// The result of publishing.
struct Publishing {
    scopes: BTreeSet<CrlScope>,
    outcome: Result<(), Failure>,
    /// Number of revocations that could not be read completely.
    damaged: usize,
}

impl Publishing {
    /// The result of publishing twice.
    fn and(mut self, second: Self) -> Self {
        self.scopes.extend(second.scopes);
        Self {
            scopes: self.scopes,
            outcome: self.outcome.and(second.outcome),
            // Both saw the same rows.
            damaged: self.damaged.max(second.damaged),
        }
    }
}

async fn publish(state: &FunctionState, ca: &Ca) -> Publishing {
    let mut publishing = Publishing {
        scopes: BTreeSet::new(),
        outcome: Ok(()),
        damaged: 0,
    };
    for (scope, outcome) in state.authority.publish_crls(Some(ca.name())).await {
        match outcome {
            Ok(crl) => publishing.damaged += crl.damaged.len(),
            Err(error) => publishing.outcome = Err(refuse(error)),
        }
        publishing.scopes.insert(scope);
    }
    publishing
}

fn refuse(error: PublishError) -> Failure {
    tracing::error!(%error, "the CRL was not published; the previous one is still published");
    error.into()
}

/// Damage is logged and counted, and makes the run fail as incomplete.
fn fail_if_damaged(state: &FunctionState, ca: &Ca, damaged: usize) -> Result<(), Failure> {
    if damaged == 0 {
        return Ok(());
    }
    state.metrics.crl_damaged(ca.name().as_str(), damaged as u64);
    let message = format!(
        "the CRL of {} is published, but {damaged} revocations could not be read as they should be; the log says which",
        ca.name()
    );
    Err(Failure::new(FailureKind::Incomplete, message))
}

/// Revokes every entry of the CA's file, until `until`.
async fn revoke_listed(
    state: &FunctionState,
    ca: &Ca,
    role: CaRole,
    principal: &Principal,
    until: Option<Instant>,
) -> Result<(), Failure> {
    let name = match role {
        CaRole::Root => REVOKED_ROOT_CA_JSON,
        CaRole::Issuing => REVOKED_JSON,
    };
    let octets = match state.files.read_if_changed(name, None).await? {
        Read::Changed { octets, .. } => octets,
        Read::Missing | Read::Unchanged => return Ok(()),
    };
    let (entries, damaged) = RevokedEntry::parse_list(name, &octets).map_err(|error| {
        tracing::error!(%error, "the file cannot be read; none of its entries is revoked");
        Failure::new(FailureKind::Incomplete, error.to_string())
    })?;
    drop(octets);
    for entry in &damaged {
        tracing::error!(entry, "a malformed entry is skipped");
    }
    if !damaged.is_empty() {
        state.metrics.crl_damaged(ca.name().as_str(), damaged.len() as u64);
    }
    let progress = Progress::default();
    let revoking = async {
        for together in entries.chunks(TOGETHER) {
            if until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            revoke_together(state, ca, together, principal, &progress).await;
        }
    };
    match until {
        None => revoking.await,
        // If something hangs, the CRL still gets its share of the time. A revocation in progress is done or not; the
        // next run sees which.
        Some(until) => {
            if tokio::time::timeout_at(until.into(), revoking).await.is_err() {
                tracing::error!("revoking was stopped: its share of the time is used up");
            }
        }
    }
    let done = progress.done.load(Ordering::Relaxed);
    let contradicting = progress.contradicting.load(Ordering::Relaxed);
    if contradicting > 0 {
        state.metrics.crl_damaged(ca.name().as_str(), contradicting as u64);
    }
    if let Some(error) = progress.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error.into());
    }
    let incomplete = |message: String| Err(Failure::new(FailureKind::Incomplete, message));
    let left = entries.len().saturating_sub(done);
    if left > 0 {
        tracing::error!(
            left,
            "there was no time for all entries of {name}; the next run goes on"
        );
        // A retry continues where this run ended.
        let message = format!("there was no time for {left} entries of {name}; run it again");
        return Err(Failure::new(FailureKind::Unavailable, message));
    }
    if contradicting > 0 {
        return incomplete(format!(
            "the ledger's records of {contradicting} certificates in {name} contradict their certificates; they were revoked from \
             the certificates' data; the log names them"
        ));
    }
    match damaged.first() {
        None => Ok(()),
        Some(first) => incomplete(format!(
            "{} entries of {name} could not be followed: {first}",
            damaged.len()
        )),
    }
}

/// Progress through a file; it is read even if revoking was cut off.
#[derive(Default)]
struct Progress {
    /// Entries that were handled.
    done: AtomicUsize,
    /// Certificates whose records in the ledger do not match them.
    contradicting: AtomicUsize,
    /// The last failure.
    failed: Mutex<Option<LedgerError>>,
}

impl Progress {
    fn fail(&self, error: LedgerError) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// Most entries are on the CA's list already: one lookup for all of them finds those.
async fn revoke_together(
    state: &FunctionState,
    ca: &Ca,
    entries: &[RevokedEntry],
    principal: &Principal,
    progress: &Progress,
) {
    let revoked = match revoked_among(state, ca, entries).await {
        Ok(revoked) => revoked,
        Err(error) => {
            tracing::error!(%error, "could not look up which entries are revoked already");
            progress.done.fetch_add(entries.len(), Ordering::Relaxed);
            progress.fail(error);
            return;
        }
    };
    let mut seen = HashSet::new();
    let (due, known): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| {
        let is_revoked = revoked
            .get(&entry.serial_number)
            .is_some_and(|reason| satisfies(*reason, entry.reason));
        !is_revoked && seen.insert((entry.serial_number, entry.reason.code(), entry.common_name.as_str()))
    });
    progress.done.fetch_add(known.len(), Ordering::Relaxed);
    stream::iter(due)
        .for_each_concurrent(AT_ONCE, async |entry| {
            if let Outcome::Failed(error) = revoke(state, ca, entry, principal, progress).await {
                progress.fail(error);
            }
            progress.done.fetch_add(1, Ordering::Relaxed);
        })
        .await;
}

/// Which of the entries are on the CA's list, and for what reason. An item whose recorded expiry is so long ago that no
/// CRL would have it counts only if the certificate itself has that expiry, too.
async fn revoked_among(
    state: &FunctionState,
    ca: &Ca,
    entries: &[RevokedEntry],
) -> Result<HashMap<Serial, RevocationReason>, LedgerError> {
    let serials: Vec<_> = entries.iter().map(|entry| entry.serial_number).collect();
    let ports = state.authority.ports();
    let listed = ports.ledger.revocations().listed(ca.name(), &serials).await?;
    let now = ports.clock.now();
    let is_said_past = |listed: &Listed| is_past(listed.not_after, now);
    let said = listed.iter().filter(|(_, listed)| is_said_past(listed));
    let said: Vec<Serial> = said.map(|(serial, _)| *serial).collect();
    let past = if said.is_empty() {
        HashSet::new()
    } else {
        state.authority.past_among(ca, &said).await?
    };
    let revoked = listed
        .into_iter()
        .filter(|(serial, listed)| !is_said_past(listed) || past.contains(serial));
    Ok(revoked.map(|(serial, listed)| (serial, listed.reason)).collect())
}

async fn revoke(
    state: &FunctionState,
    ca: &Ca,
    entry: &RevokedEntry,
    principal: &Principal,
    progress: &Progress,
) -> Outcome {
    let serial = entry.serial_number;
    let ledger = state.authority.ports().ledger.as_ref();
    let (decided, contradicting) = match decide_listed(ledger.revocations(), ca.name(), entry).await {
        Ok(decided) => decided,
        Err(error) => {
            tracing::error!(%error, common_name = entry.common_name, %serial, "a certificate could not be looked up");
            return Outcome::Failed(error);
        }
    };
    if let Some(contradicting) = contradicting {
        tracing::error!(contradicting, common_name = entry.common_name, %serial, ca = %ca.name(), "the ledger's records of a certificate contradict each other");
        progress.contradicting.fetch_add(1, Ordering::Relaxed);
    }
    let record = match decided {
        // This includes one whose row is revoked: it is not on the list, and revoking it again puts it there.
        ListedRevocation::Due(record) | ListedRevocation::AlreadyRevoked(record) => *record,
        ListedRevocation::Skipped(reason) => {
            match reason {
                SkippedRevocation::NotFound { .. } | SkippedRevocation::OtherName { .. } => {
                    tracing::warn!(%reason, common_name = entry.common_name, %serial, "a certificate was not revoked");
                }
                _ => {
                    tracing::error!(%reason, common_name = entry.common_name, %serial, ca = %ca.name(), "a certificate was not revoked");
                }
            }
            return Outcome::Skipped;
        }
    };
    match state
        .authority
        .revoke_record(record, entry.reason, None, principal)
        .await
    {
        Ok(_) => Outcome::Done,
        Err(RevokeError::Ledger(error)) => {
            tracing::error!(%error, common_name = entry.common_name, %serial, "a certificate was not revoked");
            Outcome::Failed(error)
        }
        Err(error) => {
            tracing::error!(%error, common_name = entry.common_name, %serial, "a certificate was not revoked");
            Outcome::Skipped
        }
    }
}

/// Measures age and size of the published CRL, whoever put it there.
async fn measure(state: &FunctionState, scope: &CrlScope) -> Result<(), Failure> {
    let ports = state.authority.ports();
    match ports.publication.stat(&Config::crl_name(scope)).await {
        Ok(Some(stat)) => state.metrics.crl_size(scope.issuer.as_str(), stat.len),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the published CRL's size is not known"),
    }
    measure_age(state, scope).await
}

/// Measures a CRL's age. An age that cannot be measured is a failure: without data, an alarm stays green.
async fn measure_age(state: &FunctionState, scope: &CrlScope) -> Result<(), Failure> {
    let made_at = match state.authority.published_at(scope).await {
        Ok(Some(made_at)) => made_at,
        Ok(None) => return Ok(()),
        Err(error) => {
            tracing::error!(%error, ca = %scope.issuer, "the age of the published CRL is not known");
            return Err(error.into());
        }
    };
    let age = state.authority.ports().clock.now().0.saturating_sub(made_at.0);
    let age = match age {
        0.. => age,
        // A clock that is slightly behind; the Python CA's CRLs are not backdated either.
        -600..0 => 0,
        _ => {
            tracing::error!(ca = %scope.issuer, seconds = -age, "the published CRL is from the future; relying parties refuse it");
            FROM_FUTURE
        }
    };
    state.metrics.crl_age(scope.issuer.as_str(), age);
    Ok(())
}

/// Measures the age of every CRL.
pub(crate) async fn measure_ages(state: &FunctionState) -> Result<(), Failure> {
    state.authority.refresh_crl_uses().await?;
    let mut measured = Ok(());
    for scope in state.authority.crl_scopes() {
        measured = measured.and(measure_age(state, &scope).await);
    }
    measured
}
