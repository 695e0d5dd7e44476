//! Slots for connections: limited in total and for each address, and the choice of who must leave when there is none.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::deadlines::Deadlines;
use crate::limits::Limits;

/// A connection that has been silent for less than this need not make room: its request may be on the way.
const MAY_BE_ASKED_TO_LEAVE: Duration = Duration::from_secs(1);

/// An IPv4 address, or an IPv6 network of 64 bits: what one subscriber has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin(IpAddr);

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()),
        }
    }
}

/// What the connections of one origin hold together.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Slots for connections.
    slots: AtomicUsize,
    /// Requests in progress and answers in transit.
    pub(super) answers: AtomicUsize,
    /// Memory of answers in transit, in octets.
    pub(super) octets: AtomicUsize,
}

/// What is scarce.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resource {
    /// A slot for a connection.
    Slot,
    /// A slot for a request and its answer.
    Answer,
    /// That many octets for an answer.
    Octets(usize),
}

/// The slots of one listener.
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    per_address: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    peers: HashMap<Origin, Arc<Peer>>,
    connections: HashMap<u64, (Arc<Deadlines>, Arc<Peer>)>,
    next: u64,
}

/// Why a connection, or an answer, gets no slot or no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitReached {
    /// This address is at its limit.
    Address,
    /// All are taken.
    Full,
}

/// A slot, freed when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    origin: Origin,
    number: u64,
    pub(super) peer: Arc<Peer>,
    pub(super) deadlines: Arc<Deadlines>,
}

impl Slots {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limit: limits.connections,
            per_address: limits.per_address(),
            taken: Mutex::default(),
            freed: Notify::new(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot for a connection from that address.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, deadlines: &Arc<Deadlines>) -> Result<Slot, LimitReached> {
        let origin = Origin::from(address);
        let mut taken = self.taken();
        let of_origin = taken
            .peers
            .get(&origin)
            .map_or(0, |peer| peer.slots.load(Ordering::Relaxed));
        // An address at its limit is refused even where a slot is free: no connection makes room for it.
        if of_origin >= self.per_address {
            return Err(LimitReached::Address);
        }
        if taken.connections.len() >= self.limit {
            return Err(LimitReached::Full);
        }
        let peer = Arc::clone(taken.peers.entry(origin).or_default());
        peer.slots.fetch_add(1, Ordering::Relaxed);
        let number = taken.next;
        taken.next += 1;
        taken
            .connections
            .insert(number, (Arc::clone(deadlines), Arc::clone(&peer)));
        Ok(Slot {
            slots: Arc::clone(self),
            origin,
            number,
            peer,
            deadlines: Arc::clone(deadlines),
        })
    }

    /// Tells a connection to make room for one from that address: the one that has been silent longest, else one whose
    /// answer is behind, else one whose answer is read slowly. Whether there was one.
    pub(super) fn make_room(&self, address: IpAddr) -> bool {
        let taken = self.taken();
        let silent = taken
            .connections
            .values()
            .filter(|(deadlines, _)| !deadlines.makes_room());
        let longest = silent
            .filter_map(|(deadlines, _)| Some((deadlines.silent_for()?, deadlines)))
            .max_by_key(|(silent, _)| *silent);
        if longest.is_some_and(|(silent, deadlines)| silent >= MAY_BE_ASKED_TO_LEAVE && deadlines.make_room()) {
            return true;
        }
        let peer = taken.peers.get(&Origin::from(address));
        taken.end_one_unread(peer.map(|peer| &**peer), Resource::Slot)
    }

    /// Tells a connection whose answer is behind or read slowly to make room for an answer to that peer. Whether there
    /// was one.
    pub(super) fn make_room_for_answer(&self, peer: &Peer, resource: Resource) -> bool {
        self.taken().end_one_unread(Some(peer), resource)
    }

