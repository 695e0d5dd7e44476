//! Requirements on every [`Ledger`], one suite for each of its ports. The suites' certificates are arbitrary octets: a
//! ledger stores DER without parsing it.

mod attempts;
mod certificates;
mod crls;
pub(super) mod fixture;
mod freezes;
mod intents;
mod issuers;
mod monitoring;
mod rejections;
mod reminders;
mod revocations;
mod server_names;

use std::sync::Arc;

use chancery_authority::port::ledger::{Ledger, LedgerError};

pub use attempts::attempts;
pub use certificates::certificates;
pub use crls::crls;
pub use freezes::freezes;
pub use intents::intents;
pub use issuers::issuers;
pub use monitoring::monitoring;
pub use rejections::rejections;
pub use reminders::reminders;
pub use revocations::revocations;
pub use server_names::server_names;

/// Tests every requirement of every port of the ledger, except [`server_names`]: a ledger of a deployment without a
/// server records none.
///
/// # Panics
/// If a requirement is violated.
pub async fn ledger(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    intents(&make).await;
    attempts(&make).await;
    freezes(&make).await;
    certificates(&make).await;
    revocations(&make).await;
    crls(&make).await;
    issuers(&make).await;
    rejections(&make).await;
    reminders(&make).await;
    monitoring(&make).await;
}

/// Most calls of the suites must succeed: an error violates a requirement.
fn ok<T>(outcome: Result<T, LedgerError>) -> T {
    outcome.unwrap_or_else(|error| panic!("nothing is wrong, yet the ledger answers: {error}"))
}
