//! Compares what a key store's own log says with what the authority recorded, and watches an account for changes that lead to a
//! CA's key. Reads what it is given and changes nothing: no network, no clock, no threads.
//!
//! - [`cloudtrail`]: reads CloudTrail's records, in every form in which AWS hands them out;
//! - [`expected`]: which keys, functions and roles there are, and who may sign what;
//! - [`matching`]: signatures, attempts of the journal, and invocations, held against each other;
//! - [`account`]: the watch over the account: changes of what the authority consists of;
//! - [`rules`]: what is reported, and what to do about it: one table, for code and documentation;
//! - [`seen`]: serial numbers that others have seen;
//! - [`finding`]: what is reported, as data; [`coverage`]: what was read, and what was not.

pub mod account;
pub mod cloudtrail;
pub mod coverage;
pub mod expected;
pub mod finding;
mod id;
pub mod matching;
pub mod rules;
pub mod seen;

pub use coverage::Coverage;
pub use expected::Expected;
pub use finding::{Evidence, Finding};
pub use id::Id;
pub use rules::Severity;
