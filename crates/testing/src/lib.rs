//! What tests of several crates need: ports in memory that fail on demand, the suites that every implementation of a port
//! passes, and requesters with keys of their own. No program has it: crates use it for their tests, benchmarks and fuzzing alone.
//!
//! - [`memory`]: every port in memory, a clock that is set, faults on demand;
//! - [`suite`]: one test suite for every implementation of a port;
//! - [`requester`]: those who ask, their keys, CSRs and requests; [`fixture`]: an authority in memory that they ask;
//! - [`proposed`]: lists and CSRs that are planned by;
//! - [`judges`]: where judges in Python are; `sandbox`, with the feature of that name: AWS on this machine, and with the feature
//!   `aws` the clients of it;
//! - [`SignUnchecked`]: signatures on whatever there is.

pub mod fixture;
pub mod judges;
pub mod memory;
pub mod proposed;
pub mod requester;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod suite;
mod unchecked;

pub use fixture::{Fixture, NOW, QUICK, notices};
pub use requester::{Requester, certificate, named, principal, request, request_with_names, token};
pub use unchecked::SignUnchecked;
