//! The sweeper: intents that stayed open, because a process died or an answer was lost.

use chancery_x509::certificate::TbsCertificate;
use chancery_x509::time::UnixTime;

use crate::authority::Authority;
use crate::issue::IssueError;
use crate::port::LedgerError;
use crate::port::ledger::{IntentId, Kind, OpenIntent};

/// Seconds that an intent is left alone at least, unless the caller says otherwise: whoever reserved it may be waiting for
/// a slow key store.
pub const GRACE: i64 = 300;

/// Intents taken from the ledger at a time.
const BATCH: usize = 100;

/// What the sweeper did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Intents whose certificate was completed, for a caller who can come back with its token.
    pub completed: Vec<IntentId>,
    /// Intents given up: their serials stand on the next CRL.
    pub lost: Vec<IntentId>,
    /// Intents that are still open, and why. The next sweep tries again.
    pub failed: Vec<(IntentId, String)>,
}

impl Authority {
    /// Sweeps intents older than [`GRACE`], or the configuration's grace where that is longer.
    pub async fn sweep(&self) -> Result<Swept, LedgerError> {
        self.sweep_older_than(GRACE.max(self.config().intent_grace_seconds()))
            .await
    }

    /// Sweeps intents that were reserved at least `seconds` ago. Zero takes all of them: for the start of a process that
    /// knows itself to be alone.
    ///
    /// An intent with an idempotency token is completed by signing the same TBSCertificate again; any other is marked lost,
    /// a CA's too. One that fails never stops the others. The CRLs of the lost ones become due.
    pub async fn sweep_older_than(&self, seconds: i64) -> Result<Swept, LedgerError> {
        let before = self.ports().clock.now().plus_seconds(1 - seconds.max(0));
        let mut swept = Swept::default();
        loop {
            // Those that failed stay open and come first again: they are asked for on top of a whole batch.
            let limit = BATCH + swept.failed.len();
            let open = self.ports().ledger.open_intents(before, limit).await?;
            let full = open.len() == limit;
            let handled = swept.completed.len() + swept.lost.len();
            for intent in open {
                if swept.failed.iter().all(|(id, _)| *id != intent.id) {
                    self.sweep_one(intent, &mut swept).await;
                }
            }
            let advanced = swept.completed.len() + swept.lost.len() > handled;
            if !full || !advanced {
                return Ok(swept);
            }
        }
    }

    async fn sweep_one(&self, intent: OpenIntent, swept: &mut Swept) {
        let id = intent.id.clone();
        match self.complete_again(intent).await {
            Ok(true) => swept.completed.push(id),
            Ok(false) => match self.give_up(&id, self.ports().clock.now()).await {
                Ok(()) => swept.lost.push(id),
                // Whoever was at it got there first.
                Err(LedgerError::NoOpenIntent(_)) => {}
                Err(error) => swept.failed.push((id, error.to_string())),
            },
            Err(error) => {
                tracing::warn!(%error, intent = %id, "an open intent could not be completed");
                swept.failed.push((id, error.to_string()));
            }
        }
    }

    /// Completes the intent of a caller who can come back; `false` where nobody can, or the certificate is of no use.
    async fn complete_again(&self, intent: OpenIntent) -> Result<bool, IssueError> {
        if !intent.has_token || intent.kind != Kind::Leaf {
            return Ok(false);
        }
        let Some(ca) = self.ca(&intent.id.issuer) else {
            return Ok(false);
        };
        let tbs = TbsCertificate::from_der(intent.tbs, ca.issuer.public_key().algorithm());
        self.sign(&ca, intent.id, &tbs).await?;
        Ok(true)
    }

    async fn give_up(&self, id: &IntentId, at: UnixTime) -> Result<(), LedgerError> {
        let outcome = self.ports().ledger.mark_lost(id.clone(), at).await;
        // Also where it failed: the answer may have been lost, not the deed.
        if !matches!(outcome, Err(LedgerError::NoOpenIntent(_))) {
            tracing::warn!(intent = %id, "an open intent was given up; its serial goes on the CRL");
            self.slots.issuer_changed(&id.issuer);
        }
        outcome
    }
}
