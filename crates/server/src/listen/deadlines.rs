//! The deadlines of a connection: when it last made progress, and by when each of its requests and answers must make
//! some. Progress updates an atomic; one task for each connection checks the deadlines, when the next one may have
//! passed.
//!
//! Only octets of requests and answers count: those of a body that arrive, those of an answer that are sent. HTTP/2
//! frames that require an acknowledgement (PING, SETTINGS) are no progress.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::Limits;

/// No deadline: the request is with its handler, which has a timeout of its own.
const NONE: u64 = u64::MAX;

/// Milliseconds behind the least rate from which an answer may have to make room. At the least rate a piece of it is
/// sent every two seconds, so a client that reads at that rate is never so far behind.
const BEHIND: u64 = 3000;

/// Milliseconds that an answer may take before it may have to make room although it moves at the least rate. Answers of
/// an authority are short; a client that takes longer has a slow line, or reads slowly on purpose.
const LONG: u64 = 10_000;

/// Milliseconds that the handler reading a body has to answer that it is late, before the connection is cut for it.
const TO_ANSWER: u64 = 1000;

/// One connection's deadlines.
#[derive(Debug)]
pub(crate) struct Deadlines {
    born: Instant,
    limits: Times,
    /// Complete requests whose answers are not sent yet.
    complete: AtomicU32,
    /// Requests whose bodies are still arriving.
    arriving: AtomicU32,
    /// Since when there has been no complete request, in milliseconds after `born`.
    quiet_since: AtomicU64,
    /// Deadlines of bodies and answers in transit.
    clocks: Mutex<Vec<Arc<Clock>>>,
    /// The connection is being dropped, and the data in the system's buffers with it.
    is_cut: AtomicBool,
    /// It must make room for another connection.
    make_room: AtomicBool,
    /// It must make room although its answer moves.
    make_room_though_read: AtomicBool,
    wake: Notify,
}

/// The limits in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Times {
    silence: u64,
    without_request: u64,
    body: u64,
    answer: u64,
    rate: u64,
}

/// Result of checking a connection's deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to do; check again at that time.
    Fine(Instant),
    /// It may finish what is in progress, and accepts nothing new; check again at that time.
    Finish(Instant),
    /// No complete request came in time.
    Silent,
    /// A body or an answer does not move.
    Stuck,
}

/// By when a body must have moved, in milliseconds after the connection's acceptance.
#[derive(Debug)]
struct Clock {
    deadline: AtomicU64,
    /// Whether the body is an answer's.
    is_answer: AtomicBool,
    /// Since when that has been in transit, in milliseconds after the connection's acceptance.
    since: AtomicU64,
    /// Octets of it that were sent.
    gone: AtomicU64,
}

/// A body in transit, in or out: it must move at the least rate, and may fall behind it by a limited time.
#[derive(Debug)]
pub(crate) struct Transfer {
    deadlines: Arc<Deadlines>,
    clock: Arc<Clock>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Arriving,
    Complete,
    Answering,
}

