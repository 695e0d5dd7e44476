//! The Lambda functions of the drop-in contract: one `bootstrap`, in which the handler's name selects the function.
//!
//! - [`function`]: which function this is; its environment variables are [`chancery_deployment::settings`];
//! - [`dispatcher`]: from an event to an answer, for every function;
//! - [`state`]: a function's authority, and what else the functions share: files ([`files`]), rows by name ([`rows`]);
//! - [`create`], [`crl`], [`tls_cert`], [`expiry`], [`notify`], [`sweep`]: one function each;
//! - [`metrics`], [`logs`]: what an operator can observe;
//! - [`failure`]: from errors to failed invocations; [`tls_json`]: the cached `tls.json`.
//!
//! Everything but [`aws`] runs on any ports, and is tested with the in-memory ones.

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
pub mod state;
pub mod sweep;
pub mod tls_cert;
pub mod tls_json;
mod unlisted;
