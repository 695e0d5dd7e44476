//! Counters of what the server refused or cut off for lack of capacity or time, for `/metrics` and `/health`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

/// How long `/health` reports a refusal after it last happened.
const REPORTED_FOR: Duration = Duration::from_mins(1);

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// A connection: its address is at its limit.
    ConnectionOfAddress,
    /// A connection: all slots are taken, none of them by a connection that is silent or does not read.
    Connection,
    /// A connection: the system could not accept it, for lack of descriptors or memory.
    Accept,
    /// A request: as many are in progress as may be.
    Request,
    /// A request: too many answers are in transit, in total or to its address.
    Answer,
    /// An answer: those in transit, in total or to its address, take all the memory that they may.
    Memory,
}

/// Why something in progress was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A connection sent no complete request in time.
    Silent,
    /// A connection that was silent, or did not read its answer, had to make room.
    MadeRoom,
    /// A request's body did not arrive in time.
    SlowBody,
    /// An answer was not read in time.
    Unread,
    /// A connection had not ended when the time for stopping had passed.
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// The counters. Cheap to clone: clones count together.
#[derive(Clone, Debug)]
pub struct Load {
    connections: Gauge,
    answers: Gauge,
    shed: Family<Reason, Counter>,
    cut: Family<Reason, Counter>,
    last: Arc<Last>,
}

/// When each kind of refusal last happened, in milliseconds since `born`; 0: never.
#[derive(Debug)]
struct Last {
    born: Instant,
    at: [AtomicU64; Shed::ALL.len()],
}

impl Shed {
    const ALL: [Self; 6] = [
        Self::ConnectionOfAddress,
        Self::Connection,
        Self::Accept,
        Self::Request,
        Self::Answer,
        Self::Memory,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::ConnectionOfAddress => "connections_of_address",
            Self::Connection => "connections",
            Self::Accept => "accept",
            Self::Request => "requests",
            Self::Answer => "answers",
            Self::Memory => "memory",
        }
    }

    /// A sentence for the operator.
    fn sentence(self) -> &'static str {
        match self {
            Self::ConnectionOfAddress => {
                "connections are turned away: an address has as many open as it may have (limits.connections_per_address)"
            }
            Self::Connection => "connections are turned away: as many are open as may be (limits.connections)",
            Self::Accept => "connections cannot be accepted: the system has no descriptors or memory for them",
            Self::Request => "requests are turned away: as many are in work as may be",
            Self::Answer => "requests are turned away: too many answers are on their way and not taken",
            Self::Memory => "requests are turned away: answers that are not taken fill the memory that they may have",
        }
    }
}

impl Cut {
    fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::MadeRoom => "made_room",
            Self::SlowBody => "slow_body",
            Self::Unread => "unread",
            Self::Stopped => "stopped",
        }
    }
}

impl Default for Load {
    fn default() -> Self {
        Self {
            connections: Gauge::default(),
            answers: Gauge::default(),
            shed: Family::default(),
            cut: Family::default(),
            last: Arc::new(Last {
                born: Instant::now(),
                at: Default::default(),
            }),
        }
    }
}

impl Load {
    /// Registers the counters with the others.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("connections_open", "Connections open now", self.connections.clone());
        registry.register(
            "answers_open",
            "Requests in work and answers on their way now",
            self.answers.clone(),
        );
        registry.register(
            "load_shed",
            "Connections and requests that were turned away, by reason",
            Family::clone(&self.shed),
        );
        registry.register(
            "load_cut",
            "Connections and bodies that were cut off, by reason",
            Family::clone(&self.cut),
        );
    }

    /// Counts a refusal; whether it is the first for a minute, and so worth a line in the log.
    pub(crate) fn shed(&self, what: Shed) -> bool {
        self.shed.get_or_create(&Reason { reason: what.name() }).inc();
        let now = self.last.now();
        let before = self.last.at[what as usize].swap(now, Ordering::Relaxed);
        !Last::is_recent(before, now)
    }

    /// Counts something that was cut off.
    pub(crate) fn cut(&self, why: Cut) {
        self.cut.get_or_create(&Reason { reason: why.name() }).inc();
    }

    /// A sentence for each kind of refusal within the last minute.
    pub fn problems(&self) -> Vec<&'static str> {
        let now = self.last.now();
        let recent = |what: &Shed| Last::is_recent(self.last.at[*what as usize].load(Ordering::Relaxed), now);
        Shed::ALL.into_iter().filter(recent).map(Shed::sentence).collect()
    }

    pub(crate) fn connected(&self) {
        self.connections.inc();
    }

    pub(crate) fn disconnected(&self) {
        self.connections.dec();
    }

    pub(crate) fn answering(&self) {
        self.answers.inc();
    }

    pub(crate) fn answered(&self) {
        self.answers.dec();
    }
}

impl Last {
    /// Milliseconds since `born`; never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    fn is_recent(at: u64, now: u64) -> bool {
        at != 0 && now.saturating_sub(at) <= u64::try_from(REPORTED_FOR.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_turned_away_is_told_and_logged_once() {
        let load = Load::default();
        assert!(load.problems().is_empty());
        assert!(load.shed(Shed::ConnectionOfAddress));
        assert!(!load.shed(Shed::ConnectionOfAddress));
        assert!(load.shed(Shed::Memory));
        assert_eq!(load.problems().len(), 2);
        let mut registry = Registry::default();
        load.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(
            text.contains("load_shed_total{reason=\"connections_of_address\"} 2"),
            "{text}"
        );
    }

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        for (index, what) in Shed::ALL.into_iter().enumerate() {
            assert_eq!(what as usize, index);
        }
    }
}
