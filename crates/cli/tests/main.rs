//! All tests of the command from outside, in one program: each is linked against everything that it uses, and that takes longer
//! than compiling it. A new file of tests gets its line in the `main.rs` of its folder; what several folders use, here.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)] // tests
#![allow(dead_code, reason = "not every set of features has every user of the helpers")]

#[cfg(feature = "aws")]
#[path = "aws/main.rs"]
mod aws;
#[path = "crash/main.rs"]
mod crash;
#[path = "e2e/main.rs"]
mod e2e;
#[path = "faults/main.rs"]
mod faults;

#[path = "e2e/client.rs"]
mod client;
#[path = "e2e/harness.rs"]
mod harness;
#[path = "e2e/judge.rs"]
mod judge;
#[path = "e2e/signatures.rs"]
mod signatures;
