//! Limits of the server: connections, requests, answers, and how long each may stand still. `docs/configuration.md` has them
//! in one table.

use std::time::Duration;

/// Descriptors that connections never get: the ledger's, the log's, those of publication, of webhooks and tokens.
const KEPT_BACK: u64 = 128;

/// Listeners that share what descriptors there are.
const LISTENERS: u64 = 2;

/// Descriptors below which a server does not start: what is kept back, and as many again.
pub const FEWEST_DESCRIPTORS: u64 = 2 * KEPT_BACK;

/// Connections of one peer address, where nothing else is said: this part of the listener's.
const SHARE_OF_ONE: usize = 8;

/// Limits of the server; the defaults suit one machine. All that is counted is counted for each listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once. For another one, the one that has been silent longest is closed, or one whose answer is
    /// behind, or read slowly for long, of an address that has more; where there is none, the new one is closed at once.
    pub connections: usize,
    /// The same from one IPv4 address, or one IPv6 network of 64 bits; further ones are closed at once. `None`: an eighth
    /// of all.
    pub connections_per_address: Option<usize>,
    /// From the acceptance of a connection, and from the end of its last answer, to the head of the next request, the TLS
    /// handshake included.
    pub silence: Duration,
    /// How far a request's body may fall behind the least rate; with `silence` together, how long a connection may last
    /// without a whole request.
    pub body_time: Duration,
    /// How far an answer may fall behind the least rate: what stands still is gone after this time.
    pub answer_time: Duration,
    /// Octets a second at which a body, of a request or an answer, has to move.
    pub least_rate: u64,
    /// Octets of a request's body at most.
    pub body: usize,
    /// How long a request may take, its body's arrival included.
    pub request_time: Duration,
    /// Requests in work at once; further ones are turned away with 503.
    pub requests: usize,
    /// Requests in work and answers on their way at once, an eighth of them on connections from one address; further
    /// requests are turned away with 503.
    pub answers: usize,
    /// Octets of answers on their way that are nobody else's, an eighth of them on connections from one address: all but
    /// published files, of which one copy serves everybody, and answers that are short or tell of a change.
    pub answer_octets: usize,
}

impl Limits {
    /// Streams of an HTTP/2 connection at once.
    pub(crate) const STREAMS: u32 = 16;

    /// Octets of an answer up to which its place is all that it needs: `/health`, a certificate, a problem.
    pub(crate) const SHORT_ANSWER: usize = 16 * 1024;

    /// Octets of a request's head at most: more than a token, a cookie and every condition that there is.
    pub(crate) const HEAD: usize = 16 * 1024;

    /// The same limits with no more connections than so many descriptors allow, some of which are kept for everything else.
    #[must_use]
    pub fn within(mut self, descriptors: u64) -> Self {
        let slots = descriptors.saturating_sub(KEPT_BACK) / LISTENERS;
        self.connections = self
            .connections
            .min(usize::try_from(slots).unwrap_or(usize::MAX))
            .max(1);
        self
    }

    /// Descriptors that these limits can make use of.
    pub fn descriptors(&self) -> u64 {
        self.connections as u64 * LISTENERS + KEPT_BACK
    }

    /// Connections of one address.
    pub(crate) fn per_address(&self) -> usize {
        let share = (self.connections / SHARE_OF_ONE).max(1);
        self.connections_per_address.unwrap_or(share).min(self.connections)
    }

    /// Requests and answers on connections from one address.
    pub(crate) fn answers_per_address(&self) -> usize {
        // Who may have more connections serves more people, and may have the more answers.
        self.share_of_one(self.answers)
    }

    /// Memory of answers on connections from one address.
    pub(crate) fn answer_octets_per_address(&self) -> usize {
        self.share_of_one(self.answer_octets)
    }

    /// Of that many, what one address may have: as large a part as of the connections.
    pub(crate) fn share_of_one(&self, all: usize) -> usize {
        let share = self.per_address().saturating_mul(all) / self.connections.max(1);
        share.min(all).max(1)
    }

    /// How long a connection may last without a whole request.
    pub(crate) fn without_request(&self) -> Duration {
        self.silence + self.body_time
    }

    /// How long work may go on after the order to stop: what a request and its answer were promised.
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
            // Eight addresses at least share the places.
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
