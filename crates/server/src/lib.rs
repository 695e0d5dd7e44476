//! HTTP in front of an authority.
//!
//! - [`app`]: the routers, one for HTTPS (API and files) and one for plain HTTP (files alone);
//! - [`changes`]: requests that change something run to their end, whoever listens;
//! - [`access`]: who asks: bearer tokens with scopes, client certificates;
//! - [`api`]: `/api/v1`, described by `docs/openapi.json`;
//! - [`files`]: CA certificates, CRLs and the bundle, with conditional and range requests;
//! - [`tls`]: HTTPS with a certificate from the authority itself, exchanged while running;
//! - [`listen`]: connections, bounded in number and in time, graceful stop;
//! - [`limits`]: every limit; [`load`]: what was turned away for them;
//! - [`duty`]: what an authority does unasked: CRLs, sweeping, reminders, its own certificate.

pub mod access;
pub mod api;
pub mod app;
pub mod changes;
pub mod duty;
pub mod files;
pub mod limits;
pub mod listen;
pub mod load;
mod page;
mod publications;
mod standing;
pub mod tls;
