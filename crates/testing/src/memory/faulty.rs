//! Ports that fail on demand.

mod ledger;
mod ports;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lock;

/// A fault at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails without any effect.
    FailBefore,
    /// The call takes effect, but its answer is lost.
    FailAfter,
    /// The process dies before the call's effect: this call and every later one fails, until [`Faults::clear`].
    DieBefore,
    /// The process dies after the call's effect, before its answer.
    DieAfter,
    /// The call first waits for this long.
    Delay(Duration),
}

/// Planned faults, and a log of all calls. Operations are named after port and method: `intents.reserve`, `keys.sign`, `publication.put`,
/// `notices.notify`, and so on; `crls.entries` is the walk over a CRL's entries.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Plan>);

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<&'static str>,
    counts: HashMap<&'static str, usize>,
    nth_of: HashMap<(&'static str, usize), Fault>,
    nth: HashMap<usize, Fault>,
    dead: bool,
    pauses: bool,
}

/// The effect of the plan on a call.
enum Verdict {
    GoOn,
    FailBefore,
    FailAfter,
    Delay(Duration),
}

impl Faults {
    /// Plans a fault at the `nth` call (1 is the next one) of that operation from now on.
    pub fn at(&self, operation: &'static str, nth: usize, fault: Fault) {
        let mut plan = lock(&self.0);
        let nth = plan.counts.get(operation).copied().unwrap_or(0) + nth;
        plan.nth_of.insert((operation, nth), fault);
    }

    /// Plans a fault at the `nth` call (1 is the next one) of any operation from now on.
    pub fn at_call(&self, nth: usize, fault: Fault) {
        let mut plan = lock(&self.0);
        let nth = plan.calls.len() + nth;
        plan.nth.insert(nth, fault);
    }

    /// Whether every call from now on yields before its effect and once more after it: a test can poll a caller any
    /// number of times and then drop it, and so abandon the operation at each of these points.
    pub fn pause_at_calls(&self, pauses: bool) {
        lock(&self.0).pauses = pauses;
    }

    /// Removes all planned faults, and revives a process that died.
    pub fn clear(&self) {
        let mut plan = lock(&self.0);
        plan.nth_of.clear();
        plan.nth.clear();
        plan.dead = false;
        plan.pauses = false;
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        lock(&self.0).calls.clone()
    }

    fn next(&self, operation: &'static str) -> Verdict {
        let mut plan = lock(&self.0);
        if plan.dead {
            return Verdict::FailBefore;
        }
        plan.calls.push(operation);
        let overall = plan.calls.len();
        let count = plan.counts.entry(operation).or_default();
        *count += 1;
        let own = *count;
        let fault = plan
            .nth_of
            .remove(&(operation, own))
            .or_else(|| plan.nth.remove(&overall));
        match fault {
            None => Verdict::GoOn,
            Some(Fault::FailBefore) => Verdict::FailBefore,
            Some(Fault::FailAfter) => Verdict::FailAfter,
            Some(Fault::DieBefore) => {
                plan.dead = true;
                Verdict::FailBefore
            }
            Some(Fault::DieAfter) => {
                plan.dead = true;
                Verdict::FailAfter
            }
            Some(Fault::Delay(wait)) => Verdict::Delay(wait),
        }
    }

    /// Runs the work as the verdict requires.
    async fn around<T, E>(
        &self,
        operation: &'static str,
        error: impl FnOnce(String) -> E,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.pause().await;
        let outcome = match self.next(operation) {
            Verdict::GoOn => work.await,
            Verdict::FailBefore => Err(error(format!("{operation} was made to fail before its effect"))),
            // The work's own error is an answer: without an effect, there is none to lose.
            Verdict::FailAfter => match work.await {
                Ok(_) => Err(error(format!("the answer of {operation} was made to be lost"))),
                Err(own) => Err(own),
            },
            Verdict::Delay(wait) => {
                tokio::time::sleep(wait).await;
                work.await
            }
        };
        self.pause().await;
        outcome
    }

    async fn pause(&self) {
        let pauses = lock(&self.0).pauses;
        if pauses {
            tokio::task::yield_now().await;
        }
    }
}

/// A port with the faults in its [`Faults`].
pub struct Faulty<T: ?Sized> {
    inner: Arc<T>,
    faults: Arc<Faults>,
}

impl<T: ?Sized> Faulty<T> {
    /// Wraps a port; several ports may share the same faults.
    pub fn new(inner: Arc<T>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}
