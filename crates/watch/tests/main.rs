//! All tests of this crate from outside, in one program. A new file of tests gets its line here.

mod account;
mod cloudtrail;
mod corpus;
mod guard_docs;
mod history;
mod matching;
mod properties;
