//! The routers over ports in memory.
#![allow(clippy::unwrap_used, missing_docs)] // tests

mod dropped;
mod office;
