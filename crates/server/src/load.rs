//! What the server turned away or cut off for want of room or time: counted for `/metrics`, told by `/health`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

/// How long a thing is told by `/health` after it last happened.
const TOLD: Duration = Duration::from_mins(1);

/// Why something was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// A connection: its address has as many as it may have.
    ConnectionOfAddress,
    /// A connection: all places are taken, none of them by one that is silent or does not read.
    Connection,
    /// A connection: the system would not give it to us, for want of descriptors or memory.
    Accept,
    /// A request: as many as may be are in work.
    Request,
    /// A request: too many answers are on their way, altogether or to its address.
    Answer,
    /// An answer: those on their way, altogether or to its address, take all the memory that they may.
    Memory,
}

/// Why something that had begun was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A connection brought no whole request in time.
    Silent,
    /// A connection that was silent, or did not read its answer, had to make room.
    MadeRoom,
    /// A request's body did not arrive in time.
    SlowBody,
    /// An answer was not taken in time.
    Unread,
    /// A connection had not ended when the time for stopping was over.
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

/// When each kind of turning away last happened, in milliseconds since `born`; 0: never.
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

    /// For people who look after the server.
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
    /// Has the counters told with the others.
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

    /// Something was turned away; whether that had not happened for a minute, so that it is worth a line in the log.
    pub(crate) fn shed(&self, what: Shed) -> bool {
        self.shed.get_or_create(&Reason { reason: what.name() }).inc();
        let now = self.last.now();
        let before = self.last.at[what as usize].swap(now, Ordering::Relaxed);
        !Last::is_recent(before, now)
    }

    /// Something was cut off.
    pub(crate) fn cut(&self, why: Cut) {
        self.cut.get_or_create(&Reason { reason: why.name() }).inc();
    }

    /// A sentence for each thing that was turned away within the last minute.
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
    /// Never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    fn is_recent(at: u64, now: u64) -> bool {
        at != 0 && now.saturating_sub(at) <= u64::try_from(TOLD.as_millis()).unwrap_or(u64::MAX)
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
        for (slot, what) in Shed::ALL.into_iter().enumerate() {
            assert_eq!(what as usize, slot);
        }
    }
}
