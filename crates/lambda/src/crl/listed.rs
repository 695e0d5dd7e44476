//! Revocations that operators list in a file: `revoked.json` for what the issuing CAs issued, whichever of them it was, and
//! `revoked-root-ca.json` for the root's.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chancery_authority::authority::Ca;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::Listed;
use chancery_authority::publish::is_past;
use chancery_authority::revoke::{RevokeError, satisfies};
use chancery_authority::{CaName, Principal};
use chancery_contract::listed::{ListedRevocation, SkippedRevocation, decide_listed};
use chancery_contract::{REVOKED_JSON, REVOKED_ROOT_CA_JSON, RevokedEntry};
use chancery_deployment::failure::FailureKind;
use chancery_deployment::settings::CaRole;
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::StreamExt;
use futures_util::stream;

use crate::failure::Failure;
use crate::files::Read;
use crate::state::FunctionState;

/// Revocations that are in progress at a time.
const AT_ONCE: usize = 16;

/// Entries of a file that are looked up together.
const TOGETHER: usize = 500;

/// The outcome of one entry.
enum Outcome {
    /// It is revoked, by this run or an earlier one.
    Done,
    /// Nothing to revoke; trying again changes nothing.
    Skipped,
    /// It failed; a later run may revoke it.
    Failed(LedgerError),
}

/// Revokes every entry of the file for what those CAs issued, until `until`. What cannot be followed is counted with the
/// first of them.
pub(super) async fn revoke(
    state: &FunctionState,
    cas: &[Arc<Ca>],
    role: CaRole,
    principal: &Principal,
    until: Option<Instant>,
) -> Result<(), Failure> {
    let name = match role {
        CaRole::Root => REVOKED_ROOT_CA_JSON,
        CaRole::Issuing => REVOKED_JSON,
    };
    let Some(first) = cas.first() else {
        return Ok(());
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
        state.metrics.crl_damaged(first.name().as_str(), damaged.len() as u64);
    }
    let progress = Progress::default();
    let issuers: Vec<CaName> = cas.iter().map(|ca| ca.name().clone()).collect();
    let revoking = async {
        for together in in_turn(&entries, state.authority.ports().clock.now()) {
            if until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            revoke_together(state, cas, &issuers, together, principal, &progress).await;
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
        state.metrics.crl_damaged(first.name().as_str(), contradicting as u64);
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

/// The parts of a file in the order of this run: the last first, where new entries are usually put, then the others, from
/// another one each hour. In a file that takes longer than a run has, every part has its turn.
fn in_turn(entries: &[RevokedEntry], now: UnixTime) -> impl Iterator<Item = &[RevokedEntry]> {
    let mut parts: Vec<_> = entries.chunks(TOGETHER).collect();
    let last = parts.pop();
    if !parts.is_empty() {
        let hour = usize::try_from(now.0 / 3600).unwrap_or_default();
        let first = hour % parts.len();
        parts.rotate_left(first);
    }
    last.into_iter().chain(parts)
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

/// Most entries are on a CA's list already: one lookup for all of them finds those.
async fn revoke_together(
    state: &FunctionState,
    cas: &[Arc<Ca>],
    issuers: &[CaName],
    entries: &[RevokedEntry],
    principal: &Principal,
    progress: &Progress,
) {
    let revoked = match revoked_among(state, cas, entries).await {
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
            if let Outcome::Failed(error) = revoke_entry(state, issuers, entry, principal, progress).await {
                progress.fail(error);
            }
            progress.done.fetch_add(1, Ordering::Relaxed);
        })
        .await;
}

/// Which of the entries are on the list of the CA that issued them, and for what reason.
async fn revoked_among(
    state: &FunctionState,
    cas: &[Arc<Ca>],
    entries: &[RevokedEntry],
) -> Result<HashMap<Serial, RevocationReason>, LedgerError> {
    let serials: Vec<_> = entries.iter().map(|entry| entry.serial_number).collect();
    let mut revoked = HashMap::new();
    for ca in cas {
        let mut of_ca = revoked_on_list(state, ca, &serials).await?;
        // Of several CAs one may list a serial number of another's, which does not revoke it.
        if cas.len() > 1 && !of_ca.is_empty() {
            let listed: Vec<Serial> = of_ca.keys().copied().collect();
            let own = state.authority.signed_among(ca, &listed).await?;
            of_ca.retain(|serial, _| own.contains(serial));
        }
        revoked.extend(of_ca);
    }
    Ok(revoked)
}

/// Which of the serial numbers are on a CA's list. An item whose recorded expiry is so long ago that no CRL would have it
/// counts only if the certificate itself has that expiry, too.
async fn revoked_on_list(
    state: &FunctionState,
    ca: &Ca,
    serials: &[Serial],
) -> Result<HashMap<Serial, RevocationReason>, LedgerError> {
    let ports = state.authority.ports();
    let listed = ports.ledger.revocations().listed(ca.name(), serials).await?;
    let now = ports.clock.now();
    let is_recorded_past = |listed: &Listed| is_past(listed.not_after, now);
    let recorded_past = listed.iter().filter(|(_, listed)| is_recorded_past(listed));
    let recorded_past: Vec<Serial> = recorded_past.map(|(serial, _)| *serial).collect();
    let past = if recorded_past.is_empty() {
        HashSet::new()
    } else {
        state.authority.past_among(ca, &recorded_past).await?
    };
    let revoked = listed
        .into_iter()
        .filter(|(serial, listed)| !is_recorded_past(listed) || past.contains(serial));
    Ok(revoked.map(|(serial, listed)| (serial, listed.reason)).collect())
}

async fn revoke_entry(
    state: &FunctionState,
    issuers: &[CaName],
    entry: &RevokedEntry,
    principal: &Principal,
    progress: &Progress,
) -> Outcome {
    let serial = entry.serial_number;
    let ledger = state.authority.ports().ledger.as_ref();
    let (decided, contradicting) = match decide_listed(ledger.revocations(), issuers, entry).await {
        Ok(decided) => decided,
        Err(error) => {
            tracing::error!(%error, common_name = entry.common_name, %serial, "a certificate could not be looked up");
            return Outcome::Failed(error);
        }
    };
    if let Some(contradicting) = contradicting {
        tracing::error!(contradicting, common_name = entry.common_name, %serial, "the ledger's records of a certificate contradict each other");
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
                    tracing::error!(%reason, common_name = entry.common_name, %serial, "a certificate was not revoked");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_long_file_has_its_turn_and_the_last_comes_first() {
        let entry = |number: u32| {
            let text = format!(r#"[{{"common_name": "a{number}", "serial_number": "{}"}}]"#, number + 1);
            let (mut entries, _) = RevokedEntry::parse_list("revoked.json", text.as_bytes()).unwrap();
            entries.remove(0)
        };
        let count = u32::try_from(TOGETHER).unwrap() * 3 + 1;
        let entries: Vec<_> = (0..count).map(entry).collect();
        let order = |hour: i64| -> Vec<String> {
            let parts = in_turn(&entries, UnixTime(hour * 3600));
            parts.map(|part| part[0].common_name.clone()).collect()
        };
        assert_eq!(order(0), ["a1500", "a0", "a500", "a1000"]);
        assert_eq!(order(1), ["a1500", "a500", "a1000", "a0"]);
        assert_eq!(order(5), ["a1500", "a1000", "a0", "a500"]);
        assert_eq!(
            in_turn(&entries, UnixTime(7)).map(<[_]>::len).sum::<usize>(),
            entries.len()
        );
        assert_eq!(in_turn(&[], UnixTime(7)).count(), 0);
    }
}
