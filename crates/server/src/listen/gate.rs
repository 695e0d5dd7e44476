//! What a request needs to come in: a place among those in work, one among the answers on their way, and, for an answer that
//! is nobody else's, memory. An answer keeps what it has until its last octet is with the system, or will never be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::places::{Peer, Places};
use super::pulse::{Pulse, Way};
use crate::limits::Limits;
use crate::load::{Cut, Load, Shed};

/// What one listener has to give.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) limits: Limits,
    pub(super) load: Load,
    pub(super) places: Arc<Places>,
    requests: Arc<Semaphore>,
    answers: AtomicUsize,
    octets: AtomicUsize,
}

/// A request, from its head until its answer is gone.
#[derive(Debug)]
pub(super) struct Stay {
    pub(super) way: Way,
    gate: Arc<Gate>,
    /// Where it counts; `None`: it was turned away, and its answer says so.
    counted: Option<Arc<Peer>>,
    octets: AtomicUsize,
}

/// Marks an answer whose octets are others', too: they cost nothing more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedOctets;

impl Gate {
    pub(super) fn new(limits: Limits, load: Load) -> Arc<Self> {
        Arc::new(Self {
            places: Places::new(&limits),
            requests: Arc::new(Semaphore::new(limits.requests)),
            answers: AtomicUsize::new(0),
            octets: AtomicUsize::new(0),
            limits,
            load,
        })
    }

    /// Lets a request in, or says why not.
    pub(super) fn let_in(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        pulse: &Arc<Pulse>,
        is_whole: bool,
    ) -> (Stay, Option<Shed>) {
        let way = Way::begin(pulse, is_whole);
        let of_peer = add(&peer.answers, 1, self.limits.answers_per_address());
        let of_all = of_peer && add(&self.answers, 1, self.limits.answers);
        if of_peer && !of_all {
            peer.answers.fetch_sub(1, Ordering::Relaxed);
        }
        if of_all {
            self.load.answering();
        }
        let stay = Stay {
            way,
            gate: Arc::clone(self),
            counted: of_all.then(|| Arc::clone(peer)),
            octets: AtomicUsize::new(0),
        };
        (stay, (!of_all).then_some(Shed::Answer))
    }

    /// A place among the requests in work.
    pub(super) fn work(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests).try_acquire_owned().ok()
    }
}

impl Stay {
    /// Memory for so many octets of an answer; whether there is that much.
    pub(super) fn take_octets(&self, octets: usize) -> bool {
        let taken = add(&self.gate.octets, octets, self.gate.limits.answer_octets);
        if taken {
            self.octets.fetch_add(octets, Ordering::Relaxed);
        }
        taken
    }

    /// The request's body did not arrive in time.
    pub(super) fn was_slow(&self) {
        self.gate.load.cut(Cut::SlowBody);
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.gate
            .octets
            .fetch_sub(self.octets.load(Ordering::Relaxed), Ordering::Relaxed);
        if let Some(peer) = &self.counted {
            peer.answers.fetch_sub(1, Ordering::Relaxed);
            self.gate.answers.fetch_sub(1, Ordering::Relaxed);
            self.gate.load.answered();
        }
    }
}

/// Adds where that does not go beyond the limit.
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
        let gate = Gate::new(limits, Load::default());
        let (one, other) = (Arc::new(Peer::default()), Arc::new(Peer::default()));
        let pulse = Arc::new(Pulse::new(&limits));
        let (first, shed) = gate.let_in(&one, &pulse, true);
        assert!(shed.is_none() && first.take_octets(60) && !first.take_octets(60));
        let (second, shed) = gate.let_in(&one, &pulse, true);
        assert!(shed.is_none() && second.take_octets(40) && !second.take_octets(1));
        let (third, shed) = gate.let_in(&one, &pulse, true);
        assert_eq!(
            shed,
            Some(Shed::Answer),
            "an address has half of the connections, and half of the answers"
        );
        drop((first, third));
        let held: Vec<_> = (0..3).map(|_| gate.let_in(&other, &pulse, true)).collect();
        assert_eq!(held.iter().filter(|(_, shed)| shed.is_none()).count(), 2);
        assert!(second.take_octets(60));
        drop((second, held));
        assert_eq!(gate.answers.load(Ordering::Relaxed), 0);
        assert_eq!(gate.octets.load(Ordering::Relaxed), 0);
        assert_eq!(
            one.answers.load(Ordering::Relaxed) + other.answers.load(Ordering::Relaxed),
            0
        );
    }
}
