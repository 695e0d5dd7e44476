//! The HTTP server of an authority.
//!
//! - [`app`]: the routers, one for HTTPS (API and files) and one for plain HTTP (files and health check); [`state`]: what
//!   the handlers share;
//! - [`changes`]: requests with unsafe methods, which run to their end even if the connection closes;
//! - [`access`]: authentication: bearer tokens with scopes ([`tokens`]), client certificates ([`peer`]);
//! - [`api`]: the handlers of `/api/v1`, whose types and description are in [`chancery_api`];
//! - [`files`]: CA certificates, CRLs and the bundle, with conditional and range requests;
//! - [`tls`]: HTTPS with a certificate from the authority itself, replaced while running;
//! - [`listen`]: connections, bounded in number and in time, graceful stop;
//! - [`limits`]: every limit; [`load`]: counters of what was refused because of them; [`metrics`]: all counters;
//! - [`scheduler`]: periodic work: CRLs, sweeping, reminders, the server's own certificate.

pub mod access;
pub mod api;
pub mod app;
pub mod changes;
pub mod files;
mod health;
pub mod limits;
pub mod listen;
pub mod load;
pub mod metrics;
mod page;
pub mod peer;
mod publications;
pub mod request_id;
pub mod scheduler;
pub mod state;
pub mod tls;
pub mod tokens;
