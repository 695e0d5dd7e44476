//! The sweeper: resolves intents that stayed open because a process died or a response was lost.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use chancery_x509::time::UnixTime;

use crate::authority::Authority;
use crate::ca_name::CaName;
use crate::issue::{InternalFault, IssueError};
use crate::port::ledger::{IntentId, Kind, OpenIntent, OpenPosition, UNREADABLE_REPORTED};
use crate::port::{IntentNonce, LedgerError};
use crate::signing::NotSignable;

/// Seconds for which an intent is left alone at least, unless the caller specifies otherwise: the process that reserved
/// it may be waiting for a slow key store.
pub const GRACE: i64 = 300;

/// Intents read from the ledger at a time.
const BATCH: usize = 100;

/// Most nonces of other processes for which one sweep calls the key store: an attacker who can write intents must not
/// be able to keep it busy. The next sweep handles the rest.
const NONCES: usize = 100;

/// Failures of one CA's key after which a sweep leaves that CA's intents to the next: each may take the key store's
/// full timeout while other intents wait.
const KEY_FAILURES: u32 = 3;

/// The result of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Intents whose certificate was completed, for a caller that can repeat the request with its own token.
    pub completed: Vec<IntentId>,
    /// Intents given up: their serials are on the next CRL.
    pub lost: Vec<IntentId>,
    /// Those among `lost` that this authority did not prepare, or would not issue now, and why: nothing was signed for
    /// them. Another party wrote to the ledger, and the operator has to find out which.
    pub refused: Vec<(IntentId, NotSignable)>,
    /// Intents that are still open, and why. The next sweep tries again.
    pub failed: Vec<(IntentId, String)>,
    /// Names of unreadable intents, and what is wrong with them; at most [`UNREADABLE_REPORTED`]. They stay unchanged until
    /// the operator repairs or removes them: whether anything was signed for one is unknown.
    pub unreadable: BTreeSet<String>,
}

/// The decision on one intent.
enum SweepDecision {
    Completed,
    /// Issuance is frozen: its caller can come back for it when that is over.
    Later,
    /// No caller can ask for its certificate again.
    OfNoUse,
    /// It must not be signed.
    NotSignable(NotSignable),
}

/// A sweep in progress.
#[derive(Default)]
struct Sweep {
    swept: Swept,
    /// Nonces of other processes for which the key store was called.
    asked: BTreeSet<IntentNonce>,
    /// Number of failures of each CA's key.
    key_failures: HashMap<CaName, u32>,
    /// Whether to skip intents for CA certificates.
    leaves_only: bool,
    /// Whether each CA's chain is revoked, read once per sweep.
    revoked: HashMap<CaName, bool>,
}

impl Sweep {
    fn has_failed(&self, ca: &CaName) -> bool {
        self.key_failures
            .get(ca)
            .is_some_and(|failures| *failures >= KEY_FAILURES)
    }
}

/// Whether the CA's key failed, so that the next intent of that CA would fail as well.
fn is_of_key(error: &IssueError) -> bool {
    matches!(
        error,
        IssueError::Unavailable { .. }
            | IssueError::Internal {
                fault: InternalFault::KeyStore | InternalFault::BadSignature,
                ..
            }
    )
}

/// Pages overlap where several intents were reserved in one second: each is reported once.
fn add_unreadable(reported: &mut BTreeSet<String>, unreadable: Vec<String>) {
    let room = UNREADABLE_REPORTED.saturating_sub(reported.len());
    reported.extend(unreadable.into_iter().take(room));
}

impl Authority {
    /// Sweeps intents older than [`GRACE`], or the configured grace period where that is longer.
    pub async fn sweep(&self) -> Result<Swept, LedgerError> {
        self.sweep_older_than(self.grace()).await
    }

    /// The same for a process that may not write CA records: intents for CA certificates are left to the process that
    /// creates CAs.
    pub async fn sweep_leaves(&self) -> Result<Swept, LedgerError> {
        let sweep = Sweep {
            leaves_only: true,
            ..Sweep::default()
        };
        self.sweep_into(self.grace(), sweep).await
    }

