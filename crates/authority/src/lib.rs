//! What a certificate authority does, independent of where it runs: a hierarchy of CAs that issue, renew, revoke,
//! publish, remind and sweep. This crate contains no HTTP, no SQL and no cloud API; those are behind [`port`]s.
//!
//! - [`config`], [`profile`]: the files that operators write, validated into types that the code relies on;
//! - [`belief`]: checks recorded CA certificates against the key store and the CA above before they are used;
//! - [`hierarchy`]: CAs and how they are created;
//! - [`issue`]: what a certificate is issued from ([`issue::Request`], which every front builds), and the steps: prepare → reserve → sign → verify → complete;
//! - [`signing`]: the only way to a signature on a certificate;
//! - [`revoke`], [`publish`], [`sweep`], [`remind`]: the rest of a certificate's life;
//! - [`event`]: what happened, for people and systems;
//! - [`port`]: what the deployment must provide, as traits.

pub mod authority;
pub mod belief;
mod ca;
pub mod ca_name;
mod chain;
pub mod config;
pub mod event;
mod freeze;
pub mod hierarchy;
pub mod issue;
pub mod issuer;
pub mod port;
mod presented;
pub mod principal;
pub mod profile;
pub mod publish;
pub mod remind;
pub mod revoke;
pub mod signing;
pub mod sweep;
pub mod token_scope;

pub use authority::Authority;
pub use ca_name::CaName;
pub use chain::NothingIssued;
pub use principal::{Principal, PrincipalKind};
pub use token_scope::{TokenScope, TokenScopes};
