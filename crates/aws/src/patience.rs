//! How long calls may take, retries included, and what they came to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shared by every port: how long one call may take at most, and until when all of them must be done. Cheap to clone;
/// clones share the deadline.
#[derive(Clone, Debug)]
pub struct Patience(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    call: Duration,
    deadline: Mutex<Option<Instant>>,
}

impl Patience {
    /// A call, with its retries, takes so long at most.
    pub fn new(call: Duration) -> Self {
        Self(Arc::new(Inner {
            call,
            deadline: Mutex::new(None),
        }))
    }

    /// Until when every call must be done: a function's own end, less what it needs to answer. `None`: no such time.
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        *self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    /// How long a call that begins now may take.
    pub fn left(&self) -> Duration {
        let deadline = *self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        let until = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        until.map_or(self.0.call, |until| until.min(self.0.call))
    }
}

impl Default for Patience {
    /// Ten seconds a call.
    fn default() -> Self {
        Self::new(Duration::from_secs(10))
    }
}
