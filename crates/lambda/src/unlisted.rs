//! Revocations that the ledger's records have and no list does, because an operator wrote them by hand or an item of
//! the list is gone. Each run of a CRL function checks a limited number of records, and the next run continues.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use chancery_authority::Principal;
use chancery_authority::authority::Ca;
use chancery_authority::revoke::RevokeError;
use chancery_deployment::failure::FailureKind;
use chancery_x509::time::UnixTime;

use crate::failure::Failure;
use crate::state::FunctionState;

/// Pages of records that one run checks. On AWS each is a page of the table, 500 rows or 1 MB, so a run reads some
/// 6,000 rows.
const LOOKS: usize = 16;

/// Counts of the revocations that records had and no list.
#[derive(Default)]
pub(crate) struct UnlistedCounts {
    /// Those that were listed.
    listed: AtomicUsize,
    /// Records that are marked as revoked, and cannot be revoked.
    damaged: AtomicUsize,
}

impl UnlistedCounts {
    pub(crate) fn all(&self) -> usize {
        self.listed.load(Ordering::Relaxed) + self.damaged.load(Ordering::Relaxed)
    }

    /// Fails if anything was found: the operator who wrote it must learn the result, and that the lists are the way to
    /// revoke.
    pub(crate) fn fail_if_any(&self, state: &FunctionState, ca: &Ca) -> Result<(), Failure> {
        if self.all() == 0 {
            return Ok(());
        }
        state.metrics.crl_damaged(ca.name().as_str(), self.all() as u64);
        let (listed, damaged) = (
            self.listed.load(Ordering::Relaxed),
            self.damaged.load(Ordering::Relaxed),
        );
        let message = format!(
            "rows of the certificate table had Revoked and were not on the list of {}: {listed} are now listed and on the CRL, \
             {damaged} are damaged; the log names them. Use revoked.json to revoke certificates",
            ca.name()
        );
        Err(Failure::new(FailureKind::Incomplete, message))
    }
}

/// Lists the revocations that records have and no list, as far as this run reads, until `until`.
pub(crate) async fn list(
    state: &FunctionState,
    ca: &Ca,
    principal: &Principal,
    until: Option<Instant>,
    found: &UnlistedCounts,
) -> Result<(), Failure> {
    let looking = async {
        for _ in 0..LOOKS {
            if until.is_some_and(|until| Instant::now() >= until) || look(state, ca, principal, found).await? {
                break;
            }
        }
        Ok(())
    };
    let looked = match until {
        None => looking.await,
        // The next run reads the same records again.
        Some(until) => tokio::time::timeout_at(until.into(), looking)
            .await
            .unwrap_or_else(|_| {
                tracing::error!("the search for unlisted revocations was stopped: its share of the time is used up");
                Ok(())
            }),
    };
    looked.inspect_err(|failure| {
        tracing::error!(%failure, "the ledger's records could not be compared with the list");
    })
}

/// Checks one page; returns whether it was the last.
async fn look(state: &FunctionState, ca: &Ca, principal: &Principal, found: &UnlistedCounts) -> Result<bool, Failure> {
    let ports = state.authority.ports();
    let unlisted = ports
        .ledger
        .revocations()
        .unlisted(ca.name(), ports.clock.now())
        .await?;
    for record in unlisted.certificates {
        let (serial, common_name) = (record.id.serial, record.common_name.clone());
        let Some(revocation) = &record.revocation else {
            continue;
        };
        // An invalid invalidity date is dropped; the other attributes may still be right.
        let invalidity_date = revocation
            .invalidity_date
            .filter(|date| (UnixTime::FIRST..=ports.clock.now()).contains(date));
        let reason = revocation.reason;
        match state
            .authority
            .revoke_record(record, reason, invalidity_date, principal)
            .await
        {
            Ok(_) => {
                tracing::error!(%serial, common_name, reason = reason.name(), "a row has Revoked and was on no list; it is listed now");
                found.listed.fetch_add(1, Ordering::Relaxed);
            }
            Err(RevokeError::Ledger(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%error, %serial, common_name, "a row has Revoked and cannot be listed");
                found.damaged.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    for row in &unlisted.damaged {
        tracing::error!(row, "a row has Revoked and is damaged");
    }
    found.damaged.fetch_add(unlisted.damaged.len(), Ordering::Relaxed);
    let is_end = unlisted.next.is_none();
    ports
        .ledger
        .revocations()
        .unlisted_handled(ca.name(), unlisted.next)
        .await?;
    Ok(is_end)
}
