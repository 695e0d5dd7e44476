//! `/api/v1`: JSON in, JSON out. Errors are `{"error": "…", "code": "…"}` with a matching status.

pub mod authorities;
pub mod certificates;
pub mod crls;
pub mod health;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod record;
pub mod schema;
