//! CRLs.

use std::collections::BTreeMap;
use std::io;

use async_trait::async_trait;
use chancery_authority::port::ledger::{
    AttemptOrigin, AttemptPosition, ChangeMark, CrlIntent, CrlPlan, CrlRecord, CrlReservation, CrlScope, CrlState,
    CrlUse, Crls, LedgerError, RevokedEntries,
};
use chancery_authority::port::publication::ETag;
use chancery_x509::crl::RevokedEntry;
use chancery_x509::time::UnixTime;

use super::state::{CrlRecords, State};
use super::{MemoryLedger, lock};

/// A reserved number.
pub(super) struct Reserved {
    pub(super) number: u64,
    pub(super) not_believed: Option<u64>,
    pub(super) mark: ChangeMark,
}

#[async_trait]
impl Crls for MemoryLedger {
    async fn reserve(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError> {
        let (reserved, entries, damaged) = lock(&self.0).reserve_crl(scope, plan);
        Ok(CrlReservation {
            number: reserved.number,
            not_believed: reserved.not_believed,
            mark: reserved.mark,
            revocations: Box::new(View { entries, damaged }),
        })
    }

    async fn intend(&self, intent: CrlIntent, attempt: AttemptOrigin) -> Result<(), LedgerError> {
        lock(&self.0).intend_crl(intent, attempt)
    }

    async fn open_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        Ok(lock(&self.0).open_crl_intents(scope, limit))
    }

    async fn complete(&self, crl: CrlRecord, attempt: AttemptPosition) -> Result<(), LedgerError> {
        lock(&self.0).complete_crl(crl, attempt)
    }

    async fn mark_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        lock(&self.0).crl_published(scope, number, etag)
    }

    async fn state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        Ok(lock(&self.0).crl_state(scope, at_most))
    }

    async fn record_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        lock(&self.0).record_crl_use(used);
        Ok(())
    }

    async fn uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        Ok(lock(&self.0).crl_uses())
    }
}

impl State {
    pub(super) fn reserve_crl(
        &mut self,
        scope: &CrlScope,
        plan: CrlPlan,
    ) -> (Reserved, Vec<RevokedEntry>, Vec<String>) {
        let crls = self.crls.entry(scope.clone()).or_default();
        let not_believed = Some(crls.reserved).filter(|counted| *counted > plan.at_most);
        let counted = if not_believed.is_some() { 0 } else { crls.reserved };
        crls.reserved = counted.max(plan.above) + 1;
        let reserved = Reserved {
            number: crls.reserved,
            not_believed,
            mark: crls.mark(),
        };
        let forgets = std::mem::take(&mut self.forgets_next);
        let rows = self.revoked.get(scope).into_iter().flat_map(BTreeMap::values);
        let rows = rows.filter(|_| !forgets);
        let listed = rows.filter(|row| plan.expired_before.is_none_or(|end| row.not_after >= end));
        let damaged = self.damaged.get(scope).into_iter().flatten().take(100);
        let entries = listed.map(|row| row.entry).collect();
        (reserved, entries, damaged.cloned().collect())
    }

    pub(super) fn intend_crl(&mut self, intent: CrlIntent, attempt: AttemptOrigin) -> Result<(), LedgerError> {
        let crls = self.crls.entry(intent.scope.clone()).or_default();
        let other = match crls.intents.get(&intent.number) {
            Some(known) => known.signing_input != intent.signing_input,
            None => crls.completed.contains_key(&intent.number),
        };
        if other {
            return Err(LedgerError::CrlNumberTaken {
                issuer: intent.scope.issuer,
                number: intent.number,
            });
        }
        let attempt = intent.first_attempt(attempt);
        crls.intents.entry(intent.number).or_insert(intent);
        self.add_attempt(attempt);
        Ok(())
    }

    pub(super) fn open_crl_intents(&self, scope: &CrlScope, limit: usize) -> Vec<CrlIntent> {
        let crls = self.crls.get(scope).into_iter();
        let open = crls.flat_map(|crls| {
            let intents = crls.intents.values().rev();
            intents.filter(|intent| !crls.completed.contains_key(&intent.number))
        });
        open.take(limit).cloned().collect()
    }

    pub(super) fn complete_crl(&mut self, crl: CrlRecord, attempt: AttemptPosition) -> Result<(), LedgerError> {
        let crls = self.crls.entry(crl.scope.clone()).or_default();
        if !crls.intents.contains_key(&crl.number) {
            return Err(unknown_crl(&crl.scope, crl.number));
        }
        let (receipt, at) = (crl.receipt.clone(), crl.made_at);
        crls.completed.insert(crl.number, crl);
        self.conclude_signed(attempt, receipt, at);
        Ok(())
    }

    pub(super) fn crl_published(&mut self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        let unknown = || unknown_crl(scope, number);
        let crls = self.crls.get_mut(scope).ok_or_else(unknown)?;
        let mark = crls.mark();
        let crl = crls.completed.get_mut(&number).ok_or_else(unknown)?;
        crl.published = Some(etag);
        crls.changed_at = if crl.mark == Some(mark) {
            None
        } else {
            // Changes that it does not cover were made after it.
            crls.changed_at.max(Some(crl.made_at))
        };
        Ok(())
    }

    pub(super) fn crl_state(&self, scope: &CrlScope, at_most: u64) -> CrlState {
        let Some(crls) = self.crls.get(scope) else {
            return CrlState {
                mark: CrlRecords::default().mark(),
                ..CrlState::default()
            };
        };
        let completed = || crls.completed.range(..=at_most).rev().map(|(_, crl)| crl);
        let numbers = crls.intents.keys().chain(crls.completed.keys());
        CrlState {
            mark: crls.mark(),
            number: numbers.filter(|number| **number <= at_most).max().copied().unwrap_or(0),
            latest: completed().next().cloned(),
            published: completed().find(|crl| crl.published.is_some()).cloned(),
            changed_at: crls.changed_at,
        }
    }

    pub(super) fn record_crl_use(&mut self, used: CrlUse) {
        let until = self.crl_uses.entry((used.scope, used.url)).or_insert(used.until);
        *until = used.until.max(*until);
    }

    pub(super) fn crl_uses(&self) -> Vec<CrlUse> {
        let used = |((scope, url), until): (&(CrlScope, Option<String>), &UnixTime)| CrlUse {
            scope: scope.clone(),
            url: url.clone(),
            until: *until,
        };
        self.crl_uses.iter().map(used).collect()
    }
}

pub(super) fn unknown_crl(scope: &CrlScope, number: u64) -> LedgerError {
    LedgerError::UnknownCrl {
        issuer: scope.issuer.clone(),
        number,
    }
}

/// A view is a copy: later revocations do not change it.
struct View {
    entries: Vec<RevokedEntry>,
    damaged: Vec<String>,
}

impl RevokedEntries for View {
    fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    fn octets(&self) -> u64 {
        self.entries.iter().map(|entry| entry.encoded_len() as u64).sum()
    }

    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
        self.entries.iter().try_for_each(each)
    }

    fn damaged(&self) -> &[String] {
        &self.damaged
    }
}
