//! HTTP in listener of an authority.
//!
//! - [`app`]: the routers, one for HTTPS (API and files) and one for plain HTTP (files alone);
//! - [`changes`]: requests that change something run to their end, whoever listens;
//! - [`access`]: who asks: bearer tokens with scopes, client certificates;
//! - [`api`]: `/api/v1`, described by `docs/openapi.json`;
//! - [`files`]: CA certificates, CRLs and the bundle, with conditional and range requests;
//! - [`tls`]: HTTPS with a certificate from the authority itself, exchanged while running;
//! - [`listen`]: connections, bounded in number and in time, graceful stop;
//! - [`limits`]: every limit; [`load`]: what was turned away for them;
//! - [`scheduler`]: what an authority does unasked: CRLs, sweeping, reminders, its own certificate.

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