    fn grace(&self) -> i64 {
        GRACE.max(self.config().intent_grace_seconds())
    }

    /// Sweeps intents that were reserved at least `seconds` ago. Zero takes all of them: for the start of a process
    /// that has the ledger to itself.
    ///
    /// An intent whose caller can repeat the request with its own token is completed by signing the same TBSCertificate
    /// again, if this authority prepared it and would issue it now; any other is given up, a CA's too. One whose
    /// certificate already exists, because part of the ledger is older than the rest, is completed with that. One that
    /// fails never stops the others, nor does a CA whose key fails: after three failures, its intents wait for the next
    /// sweep. The CRLs of given-up intents become due.
    ///
    /// An intent as far in the future counts as that old: the clock was ahead when it was reserved, and no process
    /// works on it.
    pub async fn sweep_older_than(&self, seconds: i64) -> Result<Swept, LedgerError> {
        self.sweep_into(seconds, Sweep::default()).await
    }

    async fn sweep_into(&self, seconds: i64, mut sweep: Sweep) -> Result<Swept, LedgerError> {
        let (now, seconds) = (self.ports().clock.now(), seconds.max(0));
        self.sweep_between(None, now.plus_seconds(1 - seconds), &mut sweep)
            .await?;
        let ahead = OpenPosition::behind(now.plus_seconds(seconds));
        self.sweep_between(Some(ahead), UnixTime(i64::MAX), &mut sweep).await?;
        let unreadable = &sweep.swept.unreadable;
        for what in unreadable {
            tracing::error!(
                what,
                "an open intent cannot be read: put its row right, as a backup has it; or where the log of signatures has none for \
                 it, take the row out. To revoke what it renews, or its key, gives it up as well"
            );
        }
        self.unreadable_intents
            .store(unreadable.len() as u64, Ordering::Relaxed);
        Ok(sweep.swept)
    }

