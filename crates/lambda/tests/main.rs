//! All tests of this crate from outside, in one program: each is linked against everything that it uses, and that takes longer than
//! compiling it. A new file of tests gets its line here.

mod bad_events;
#[cfg(feature = "aws")]
#[path = "bootstrap/main.rs"]
mod bootstrap;
mod corpus;
mod create;
mod crl;
mod expiry;
mod notify;
mod plan;
mod rotation;
mod support;
mod sweep;
mod tls_cert;
