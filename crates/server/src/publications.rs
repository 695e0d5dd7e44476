//! Publications of CRLs on request: each runs on a task of its own, since with a thousand shards it takes longer than a
//! caller waits for an answer, and its progress can be queried by its id. The ledger and the files show what is
//! published; only the progress of a request is kept here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_api::crls::CrlEntry;
use chancery_authority::Authority;
use chancery_authority::port::PublicationError;
use chancery_authority::port::ledger::CrlScope;
use chancery_authority::publish::PublishError;
use tokio::sync::watch;

use crate::changes::{Changes, LONGEST};

/// Most publications kept, running or done; beyond that the oldest one that is done is dropped, and while all are
/// running no further one is accepted.
const KEPT: usize = 16;

/// Progress of one publication.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// CRLs to be made.
    pub(crate) total: usize,
    /// Outcomes of those that were.
    pub(crate) done: Vec<CrlEntry>,
}

impl Progress {
    pub(crate) fn is_finished(&self) -> bool {
        self.done.len() == self.total
    }
}

/// One publication.
#[derive(Clone)]
pub(crate) struct Publishing {
    /// Its id.
    pub(crate) id: String,
    progress: watch::Receiver<Progress>,
}

impl Publishing {
    /// Its progress once it is finished, or after that time.
    pub(crate) async fn after(&self, timeout: Duration) -> Progress {
        let mut progress = self.progress.clone();
        let finished = progress.wait_for(Progress::is_finished);
        if let Ok(Ok(progress)) = tokio::time::timeout(timeout, finished).await {
            return progress.clone();
        }
        self.progress.borrow().clone()
    }

    /// Whether nothing more comes: all are made, or its task ended early.
    fn is_over(&self) -> bool {
        self.progress.has_changed().is_err() || self.progress.borrow().is_finished()
    }

    /// Whether its task ended before all were made.
    pub(crate) fn ended_early(&self) -> bool {
        self.progress.has_changed().is_err() && !self.progress.borrow().is_finished()
    }
}

/// The publications of this process.
#[derive(Default)]
pub(crate) struct Publications(Mutex<VecDeque<Publishing>>);

impl Publications {
    /// Makes and publishes those CRLs one after another, whether or not each succeeds. `None`: too much is in progress.
    pub(crate) fn start(
        &self,
        authority: &Arc<Authority>,
        changes: &Changes,
        scopes: Vec<CrlScope>,
    ) -> Option<Publishing> {
        let mut publications = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if publications.len() >= KEPT {
            let over = publications.iter().position(Publishing::is_over)?;
            publications.remove(over);
        }
        let mut octets = [0; 8];
        authority.ports().entropy.fill(&mut octets);
        let (sender, progress) = watch::channel(Progress {
            total: scopes.len(),
            done: Vec::new(),
        });
        let worker = Arc::clone(authority);
        // Each CRL has the time that a request has: a publication of a thousand takes longer than that, but no step may
        // hang.
        let longest = LONGEST.saturating_mul(u32::try_from(scopes.len()).unwrap_or(u32::MAX).saturating_add(1));
        changes.run(longest, async move {
            for scope in scopes {
                let entry = match tokio::time::timeout(LONGEST, worker.publish_crl(&scope)).await {
                    Ok(outcome) => CrlEntry::published(&scope, &outcome, problem_of),
                    Err(_) => CrlEntry::given_up(&scope, LONGEST),
                };
                sender.send_modify(|progress| progress.done.push(entry));
            }
        })?;
        let publication = Publishing {
            id: data_encoding::HEXLOWER.encode(&octets),
            progress,
        };
        publications.push_back(publication.clone());
        Some(publication)
    }

    /// The publication of that id, as long as it is kept.
    pub(crate) fn find(&self, id: &str) -> Option<Publishing> {
        let publications = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        publications.iter().find(|publication| publication.id == id).cloned()
    }
}

/// The answer where a CRL was not published: what the caller can do about it. Everything else, such as paths of this
/// machine and the key store's error, goes to the log.
pub(crate) fn problem_of(error: &PublishError) -> String {
    let inside = match error {
        PublishError::UnknownCa(_)
        | PublishError::Lint { .. }
        | PublishError::ShardWithoutUrl(_)
        | PublishError::Ahead { .. }
        | PublishError::NotOurs { .. }
        | PublishError::SharedFile { .. }
        | PublishError::OfAnotherCa { .. }
        | PublishError::ClockBehind { .. }
        | PublishError::NotListed { .. }
        | PublishError::Contended { .. }
        | PublishError::Publication(PublicationError::PreconditionFailed { .. }) => return error.to_string(),
        PublishError::NotBelieved(_) => "the CA's certificate is not believed",
        PublishError::Ledger(_) => "the ledger does not answer",
        PublishError::KeyStore(_) => "the key store made no signature",
        PublishError::BadSignature { .. } => "the key store made a wrong signature",
        PublishError::Publication(_) => "its file could not be written or read",
        _ => "it could not be written",
    };
    format!("the CRL was not published: {inside}; the server's log says why, and it is tried again")
}

#[cfg(test)]
mod tests {
    use chancery_authority::port::{KeyName, KeyStoreError, LedgerError, PublishedName, Receipt};

    use super::*;

    /// Visible only to the operator of the machine.
    const INSIDE: &str = "/srv/inside";

    #[test]
    fn what_is_answered_of_a_failure_shows_nothing_of_the_machine() {
        let io = || std::io::Error::other(INSIDE);
        let failures = [
            PublishError::Publication(PublicationError::Failed {
                name: PublishedName::new("a.crl").unwrap(),
                detail: INSIDE.to_owned(),
            }),
            PublishError::Ledger(LedgerError::Unavailable {
                detail: INSIDE.to_owned(),
            }),
            PublishError::KeyStore(KeyStoreError::Unavailable {
                detail: INSIDE.to_owned(),
            }),
            PublishError::Scratch(io()),
            PublishError::Revocations(io()),
            PublishError::BadSignature {
                key: KeyName(INSIDE.to_owned()),
                receipt: Receipt(INSIDE.to_owned()),
            },
        ];
        for failure in failures {
            assert!(failure.to_string().contains(INSIDE), "{failure}");
            let message = problem_of(&failure);
            assert!(!message.contains(INSIDE) && message.contains("log"), "{message}");
        }
    }
}
