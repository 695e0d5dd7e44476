//! What a certificate authority does, wherever it runs: a hierarchy of CAs that issue, renew, revoke, publish,
//! remind and sweep. It knows no HTTP, no SQL and no cloud: those stand behind [`port`]s.
//!
//! - [`config`], [`profile`]: what people write, validated into what the code can rely on;
//! - [`belief`]: which of the recorded CAs are believed;
//! - [`hierarchy`]: CAs and how they come to be;
//! - [`wire`]: the JSON of requests and answers (the drop-in contract's `tls-cert`);
//! - [`issue`]: the way of a request: prepare → reserve → sign → verify → complete;
//! - [`signing`]: the door to a signature on a certificate;
//! - [`plan`]: what would become of the lists that operators write, before anything does;
//! - [`revoke`], [`publish`], [`sweep`], [`remind`]: the rest of a certificate's life;
//! - [`port`]: what the deployment must provide, as obligations. With the feature `testing`, `memory` provides it for tests,
//!   with faults on demand, and `contract` is the one suite that every implementation passes.

pub mod authority;
pub mod belief;
pub mod ca_name;
mod chain;
pub mod config;
#[cfg(feature = "testing")]
pub mod contract;
pub mod hierarchy;
pub mod issue;
#[cfg(feature = "testing")]
pub mod memory;
pub mod plan;
pub mod port;
pub mod principal;
pub mod profile;
pub mod publish;
pub mod remind;
pub mod revoke;
mod shown;
pub mod signing;
pub mod sweep;
pub mod token_scope;
pub mod wire;

pub use authority::Authority;
pub use ca_name::CaName;
pub use principal::Principal;
pub use token_scope::{TokenScope, TokenScopes};