    async fn sweep_between(
        &self,
        mut after: Option<OpenPosition>,
        before: UnixTime,
        sweep: &mut Sweep,
    ) -> Result<(), LedgerError> {
        loop {
            let step = self.ports().ledger.intents().list_open(after, before, BATCH).await?;
            add_unreadable(&mut sweep.swept.unreadable, step.unreadable);
            let open = step.intents;
            let full = open.len() == BATCH;
            // An intent that fails stays open; the ones after it are processed all the same.
            after = open.last().map(OpenIntent::position);
            for intent in open {
                if sweep.leaves_only && intent.kind != Kind::Leaf {
                    continue;
                }
                self.sweep_one(intent, sweep).await;
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// The open intents that cannot be read, whenever they were reserved, according to the ledger now.
    pub async fn find_unreadable_intents(&self) -> Result<BTreeSet<String>, LedgerError> {
        let (mut unreadable, mut after) = (BTreeSet::new(), None);
        loop {
            let open = self
                .ports()
                .ledger
                .intents()
                .list_open(after, UnixTime(i64::MAX), BATCH)
                .await?;
            add_unreadable(&mut unreadable, open.unreadable);
            match open.intents.last() {
                Some(last) if open.intents.len() == BATCH => after = Some(last.position()),
                _ => return Ok(unreadable),
            }
        }
    }

    async fn sweep_one(&self, intent: OpenIntent, sweep: &mut Sweep) {
        let id = intent.id.clone();
        let is_to_sign = intent.has_token() && intent.kind == Kind::Leaf && self.ca(&id.issuer).is_some();
        if is_to_sign && sweep.has_failed(&id.issuer) {
            let reason = format!("the key of {} failed {KEY_FAILURES} times in this sweep", id.issuer);
            sweep.swept.failed.push((id, reason));
            return;
        }
        let taken = self.take_up(&intent, sweep).await;
        let swept = &mut sweep.swept;
        match taken {
            Ok(SweepDecision::Completed) => swept.completed.push(id),
            Ok(SweepDecision::Later) => {}
            Ok(SweepDecision::OfNoUse) => match self.give_up(&id, self.ports().clock.now()).await {
                Ok(()) => swept.lost.push(id),
                // Another process completed it or gave it up first.
                Err(LedgerError::NoOpenIntent(_)) => {}
                Err(error) => swept.failed.push((id, error.to_string())),
            },
            Ok(SweepDecision::NotSignable(reason)) => match self.give_up_unsignable(&id, &reason).await {
                Ok(()) => {
                    swept.lost.push(id.clone());
                    swept.refused.push((id, reason));
                }
                Err(error) => swept.failed.push((id, error.to_string())),
            },
            Err(error) => {
                tracing::warn!(
                    %error,
                    detail = error.detail().unwrap_or_default(),
                    intent = %id,
                    "an open intent could not be completed"
                );
                if is_to_sign && is_of_key(&error) && sweep.asked.len() < NONCES {
                    *sweep.key_failures.entry(id.issuer.clone()).or_default() += 1;
                }
                swept.failed.push((id, error.to_string()));
            }
        }
    }

    /// Completes the intent of a caller that can repeat the request, if this authority prepared it and would issue it
    /// now.
    async fn take_up(&self, intent: &OpenIntent, sweep: &mut Sweep) -> Result<SweepDecision, IssueError> {
        let asked = &mut sweep.asked;
        if let Some(code) = &intent.authentication
            && !self.authenticator.knows(&code.nonce)
            && !asked.contains(&code.nonce)
        {
            if asked.len() >= NONCES {
                return Err(IssueError::Unavailable {
                    detail: format!(
                        "this sweep has called the key store for {NONCES} nonces; the next sweep continues"
                    ),
                });
            }
            asked.insert(code.nonce);
        }
        if let Some(certificate) = self.certificate_of(intent).await? {
            self.complete_with(intent.id.clone(), certificate).await?;
            return Ok(SweepDecision::Completed);
        }
        if !intent.has_token() || intent.kind != Kind::Leaf {
            // Nothing is signed for it either way, but the operator must know about a forged one.
            return match self.authenticator.verify(intent).await {
                Ok(Err(forged)) => Ok(SweepDecision::NotSignable(forged)),
                Ok(Ok(())) | Err(_) => Ok(SweepDecision::OfNoUse),
            };
        }
        if self.ca(&intent.id.issuer).is_none() {
            return Ok(SweepDecision::OfNoUse);
        }
        let issuer = &intent.id.issuer;
        let is_revoked = if let Some(known) = sweep.revoked.get(issuer) {
            *known
        } else {
            let revoked = self.revoked_in_chain(issuer).await?.is_some();
            *sweep.revoked.entry(issuer.clone()).or_insert(revoked)
        };
        if is_revoked || self.completion_obstacle(intent).await?.is_some() {
            return Ok(SweepDecision::OfNoUse);
        }
        // Nothing is signed, and nobody is to blame: it waits until issuance is thawed, however long that takes.
        if self.frozen().await?.is_some() {
            return Ok(SweepDecision::Later);
        }
        match self.signable_again(intent).await? {
            Ok(signable) => {
                self.sign(intent.id.clone(), signable).await?;
                Ok(SweepDecision::Completed)
            }
            Err(reason) => Ok(SweepDecision::NotSignable(reason)),
        }
    }

    pub(crate) async fn give_up(&self, id: &IntentId, at: UnixTime) -> Result<(), LedgerError> {
        let outcome = self.ports().ledger.intents().mark_lost(id.clone(), at).await;
        // Also after an error: the write may have succeeded and only the response been lost.
        if !matches!(outcome, Err(LedgerError::NoOpenIntent(_))) {
            tracing::warn!(intent = %id, "an open intent was given up; its serial goes on the CRL");
            self.scope_states.issuer_changed(&id.issuer);
        }
        outcome
    }
}