    /// Waits until a slot is free again.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Taken {
    /// Ends the connection whose answer is furthest behind, of an address that has the most of what is wanted, and
    /// would still have no less than the requester. An address that has as much gains nothing by it, so clients that
    /// reconnect at once evict each other no more than the others.
    ///
    /// Where none is behind, ends the one that is read most slowly, of those that have been in transit for long: so
    /// capacity becomes shared evenly among clients that read at the least rate, or somewhat faster.
    fn end_one_unread(&self, peer: Option<&Peer>, resource: Resource) -> bool {
        let has = |peer: &Peer| match resource {
            Resource::Slot => peer.slots.load(Ordering::Relaxed),
            Resource::Answer => peer.answers.load(Ordering::Relaxed),
            Resource::Octets(_) => peer.octets.load(Ordering::Relaxed),
        };
        let wanted = match resource {
            Resource::Slot | Resource::Answer => 1,
            Resource::Octets(octets) => octets,
        };
        let would_have = peer.map_or(0, has).saturating_add(wanted);
        let rich = self.connections.values().filter(|(_, peer)| has(peer) > would_have);
        let rich = rich.filter(|(deadlines, _)| !deadlines.makes_room());
        let furthest_behind = rich
            .clone()
            .filter_map(|(deadlines, peer)| Some(((has(peer), deadlines.behind()?), deadlines)))
            .max_by_key(|(order, _)| *order);
        if let Some((_, deadlines)) = furthest_behind {
            return deadlines.make_room();
        }
        rich.filter_map(|(deadlines, peer)| Some(((has(peer), Reverse(deadlines.slowest()?)), deadlines)))
            .max_by_key(|(order, _)| *order)
            .is_some_and(|(_, deadlines)| deadlines.make_room_though_read())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        taken.connections.remove(&self.number);
        if self.peer.slots.fetch_sub(1, Ordering::Relaxed) == 1 {
            taken.peers.remove(&self.origin);
        }
        drop(taken);
        self.slots.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(connections: usize, of_one: usize) -> (Arc<Slots>, impl Fn() -> Arc<Deadlines>) {
        let limits = Limits {
            connections,
            connections_per_address: Some(of_one),
            ..Limits::default()
        };
        (Slots::new(&limits), move || Arc::new(Deadlines::new(&limits)))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_address() {
        assert_eq!(Origin::from(ip("2001:db8::1")), Origin::from(ip("2001:db8::ffff:1")));
        assert_ne!(Origin::from(ip("2001:db8::1")), Origin::from(ip("2001:db8:0:1::1")));
        assert_eq!(Origin::from(ip("::ffff:192.0.2.1")), Origin::from(ip("192.0.2.1")));
        assert_ne!(Origin::from(ip("192.0.2.2")), Origin::from(ip("192.0.2.1")));
    }

    #[test]
    fn one_address_leaves_places_for_others() {
        let (slots, deadlines) = slots(4, 2);
        let first = slots.take(ip("192.0.2.1"), &deadlines()).unwrap();
        let _second = slots.take(ip("192.0.2.1"), &deadlines()).unwrap();
        assert_eq!(
            slots.take(ip("192.0.2.1"), &deadlines()).unwrap_err(),
            LimitReached::Address
        );
        let _other = slots.take(ip("192.0.2.2"), &deadlines()).unwrap();
        let _another = slots.take(ip("192.0.2.3"), &deadlines()).unwrap();
        assert_eq!(
            slots.take(ip("192.0.2.4"), &deadlines()).unwrap_err(),
            LimitReached::Full
        );
        drop(first);
        let _again = slots.take(ip("192.0.2.1"), &deadlines()).unwrap();
    }

    #[test]
    fn nothing_is_remembered_of_who_left() {
        let (slots, deadlines) = slots(4, 2);
        let (one, two) = (
            slots.take(ip("192.0.2.1"), &deadlines()).unwrap(),
            slots.take(ip("192.0.2.1"), &deadlines()).unwrap(),
        );
        drop(one);
        assert_eq!(slots.taken().peers.len(), 1);
        drop(two);
        assert!(slots.taken().peers.is_empty() && slots.taken().connections.is_empty());
    }

    #[test]
    fn the_one_that_was_silent_longest_makes_room_and_no_busy_one() {
        let limits = Limits::default();
        let of_age = |seconds| Arc::new(Deadlines::of_age(&limits, Duration::from_secs(seconds)));
        let (slots, _) = slots(4, 4);
        let (busy, older, newer) = (of_age(9), of_age(3), of_age(0));
        let request = super::super::deadlines::Transfer::begin(&busy, true);
        let _busy = slots.take(ip("192.0.2.1"), &busy).unwrap();
        let _newer = slots.take(ip("192.0.2.2"), &newer).unwrap();
        let from = ip("192.0.2.9");
        assert!(!slots.make_room(from), "nobody has been silent for long");
        let _older = slots.take(ip("192.0.2.1"), &older).unwrap();
        assert!(slots.make_room(from));
        assert!(older.makes_room() && !newer.makes_room() && !busy.makes_room());
        assert!(!slots.make_room(from), "it is leaving already, and the others may stay");
        drop(request);
    }

    #[test]
    fn an_answer_that_is_behind_makes_room_for_who_has_less() {
        let limits = Limits::default();
        let (slots, _) = slots(6, 3);
        let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let connect = |address, behind| {
            let deadlines = Arc::new(Deadlines::new(&limits));
            let transfer = super::super::deadlines::Transfer::begin(&deadlines, true);
            transfer.answer();
            transfer.is_behind(Duration::from_secs(behind));
            (slots.take(address, &deadlines).unwrap(), transfer)
        };
        let held = [
            connect(one, 0),
            connect(one, 4),
            connect(one, 9),
            connect(other, 20),
            connect(other, 0),
        ];
        let makes_room = || held.each_ref().map(|(slot, _)| slot.deadlines.makes_room());
        assert!(
            !slots.make_room(other),
            "it would have as much as the one that has most"
        );
        assert!(slots.make_room(ip("192.0.2.3")));
        assert_eq!(
            makes_room(),
            [false, false, true, false, false],
            "of the one that has most"
        );
        assert!(slots.make_room(ip("192.0.2.3")));
        assert_eq!(makes_room(), [false, true, true, false, false]);
        assert!(slots.make_room(ip("192.0.2.3")));
        assert_eq!(makes_room(), [false, true, true, true, false]);
        assert!(!slots.make_room(ip("192.0.2.3")), "who reads in time stays");
    }

    #[test]
    fn who_reads_most_slowly_makes_room_for_who_has_less() {
        let limits = Limits::default();
        let (slots, _) = slots(6, 3);
        let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let connect = |address, seconds, octets| {
            let deadlines = Arc::new(Deadlines::of_age(&limits, Duration::from_mins(1)));
            let transfer = super::super::deadlines::Transfer::begin(&deadlines, true);
            transfer.answer();
            transfer.is_read(Duration::from_secs(seconds), octets);
            (slots.take(address, &deadlines).unwrap(), transfer)
        };
        let held = [
            connect(one, 3, 1),
            connect(one, 20, 400_000),
            connect(one, 12, 120_000),
            connect(other, 50, 1),
            connect(other, 50, 60_000_000),
        ];
        let makes_room = || held.each_ref().map(|(slot, _)| slot.deadlines.makes_room());
        let stranger = ip("192.0.2.3");
        assert!(
            !slots.make_room(other),
            "it would have as much as the one that has most"
        );
        assert!(slots.make_room(stranger));
        assert_eq!(
            makes_room(),
            [false, false, true, false, false],
            "the slowest of the one that has most, and none that has only just begun"
        );
        assert!(held[2].0.deadlines.gives_up(), "it ends at once");
        for expected in [
            [false, true, true, false, false],
            [false, true, true, true, false],
            // However fast they read: capacity is shared evenly.
            [false, true, true, true, true],
        ] {
            assert!(slots.make_room(stranger));
            assert_eq!(makes_room(), expected);
        }
        assert!(!slots.make_room(stranger));
    }

    #[test]
    fn an_answer_makes_room_for_others_answers_and_their_memory() {
        let limits = Limits::default();
        for (resource, of) in [
            (Resource::Answer, |peer: &Peer| &peer.answers),
            (Resource::Octets(9), |peer: &Peer| &peer.octets),
        ] as [(Resource, fn(&Peer) -> &AtomicUsize); 2]
        {
            let (slots, _) = slots(6, 3);
            let deadlines = Arc::new(Deadlines::new(&limits));
            let transfer = super::super::deadlines::Transfer::begin(&deadlines, true);
            transfer.answer();
            transfer.is_behind(Duration::from_secs(4));
            let slot = slots.take(ip("192.0.2.1"), &deadlines).unwrap();
            let newcomer = Peer::default();
            of(&slot.peer).store(9, Ordering::Relaxed);
            of(&newcomer).store(8, Ordering::Relaxed);
            assert!(!slots.make_room_for_answer(&newcomer, resource), "{resource:?}");
            of(&slot.peer).store(18, Ordering::Relaxed);
            assert!(slots.make_room_for_answer(&newcomer, resource), "{resource:?}");
            assert!(deadlines.makes_room());
        }
    }
}
