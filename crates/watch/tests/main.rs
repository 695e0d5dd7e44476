//! All tests of this crate from outside, in one program. A new file of tests gets its line here.
#![allow(clippy::unwrap_used, missing_docs)] // tests

mod account;
mod cloudtrail;
mod corpus;
mod guard_docs;
mod history;
mod matching;
mod properties;
