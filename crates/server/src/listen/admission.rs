//! Admission of requests: each needs a slot among those in progress, one among the answers, and, for an answer that is
//! not shared, memory. An answer keeps what it has until its last octet is handed to the system, or never will be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::deadlines::{Deadlines, Transfer};
use super::slots::{LimitReached, Peer, Slots};
use crate::limits::Limits;
use crate::load::{Cut, Load};

/// The capacities of one listener.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) limits: Limits,
    pub(super) load: Load,
    pub(super) slots: Arc<Slots>,
    requests: Arc<Semaphore>,
    answers: AtomicUsize,
    octets: AtomicUsize,
}

/// A request, from its head until its answer is sent.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) transfer: Transfer,
    admission: Arc<Admission>,
    /// The peer that it is counted for; `None`: it was refused, and its answer is that refusal.
    counted: Option<Arc<Peer>>,
    octets: AtomicUsize,
}

/// Memory that an answer takes where it is not its whole length: none where its octets are shared, one piece where it
/// is read piece by piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerMemory(pub(crate) usize);

impl Admission {
    pub(super) fn new(limits: Limits, load: Load) -> Arc<Self> {
        Arc::new(Self {
            slots: Slots::new(&limits),
            requests: Arc::new(Semaphore::new(limits.requests)),
            answers: AtomicUsize::new(0),
            octets: AtomicUsize::new(0),
            limits,
            load,
        })
    }

    /// Registers a request.
    pub(super) fn register(self: &Arc<Self>, deadlines: &Arc<Deadlines>, is_complete: bool) -> Admitted {
        Admitted {
            transfer: Transfer::begin(deadlines, is_complete),
            admission: Arc::clone(self),
            counted: None,
            octets: AtomicUsize::new(0),
        }
    }

    /// A slot among the requests in progress.
    pub(super) fn request_slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests).try_acquire_owned().ok()
    }
}

impl Admitted {
    /// Takes a slot for the answer; the error tells which limit is reached.
    pub(super) fn take_answer_slot(&mut self, peer: &Arc<Peer>) -> Result<(), LimitReached> {
        let admission = &self.admission;
        if !add(&peer.answers, 1, admission.limits.answers_per_address()) {
            return Err(LimitReached::Address);
        }
        if !add(&admission.answers, 1, admission.limits.answers) {
            peer.answers.fetch_sub(1, Ordering::Relaxed);
            return Err(LimitReached::Full);
        }
        admission.load.answering();
        self.counted = Some(Arc::clone(peer));
        Ok(())
    }

    /// Takes memory for an answer of that many octets; the error tells which limit is reached. An address that has none
    /// yet gets one answer, however long.
    pub(super) fn take_octets(&self, octets: usize) -> Result<(), LimitReached> {
        let Some(peer) = &self.counted else {
            return Err(LimitReached::Full);
        };
        let (admission, of_one) = (
            &self.admission,
            self.admission.limits.answer_octets_per_address().max(octets),
        );
        if !add(&peer.octets, octets, of_one) {
            return Err(LimitReached::Address);
        }
        if !add(&admission.octets, octets, admission.limits.answer_octets) {
            peer.octets.fetch_sub(octets, Ordering::Relaxed);
            return Err(LimitReached::Full);
        }
        self.octets.fetch_add(octets, Ordering::Relaxed);
        Ok(())
    }

    /// Takes the memory of an answer that reports a change, even beyond the limits: the change is made, and its caller
    /// must learn of it. Only slots for answers bound these.
    pub(super) fn take_octets_regardless(&self, octets: usize) {
        if let Some(peer) = &self.counted {
            peer.octets.fetch_add(octets, Ordering::Relaxed);
            self.admission.octets.fetch_add(octets, Ordering::Relaxed);
            self.octets.fetch_add(octets, Ordering::Relaxed);
        }
    }

    /// Counts a request's body that did not arrive in time.
    pub(super) fn was_slow(&self) {
        self.admission.load.cut(Cut::SlowBody);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(peer) = &self.counted {
            let octets = self.octets.load(Ordering::Relaxed);
            if octets > 0 {
                peer.octets.fetch_sub(octets, Ordering::Relaxed);
                self.admission.octets.fetch_sub(octets, Ordering::Relaxed);
            }
            peer.answers.fetch_sub(1, Ordering::Relaxed);
            self.admission.answers.fetch_sub(1, Ordering::Relaxed);
            self.admission.load.answered();
        }
    }
}

/// Adds unless that exceeds the limit. Whether it did.
fn add(to: &AtomicUsize, number: usize, limit: usize) -> bool {
    let grown = |before: usize| before.checked_add(number).filter(|after| *after <= limit);
    to.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_keeps_its_place_and_memory_until_it_is_gone() {
        let limits = Limits {
            connections: 8,
            connections_per_address: Some(4),
            answers: 4,
            answer_octets: 100,
            ..Limits::default()
        };
        let admission = Admission::new(limits, Load::default());
        let (one, other) = (Arc::new(Peer::default()), Arc::new(Peer::default()));
        let deadlines = Arc::new(Deadlines::new(&limits));
        let let_in = |peer| {
            let mut admitted = admission.register(&deadlines, true);
            let taken = admitted.take_answer_slot(peer);
            (admitted, taken)
        };
        let (first, taken) = let_in(&one);
        assert!(taken.is_ok() && first.take_octets(30).is_ok());
        assert_eq!(first.take_octets(30), Err(LimitReached::Address), "half of the memory");
        let (second, taken) = let_in(&one);
        assert!(taken.is_ok() && second.take_octets(20).is_ok() && second.take_octets(1).is_err());
        let (third, taken) = let_in(&one);
        assert_eq!(
            taken,
            Err(LimitReached::Address),
            "an address has half of the connections, and half of the answers"
        );
        drop((first, third));
        let held: Vec<_> = (0..3).map(|_| let_in(&other)).collect();
        assert_eq!(held.iter().filter(|(_, taken)| taken.is_ok()).count(), 2);
        assert!(held[0].0.take_octets(80).is_ok(), "one answer may be longer");
        assert_eq!(held[1].0.take_octets(1), Err(LimitReached::Address));
        assert_eq!(second.take_octets(1), Err(LimitReached::Full));
        // An answer about a change is sent all the same, and its memory is released like any other.
        second.take_octets_regardless(60);
        drop((second, held));
        assert_eq!(admission.answers.load(Ordering::Relaxed), 0);
        assert_eq!(admission.octets.load(Ordering::Relaxed), 0);
        for peer in [one, other] {
            assert_eq!(peer.answers.load(Ordering::Relaxed), 0);
            assert_eq!(peer.octets.load(Ordering::Relaxed), 0);
        }
    }
}
