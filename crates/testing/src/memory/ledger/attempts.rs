//! The journal of attempts.

use async_trait::async_trait;
use chancery_authority::port::Receipt;
use chancery_authority::port::ledger::{
    Attempt, AttemptPage, AttemptPosition, AttemptRecord, Attempts, LedgerError, Outcome,
};
use chancery_x509::time::UnixTime;

use super::state::{IntentState, State, position};
use super::{MemoryLedger, lock};

#[async_trait]
impl Attempts for MemoryLedger {
    async fn record(&self, attempt: Attempt) -> Result<(), LedgerError> {
        lock(&self.0).record_attempt(attempt)
    }

    async fn conclude(&self, attempt: AttemptPosition, outcome: Outcome, at: UnixTime) -> Result<(), LedgerError> {
        lock(&self.0).conclude_attempt(attempt, outcome, at)
    }

    async fn list(
        &self,
        after: Option<AttemptPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<AttemptPage, LedgerError> {
        Ok(lock(&self.0).list_attempts(after, before, limit))
    }
}

impl State {
    fn record_attempt(&mut self, attempt: Attempt) -> Result<(), LedgerError> {
        if let Some(id) = attempt.subject.intent() {
            self.check_not_frozen()?;
            let row = self.rows.get_mut(&position(id));
            let is_next = row.is_some_and(|row| {
                let is_next = matches!(row.stage, IntentState::Open { .. })
                    && row.attempts.checked_add(1) == Some(attempt.number);
                if is_next {
                    row.attempts = attempt.number;
                }
                is_next
            });
            if !is_next {
                return Err(LedgerError::AttemptTaken {
                    number: attempt.number,
                    subject: Box::new(attempt.subject),
                });
            }
        }
        self.add_attempt(attempt);
        Ok(())
    }

    /// Adds one, in the change that records what it is for.
    pub(super) fn add_attempt(&mut self, attempt: Attempt) {
        let record = AttemptRecord { attempt, outcome: None };
        self.attempts.entry(record.attempt.position()).or_insert(record);
    }

    fn conclude_attempt(
        &mut self,
        attempt: AttemptPosition,
        outcome: Outcome,
        at: UnixTime,
    ) -> Result<(), LedgerError> {
        let record = self.attempts.get_mut(&attempt);
        let record = record.ok_or(LedgerError::UnknownAttempt(attempt))?;
        record.outcome.get_or_insert((outcome, at));
        Ok(())
    }

    /// The same for a signature, in the change that completes what was signed. Nothing is completed the less where the journal
    /// lacks the attempt.
    pub(super) fn conclude_signed(&mut self, attempt: AttemptPosition, receipt: Receipt, at: UnixTime) {
        // The attempt may be missing: then there is nothing to say of it.
        let _ = self.conclude_attempt(attempt, Outcome::Signed(receipt), at);
    }

    fn list_attempts(&self, after: Option<AttemptPosition>, before: UnixTime, limit: usize) -> AttemptPage {
        let all = self.attempts.values();
        let mut found: Vec<_> = all
            .filter(|record| record.attempt.at < before)
            .filter(|record| after.is_none_or(|after| record.attempt.position() > after))
            .take(limit.saturating_add(1))
            .cloned()
            .collect();
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found
            .last()
            .map(|record| record.attempt.position())
            .filter(|_| has_more);
        AttemptPage {
            attempts: found,
            unreadable: Vec::new(),
            next,
        }
    }
}