impl Deadlines {
    /// For a connection that was accepted now.
    pub(super) fn new(limits: &Limits) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 4);
        Self {
            born: Instant::now(),
            limits: Times {
                silence: millis(limits.silence),
                without_request: millis(limits.without_request()),
                body: millis(limits.body_time),
                answer: millis(limits.answer_time),
                rate: limits.least_rate.max(1),
            },
            complete: AtomicU32::new(0),
            arriving: AtomicU32::new(0),
            quiet_since: AtomicU64::new(0),
            clocks: Mutex::default(),
            is_cut: AtomicBool::new(false),
            make_room: AtomicBool::new(false),
            make_room_though_read: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// For a connection that was accepted that long ago.
    #[cfg(test)]
    pub(super) fn of_age(limits: &Limits, age: Duration) -> Self {
        let mut deadlines = Self::new(limits);
        deadlines.born = deadlines.born.checked_sub(age).unwrap();
        deadlines
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn at(&self, millis: u64) -> Instant {
        self.born + Duration::from_millis(millis)
    }

    fn clocks(&self) -> MutexGuard<'_, Vec<Arc<Clock>>> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deadline for the head of the first request.
    pub(super) fn first_head(&self) -> Instant {
        self.at(self.limits.silence)
    }

    /// Checks the deadlines.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict_at(self.now())
    }

    fn verdict_at(&self, now: u64) -> Verdict {
        // No deadline is ever set nearer than this, so checking this often misses none.
        let mut again = now.saturating_add(self.limits.silence.min(self.limits.body).min(self.limits.answer));
        for clock in self.clocks().iter() {
            let deadline = clock.deadline.load(Ordering::Relaxed);
            if deadline <= now {
                return Verdict::Stuck;
            }
            again = again.min(deadline);
        }
        if !self.is_busy() {
            let since = self.quiet_since.load(Ordering::Relaxed);
            let (head, complete) = (since + self.limits.silence, since + self.limits.without_request);
            if complete <= now {
                return Verdict::Silent;
            }
            if head <= now && self.arriving.load(Ordering::Relaxed) == 0 {
                return Verdict::Finish(self.at(again.min(complete)));
            }
            again = again.min(if head <= now { complete } else { head });
        }
        Verdict::Fine(self.at(again))
    }

    /// Whether a complete request is in progress, or its answer in transit.
    pub(super) fn is_busy(&self) -> bool {
        self.complete.load(Ordering::Acquire) > 0
    }

    /// Whether nothing at all is in progress.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_busy() && self.arriving.load(Ordering::Acquire) == 0
    }

    /// For how long there has been no complete request; `None` while there is one.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        let since = self.quiet_since.load(Ordering::Relaxed);
        (!self.is_busy()).then(|| Duration::from_millis(self.now().saturating_sub(since)))
    }

    /// How far the slowest answer is behind the least rate. `None`: none is behind enough to make room, or a request is
    /// in progress, whose answer would be lost.
    pub(super) fn behind(&self) -> Option<Duration> {
        self.behind_at(self.now())
    }

    fn behind_at(&self, now: u64) -> Option<Duration> {
        let mut most = 0;
        for clock in self.clocks().iter() {
            let deadline = clock.deadline.load(Ordering::Relaxed);
            if deadline == NONE {
                return None;
            }
            if clock.is_answer.load(Ordering::Relaxed) {
                most = most.max(now.saturating_add(self.limits.answer).saturating_sub(deadline));
            }
        }
        (most >= BEHIND).then(|| Duration::from_millis(most))
    }

    /// Octets a second of the slowest answer, among those that have been in transit for long. `None`: there is none, or
    /// a request is in progress, whose answer would be lost.
    pub(super) fn slowest(&self) -> Option<u64> {
        self.slowest_at(self.now())
    }

    fn slowest_at(&self, now: u64) -> Option<u64> {
        let mut slowest = None;
        for clock in self.clocks().iter() {
            if clock.deadline.load(Ordering::Relaxed) == NONE {
                return None;
            }
            let under_way = now.saturating_sub(clock.since.load(Ordering::Relaxed));
            if clock.is_answer.load(Ordering::Relaxed) && under_way >= LONG {
                let rate = clock.gone.load(Ordering::Relaxed).saturating_mul(1000) / under_way;
                slowest = Some(slowest.map_or(rate, |before: u64| before.min(rate)));
            }
        }
        slowest
    }

    /// Tells the connection to make room although its answers move. Whether it had not been told to make room before.
    pub(super) fn make_room_though_read(&self) -> bool {
        self.make_room_though_read.store(true, Ordering::Release);
        self.make_room()
    }

    /// Whether what is in progress must be given up for others.
    pub(super) fn gives_up(&self) -> bool {
        self.behind().is_some() || (self.make_room_though_read.load(Ordering::Acquire) && self.slowest().is_some())
    }

    /// Tells the connection to make room. Whether it had not been told before.
    pub(super) fn make_room(&self) -> bool {
        let first = !self.make_room.swap(true, Ordering::AcqRel);
        self.wake.notify_one();
        first
    }

    /// Whether it was told to make room.
    pub(super) fn makes_room(&self) -> bool {
        self.make_room.load(Ordering::Acquire)
    }

    /// Waits until it is told to make room.
    pub(super) async fn room_requested(&self) {
        while !self.makes_room() {
            self.wake.notified().await;
        }
    }

    /// Marks that the data still to be sent can be discarded.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
    }

    /// Whether the connection was cut.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }
}

