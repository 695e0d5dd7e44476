//! What people see when something around Chancery is broken: the real binary on full and read-only disks, with damaged and
//! missing files, wrong secrets, lost tokens. Each time it says what is wrong and what to do, nothing is lost, and once the
//! fault is mended it goes on from where it was.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs,
    reason = "tests may panic, and say aloud what they skip"
)]
#![allow(dead_code, reason = "the harness and its helpers serve other tests too")]

mod disk;
mod keys;
mod ledger;
mod mount;
mod raw;
mod silent;
mod snapshot;
mod start;
mod stopping;
mod token;
mod unread;
mod written_over;
