//! The adapters of an authority on one machine, one for each of its ports.
//!
//! - [`folder`]: the data folder, which holds all files, and [`backup`]: copies of it, and restoring them;
//! - [`keys`]: CA keys in sealed files or in a PKCS #11 token, and the log of every signature made with them;
//! - [`ledger`]: the authoritative record, in one SQLite file;
//! - [`publication`]: published files in a folder;
//! - [`tokens`]: API tokens, which authenticate callers of the HTTP API;
//! - [`notices`]: notices to the program's log and to webhooks;
//! - [`world`]: the system's clock and random numbers.

pub mod backup;
pub mod folder;
pub mod keys;
pub mod ledger;
pub mod notices;
mod plain;
pub mod publication;
pub mod secret_file;
pub mod tokens;
mod workers;
pub mod world;

/// Runs a future to completion on the calling thread: those of this crate wait for threads only, and need no runtime to
/// drive them. For programs without an async runtime; not within itself.
pub use futures_executor::block_on;
