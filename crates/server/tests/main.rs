//! The routers over ports in memory.
#![allow(clippy::unwrap_used, missing_docs)] // tests

mod answers;
mod described;
mod dropped;
mod fixture;
mod limits;
mod page;
mod publications;
mod request_ids;
mod revoked_ca;
