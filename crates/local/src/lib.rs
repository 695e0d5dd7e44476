//! The four ports of an authority on one machine: what stands in for a cloud.
//!
//! - [`folder`]: the data folder, where all of it lies, and [`backup`]: copies of it, and the way back;
//! - [`keys`]: CA keys in sealed files or in a PKCS #11 token, and the log of every signature made with them;
//! - [`ledger`]: the record of truth, in one SQLite file;
//! - [`publication`]: published files in a folder;
//! - [`tokens`]: who may use the HTTP API;
//! - [`notices`]: news to the program's log and to webhooks;
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

pub use workers::wait;
