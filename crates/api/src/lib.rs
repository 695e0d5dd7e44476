//! `/api/v1` as data: requests, answers, errors, and their description. JSON in, JSON out.
//!
//! - [`issue`]: a certificate is asked for, or renewed; [`certificates`]: they are found; [`revoke`]; [`crls`];
//!   [`authorities`]; [`health`];
//! - [`problem`]: errors, `{"error": "…", "code": "…"}` with a matching status;
//! - `operations`: each path and method, with its answers; [`openapi`]: the description made of them, which is
//!   `docs/openapi.json`;
//! - [`client`] (feature `client`): a typed client;
//! - [`authority`] (feature `authority`): what the authority's own types are in the API.
//!
//! The types hold texts and numbers as JSON has them. Whether a text is a serial number or a time is for the reader to
//! judge: the server answers with what is wrong.

pub mod authorities;
#[cfg(feature = "authority")]
pub mod authority;
pub mod certificates;
#[cfg(feature = "client")]
pub mod client;
pub mod crls;
pub mod health;
pub mod issue;
pub mod openapi;
mod operations;
pub mod problem;
pub mod revoke;

use serde::{Deserialize, Deserializer};

/// Where the paths of the API begin.
pub const PREFIX: &str = "/api/v1";

/// Header that makes a request safe to repeat: the same token and request get the same certificate.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A field that may be absent, but must not be null.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<T>, D::Error> {
    T::deserialize(field).map(Some)
}
