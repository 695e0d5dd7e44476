//! Holds three records of every signature against each other: the key store's log, the journal of attempts, and the invocations of
//! the functions. Each is in another's hand; who forges one is told by the others.
//!
//! 1. [`Observed`] collects signatures and invocations, in any order, repetitions included;
//! 2. [`Observed::compare`] begins the comparison at one time;
//! 3. [`Comparison::attempt`] takes the journal, one attempt after the other, so that it is never in memory as a whole;
//! 4. [`Comparison::finish`] says what is left over.
//!
//! Ids match, times never do: a time only narrows down which lost attempt a signature can be of. What is missing is missed once the
//! settling time is over; what is there and should not be, at once.

mod comparison;
mod observed;
mod tables;
mod verdict;

pub use comparison::Comparison;
pub(crate) use observed::evidence;
pub use observed::{Observed, Signature};
