//! The rows that the Python CA made, until they are adopted.
//!
//! Such a row has no entry in the journal, so what needs all rows reads the whole table, as the Python CA did, and each
//! row's certificate is parsed instead. [`adopt`](DynamoLedger::adopt) gives each row its journal items.
//!
//! The rest of the ledger reaches these rows through [`FormerRows`] alone, which [`DynamoLedger::unadopted`] gives it as
//! long as there may be any. When no deployment has such rows, this folder is deleted, with the calls of
//! [`unadopted`](DynamoLedger::unadopted) and [`former`](DynamoLedger::former), `KnownCa::is_recorded` and
//! `Row::counts_crls`: docs/design/decisions/0076-rows-of-the-former-ca.md.

mod adopt;
mod ca;
mod keys;
mod revocations;
mod search;
mod silent;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chancery_authority::port::ledger::LedgerError;

use super::tables::Table;
use super::{DynamoLedger, journal_keys};
pub use adopt::{Adoption, AdoptionMode};

/// How long "not all adopted" is cached. "All adopted" is cached for the process's life.
const DOUBTED: Duration = Duration::from_mins(1);

/// The cached answer to whether all rows are adopted, and when it was read.
#[derive(Debug, Default)]
pub(super) struct Adopted(Mutex<Option<(bool, Instant)>>);

/// The rows without an entry in the journal.
pub(super) struct FormerRows<'a>(&'a DynamoLedger);

impl Adopted {
    fn known(&self) -> Option<bool> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .filter(|(adopted, read)| *adopted || read.elapsed() < DOUBTED)
            .map(|(adopted, _)| adopted)
    }

    fn set(&self, adopted: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((adopted, Instant::now()));
    }
}

impl DynamoLedger {
    /// Whether every row is adopted, or there never was one to adopt.
    pub async fn is_adopted(&self) -> Result<bool, LedgerError> {
        if let Some(adopted) = self.adopted.known() {
            return Ok(adopted);
        }
        let state = self.tables.get(Table::Journal, journal_keys::adoption()).await?;
        let adopted = state.is_some_and(|state| state.as_flag("Complete").unwrap_or(false));
        self.adopted.set(adopted);
        Ok(adopted)
    }

    /// The rows of the Python CA, as long as there may be some that are not adopted.
    pub(super) async fn unadopted(&self) -> Result<Option<FormerRows<'_>>, LedgerError> {
        Ok((!self.is_adopted().await?).then_some(FormerRows(self)))
    }

    /// The same, whether or not all are adopted.
    pub(super) fn former(&self) -> FormerRows<'_> {
        FormerRows(self)
    }
}
