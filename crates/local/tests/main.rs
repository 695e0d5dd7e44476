//! All tests of this crate from outside, in one program: each is linked against everything that it uses, and that takes longer than
//! compiling it. A new file of tests gets its line here.

mod backup;
mod client_keys;
mod corpus;
mod damaged_rows;
mod ledger;
mod ledger_damage;
mod ledger_faults;
mod ledger_retention;
mod ports_contract;
mod sealed_keys;
mod support;
mod token_keys;
mod webhook;
