//! One test suite for every implementation of a port. Each function takes a factory of fresh, empty instances, tests
//! every requirement of the port, and panics with the requirement that is violated. Run them inside a tokio runtime.
//!
//! ```ignore
//! #[tokio::test(flavor = "multi_thread")]
//! async fn meets_the_contract() {
//!     suite::ledger(async || Arc::new(MyLedger::new()) as Arc<dyn Ledger>).await;
//! }
//! ```

mod keys;
mod ledger;
mod notices;
mod planted;
mod publication;

pub use keys::{intent_keys, key_store};
pub use ledger::fixture::{attempt_origin, attempt_position, intent};
pub use ledger::{
    attempts, certificates, crls, freezes, intents, issuers, ledger, monitoring, rejections, reminders, revocations,
    server_names,
};
pub use notices::notices;
pub use planted::{planted_authority, planted_leaves, planted_nonces};
pub use publication::publication;
