//! The functions of the drop-in contract on AWS Lambda: one `bootstrap`, in which the handler's name chooses.
//!
//! - [`function`]: which function it is; [`settings`]: what its environment says;
//! - [`dispatcher`]: from an event to an answer, whichever function;
//! - [`state`]: the authority of a function, and what else the functions share: files ([`files`]), rows by name
//!   ([`rows`]);
//! - [`create`], [`crl`], [`tls_cert`], [`expiry`], [`notify`], [`sweep`]: one function each;
//! - [`metrics`], [`logs`]: what an operator sees of them.
//!
//! Everything but [`aws`] runs over any ports, and is tested over those in memory.

#[cfg(feature = "aws")]
pub mod aws;
pub mod create;
pub mod crl;
pub mod dispatcher;
pub mod expiry;
pub mod failure;
pub mod files;
pub mod function;
pub mod logs;
pub mod metrics;
pub mod notify;
pub mod rows;
pub mod settings;
pub mod state;
pub mod sweep;
pub mod tls_cert;
pub mod tls_json;
mod unlisted;
