//! Limits of the server: connections, requests, answers, and how long each may stall. `docs/configuration.md` lists
//! them in one table.

use std::time::Duration;

/// Descriptors that connections never get: for the ledger, the log, publication, webhooks and tokens.
const KEPT_BACK: u64 = 128;

/// Listeners that share the available descriptors.
const LISTENERS: u64 = 2;

/// Fewest descriptors with which a server starts: those reserved, and as many again.
pub const FEWEST_DESCRIPTORS: u64 = 2 * KEPT_BACK;

/// Default limit on connections of one peer address: this part of the listener's.
const SHARE_OF_ONE: usize = 8;

/// Limits of the server; the defaults suit one machine. Every number is per listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections open at once. To make room for another one, the server closes the one that has been silent
    /// longest, or one whose answer is behind, or read slowly for long, of an address that has more; else it closes the
    /// new one at once.
    pub connections: usize,
    /// Most connections from one IPv4 address, or one IPv6 network of 64 bits; further ones are closed at once. `None`:
    /// an eighth of all.
    pub connections_per_address: Option<usize>,
    /// Timeout for the head of the next request, TLS handshake included: from the acceptance of a connection, and from
    /// the end of its last answer.
    pub silence: Duration,
    /// How far a request's body may fall behind the least rate; together with `silence`, how long a connection may last
    /// without a complete request.
    pub body_time: Duration,
    /// How far an answer may fall behind the least rate: one that stalls is cut off after this time.
    pub answer_time: Duration,
    /// Octets a second at which the body of a request or an answer must move.
    pub least_rate: u64,
    /// Most octets of a request's body.
    pub body: usize,
    /// How long a request may take, its body's arrival included.
    pub request_time: Duration,
    /// Requests in progress at once; further ones are answered 503.
    pub requests: usize,
    /// Requests in progress and answers being sent at once, an eighth of them on connections from one address; further
    /// requests are answered 503.
    pub answers: usize,
    /// Octets of unshared answers being sent, an eighth of them on connections from one address: of all but published
    /// files, of which one copy serves every client, and answers that are short or report a change.
    pub answer_octets: usize,
}

impl Limits {
    /// Most concurrent streams of an HTTP/2 connection.
    pub(crate) const STREAMS: u32 = 16;

    /// Octets of an answer up to which it needs no memory beyond its slot: `/health`, a certificate, a problem.
    pub(crate) const SHORT_ANSWER: usize = 16 * 1024;

    /// Most octets of a request's head: more than a token, a cookie and every conditional header together.
    pub(crate) const HEAD: usize = 16 * 1024;

    /// The same limits, with no more connections than that many descriptors allow, some of which are reserved.
    #[must_use]
    pub fn within(mut self, descriptors: u64) -> Self {
        let slots = descriptors.saturating_sub(KEPT_BACK) / LISTENERS;
        self.connections = self
            .connections
            .min(usize::try_from(slots).unwrap_or(usize::MAX))
            .max(1);
        self
    }

    /// Descriptors that these limits can use.
    pub fn descriptors(&self) -> u64 {
        self.connections as u64 * LISTENERS + KEPT_BACK
    }

    /// Most connections of one address.
    pub(crate) fn per_address(&self) -> usize {
        let share = (self.connections / SHARE_OF_ONE).max(1);
        self.connections_per_address.unwrap_or(share).min(self.connections)
    }

    /// Most requests and answers on connections from one address.
    pub(crate) fn answers_per_address(&self) -> usize {
        // An address that may have more connections serves more people, and may have proportionally more answers.
        self.share_of_one(self.answers)
    }

    /// Memory for answers on connections from one address.
    pub(crate) fn answer_octets_per_address(&self) -> usize {
        self.share_of_one(self.answer_octets)
    }

    /// The share of one address in `all`: the same part as of the connections.
    pub(crate) fn share_of_one(&self, all: usize) -> usize {
        let share = self.per_address().saturating_mul(all) / self.connections.max(1);
        share.min(all).max(1)
    }

    /// How long a connection may last without a complete request.
    pub(crate) fn without_request(&self) -> Duration {
        self.silence + self.body_time
    }

    /// How long work may go on after the server is told to stop: the time that a request and its answer were promised.
    pub(crate) fn stop_time(&self) -> Duration {
        self.request_time + self.answer_time
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: None,
            silence: Duration::from_secs(15),
            body_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(30),
            least_rate: 8 * 1024,
            // The largest legal request: 64 KiB of CSR in base64 beside names and extensions.
            body: 256 * 1024,
            request_time: Duration::from_secs(30),
            requests: 1024,
            answers: 4096,
            answer_octets: 64 << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        let limits = Limits::default();
        assert_eq!(limits.within(1_000_000), limits);
        for descriptors in [FEWEST_DESCRIPTORS, 1024, 4096] {
            let fitted = limits.within(descriptors);
            assert_eq!(fitted.connections as u64, (descriptors - KEPT_BACK) / 2);
            assert!(fitted.descriptors() <= descriptors);
            // At least eight addresses share the slots.
            assert!(fitted.per_address() * SHARE_OF_ONE <= fitted.connections);
            assert!(fitted.answers_per_address() * SHARE_OF_ONE <= fitted.answers);
            assert!(fitted.answer_octets_per_address() * SHARE_OF_ONE <= fitted.answer_octets);
        }
        assert!(limits.descriptors() <= 8192 + KEPT_BACK);
    }

    #[test]
    fn what_is_said_of_one_address_holds_within_the_whole() {
        let limits = Limits {
            connections_per_address: Some(100_000),
            ..Limits::default()
        };
        assert_eq!(limits.within(1024).per_address(), 448);
        assert_eq!(limits.within(1024).answers_per_address(), 4096);
    }

    #[test]
    fn nothing_silent_stays_longer_than_thirty_seconds_and_nothing_stuck_longer_than_sixty() {
        let limits = Limits::default();
        assert!(limits.without_request() <= Duration::from_secs(30));
        assert!(limits.answer_time + limits.body_time <= Duration::from_mins(1));
        assert!(limits.stop_time() >= limits.request_time);
    }
}
