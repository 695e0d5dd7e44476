//! The HTTP server of an authority.
//!
//! - [`app`]: the routers, one for HTTPS (API and files) and one for plain HTTP (files and health check);
//! - [`changes`]: requests with unsafe methods, which run to their end even if the connection closes;
//! - [`access`]: authentication: bearer tokens with scopes, client certificates;
//! - [`api`]: `/api/v1`, described by `docs/openapi.json`;
//! - [`files`]: CA certificates, CRLs and the bundle, with conditional and range requests;
//! - [`tls`]: HTTPS with a certificate from the authority itself, replaced while running;
//! - [`listen`]: connections, bounded in number and in time, graceful stop;
//! - [`limits`]: every limit; [`load`]: counters of what was refused because of them;
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
mod page;
mod publications;
pub mod scheduler;
pub mod tls;
