//! The handlers of `/api/v1`: what [`chancery_api`] describes. Errors are `{"error": "…", "code": "…"}` with a matching status.

pub mod authorities;
pub mod certificates;
pub mod crls;
pub mod health;
pub mod metrics;
pub mod openapi;
pub mod problem;
