//! Revocations that stand in the ledger's records and on no list, by somebody's hand or because an item of the list is gone: each
//! run of a CRL function looks at so many records, and the next one goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use chancery_authority::Principal;
use chancery_authority::authority::Ca;
use chancery_authority::revoke::RevokeError;
use chancery_x509::time::UnixTime;

use crate::failure::{Failure, FailureKind};
use crate::state::FunctionState;

/// Looks at the ledger's records for revocations that no list has, in one run: on AWS each is a page of the table, 500 rows or
/// 1 MB, so that a run looks at some 6,000 rows, and the next one goes on.
const LOOKS: usize = 16;

/// What stood in the ledger's records and on no list.
#[derive(Default)]
pub(crate) struct Found {
    /// Put on the list.
    listed: AtomicUsize,
    /// Revoked by what they say, and nothing that could be revoked.
    damaged: AtomicUsize,
}

impl Found {
    pub(crate) fn all(&self) -> usize {
        self.listed.load(Ordering::Relaxed) + self.damaged.load(Ordering::Relaxed)
    }

    /// Whoever wrote there is to know what came of it, and that lists are the way.
    pub(crate) fn told(&self, state: &FunctionState, ca: &Ca) -> Result<(), Failure> {
        if self.all() == 0 {
            return Ok(());
        }
        state.metrics.crl_damaged(ca.name().as_str(), self.all() as u64);
        let (listed, damaged) = (
            self.listed.load(Ordering::Relaxed),
            self.damaged.load(Ordering::Relaxed),
        );
        let message = format!(
            "rows of the certificate table said Revoked and were not on the list of {}: {listed} were listed and are on the CRL, \
             {damaged} are not as they should be; the log says which. revoked.json is how certificates are revoked",
            ca.name()
        );
        Err(Failure::new(FailureKind::Incomplete, message))
    }
}

/// Lists what records of the ledger say is revoked and no list has, as far as this run looks, until `until`.
pub(crate) async fn list(
    state: &FunctionState,
    ca: &Ca,
    principal: &Principal,
    until: Option<Instant>,
    found: &Found,
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
        // The next run looks at the same again.
        Some(until) => tokio::time::timeout_at(until.into(), looking)
            .await
            .unwrap_or_else(|_| {
                tracing::error!("looking for revocations that no list has took its share of the time, and is cut off");
                Ok(())
            }),
    };
    looked.inspect_err(|failure| {
        tracing::error!(%failure, "the ledger's records could not be held against the list");
    })
}

/// One look; whether it came to the end.
async fn look(state: &FunctionState, ca: &Ca, principal: &Principal, found: &Found) -> Result<bool, Failure> {
    let ports = state.authority.ports();
    let unlisted = ports.ledger.unlisted(ca.name(), ports.clock.now()).await?;
    for record in unlisted.certificates {
        let (serial, common_name) = (record.id.serial, record.common_name.clone());
        let Some(revocation) = &record.revocation else {
            continue;
        };
        // A date that nobody may give says nothing of the others of its key.
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
                tracing::error!(%serial, common_name, reason = reason.name(), "a row says Revoked, and no list did; it is listed now");
                found.listed.fetch_add(1, Ordering::Relaxed);
            }
            Err(RevokeError::Ledger(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%error, %serial, common_name, "a row says Revoked, and cannot be listed");
                found.damaged.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    for row in &unlisted.damaged {
        tracing::error!(row, "a row says Revoked, and is not as it should be");
    }
    found.damaged.fetch_add(unlisted.damaged.len(), Ordering::Relaxed);
    let is_end = unlisted.next.is_none();
    ports.ledger.keep_unlisted(ca.name(), unlisted.next).await?;
    Ok(is_end)
}