impl Transfer {
    /// The head of a request has arrived; where it `is_complete`, so has its body.
    pub(crate) fn begin(deadlines: &Arc<Deadlines>, is_complete: bool) -> Self {
        let state = if is_complete { State::Complete } else { State::Arriving };
        let clock = match state {
            State::Arriving => {
                deadlines.arriving.fetch_add(1, Ordering::AcqRel);
                deadlines.now() + deadlines.limits.body + TO_ANSWER
            }
            State::Complete | State::Answering => {
                deadlines.complete.fetch_add(1, Ordering::AcqRel);
                NONE
            }
        };
        let clock = Arc::new(Clock {
            deadline: AtomicU64::new(clock),
            is_answer: AtomicBool::new(false),
            since: AtomicU64::new(0),
            gone: AtomicU64::new(0),
        });
        deadlines.clocks().push(Arc::clone(&clock));
        Self {
            deadlines: Arc::clone(deadlines),
            clock,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body is complete: from now on its handler runs.
    pub(crate) fn arrived(&self) {
        let mut state = self.state();
        if *state == State::Arriving {
            *state = State::Complete;
            self.deadlines.complete.fetch_add(1, Ordering::AcqRel);
            self.deadlines.arriving.fetch_sub(1, Ordering::AcqRel);
            self.clock.deadline.store(NONE, Ordering::Relaxed);
        }
    }

    /// There is an answer, whether or not the request was read completely: the client must read it from now on.
    pub(crate) fn answer(&self) {
        self.arrived();
        *self.state() = State::Answering;
        let now = self.deadlines.now();
        let deadline = now + self.deadlines.limits.answer;
        self.clock.since.store(now, Ordering::Relaxed);
        self.clock.gone.store(0, Ordering::Relaxed);
        self.clock.is_answer.store(true, Ordering::Relaxed);
        self.clock.deadline.store(deadline, Ordering::Relaxed);
    }

    /// Counts octets that moved. They extend the deadline by the time that they may take at the least rate, never
    /// beyond its initial distance.
    pub(crate) fn moved(&self, octets: usize) {
        self.clock.gone.fetch_add(octets as u64, Ordering::Relaxed);
        let most = match *self.state() {
            State::Arriving => self.deadlines.limits.body + TO_ANSWER,
            State::Complete => return,
            State::Answering => self.deadlines.limits.answer,
        };
        let earned = (octets as u64).saturating_mul(1000) / self.deadlines.limits.rate;
        let before = self.clock.deadline.load(Ordering::Relaxed);
        let deadline = before.saturating_add(earned).min(self.deadlines.now() + most);
        self.clock.deadline.store(deadline, Ordering::Relaxed);
    }

    /// As if the client had not read for that long.
    #[cfg(test)]
    pub(super) fn is_behind(&self, behind: Duration) {
        let behind = u64::try_from(behind.as_millis()).unwrap();
        self.clock.deadline.fetch_sub(behind, Ordering::Relaxed);
    }

    /// As if the answer had been in transit for that long, with that many octets sent.
    #[cfg(test)]
    pub(super) fn is_read(&self, under_way: Duration, octets: u64) {
        let since = self.deadlines.now() - u64::try_from(under_way.as_millis()).unwrap();
        self.clock.since.store(since, Ordering::Relaxed);
        self.clock.gone.store(octets, Ordering::Relaxed);
    }

    /// By when the handler must get more of the request's body; `None` for a complete one.
    pub(crate) fn body_deadline(&self) -> Option<Instant> {
        let is_arriving = *self.state() == State::Arriving;
        is_arriving.then(|| {
            self.deadlines
                .at(self.clock.deadline.load(Ordering::Relaxed).saturating_sub(TO_ANSWER))
        })
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.deadlines.clocks().retain(|clock| !Arc::ptr_eq(clock, &self.clock));
        match *self.state() {
            // It never became a complete request: the connection has been silent all the time.
            State::Arriving => {
                self.deadlines.arriving.fetch_sub(1, Ordering::AcqRel);
            }
            State::Complete | State::Answering => {
                // Before the count, so that a connection that becomes idle never shows an old time.
                self.deadlines
                    .quiet_since
                    .store(self.deadlines.now(), Ordering::Relaxed);
                self.deadlines.complete.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadlines() -> Arc<Deadlines> {
        Arc::new(Deadlines::new(&Limits {
            silence: Duration::from_secs(15),
            body_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(30),
            least_rate: 1000,
            ..Limits::default()
        }))
    }

    #[test]
    fn a_connection_without_a_request_is_asked_to_end_and_then_cut() {
        let deadlines = deadlines();
        assert!(matches!(deadlines.verdict_at(0), Verdict::Fine(_)));
        assert!(matches!(deadlines.verdict_at(14_999), Verdict::Fine(_)));
        assert!(matches!(deadlines.verdict_at(15_000), Verdict::Finish(_)));
        assert_eq!(deadlines.verdict_at(25_000), Verdict::Silent);
    }

    #[test]
    fn a_request_whose_body_does_not_come_is_no_request() {
        let deadlines = deadlines();
        let transfer = Transfer::begin(&deadlines, false);
        assert!(matches!(deadlines.verdict_at(10_500), Verdict::Fine(_)));
        assert_eq!(deadlines.verdict_at(11_500), Verdict::Stuck);
        // Octets extend it by the time they may take, never beyond the time that a body may fall behind.
        transfer.clock.deadline.store(5_000, Ordering::Relaxed);
        transfer.moved(2_000);
        assert_eq!(transfer.clock.deadline.load(Ordering::Relaxed), 7_000);
        transfer.moved(1 << 20);
        assert!(transfer.clock.deadline.load(Ordering::Relaxed) < 11_500);
        // However slowly the body trickles in, the connection ends.
        transfer.clock.deadline.store(100_000, Ordering::Relaxed);
        assert_eq!(deadlines.verdict_at(25_000), Verdict::Silent);
        drop(transfer);
        assert!(matches!(deadlines.verdict_at(15_000), Verdict::Finish(_)));
    }

    #[test]
    fn an_answer_has_to_move() {
        let deadlines = deadlines();
        let transfer = Transfer::begin(&deadlines, true);
        // The connection's deadlines do not limit the handler's time.
        assert!(matches!(deadlines.verdict_at(1_000_000), Verdict::Fine(_)));
        transfer.answer();
        assert!(matches!(deadlines.verdict_at(29_000), Verdict::Fine(_)));
        assert_eq!(deadlines.verdict_at(31_000), Verdict::Stuck);
        transfer.clock.deadline.store(10_000, Ordering::Relaxed);
        transfer.moved(5_000);
        assert_eq!(transfer.clock.deadline.load(Ordering::Relaxed), 15_000);
        drop(transfer);
        assert!(deadlines.clocks().is_empty() && deadlines.is_idle());
    }

    #[test]
    fn an_answer_falls_behind_unless_it_is_read_at_the_least_rate() {
        let deadlines = deadlines();
        let transfer = Transfer::begin(&deadlines, true);
        assert_eq!(deadlines.behind_at(1_000_000), None, "it is with its handler");
        transfer.answer();
        transfer.clock.deadline.store(30_000, Ordering::Relaxed);
        assert_eq!(deadlines.behind_at(2_999), None);
        assert_eq!(deadlines.behind_at(4_000), Some(Duration::from_secs(4)));
        let other = Transfer::begin(&deadlines, true);
        assert_eq!(
            deadlines.behind_at(9_000),
            None,
            "another request's answer would be lost"
        );
        drop(other);
        let arriving = Transfer::begin(&deadlines, false);
        drop(transfer);
        assert_eq!(deadlines.behind_at(9_000), None, "a body on its way here is no answer");
        drop(arriving);
    }

    #[test]
    fn the_slowest_answer_is_told_once_it_has_been_on_its_way_for_long() {
        let deadlines = deadlines();
        let (slow, fast) = (Transfer::begin(&deadlines, true), Transfer::begin(&deadlines, true));
        slow.answer();
        fast.answer();
        slow.moved(20_000);
        fast.moved(2_000_000);
        let began = slow.clock.since.load(Ordering::Relaxed);
        assert_eq!(deadlines.slowest_at(began + 9_000), None);
        let rate = deadlines.slowest_at(began + 20_000);
        assert!(rate.is_some_and(|rate| (999..=1001).contains(&rate)), "{rate:?}");
        let other = Transfer::begin(&deadlines, true);
        assert_eq!(
            deadlines.slowest_at(began + 20_000),
            None,
            "another request's answer would be lost"
        );
        drop(other);
        assert!(!deadlines.gives_up());
        slow.is_read(Duration::ZERO, 0);
        deadlines.make_room_though_read();
        assert!(!deadlines.gives_up(), "another answer, which has only just begun");
    }

    #[test]
    fn one_answer_that_moves_does_not_keep_another_that_does_not() {
        let deadlines = deadlines();
        let (stuck, moving) = (Transfer::begin(&deadlines, true), Transfer::begin(&deadlines, true));
        stuck.answer();
        moving.answer();
        stuck.clock.deadline.store(20_000, Ordering::Relaxed);
        assert!(matches!(deadlines.verdict_at(19_999), Verdict::Fine(again) if again == deadlines.at(20_000)));
        assert_eq!(deadlines.verdict_at(20_000), Verdict::Stuck);
    }
}
