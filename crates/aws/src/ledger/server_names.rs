//! Names of the authority's own servers: a deployment on AWS has none.

use async_trait::async_trait;
use chancery_authority::port::ledger::{LedgerError, ServerNames};
use chancery_x509::san::AltName;
use chancery_x509::time::UnixTime;

use super::DynamoLedger;

#[async_trait]
impl ServerNames for DynamoLedger {
    /// A deployment on AWS has functions and no server: a name that was accepted here would protect nothing.
    async fn record(&self, _names: &[AltName], _until: UnixTime) -> Result<(), LedgerError> {
        Err(LedgerError::Unavailable {
            detail: "the ledger of a deployment on AWS records no names of servers, since none runs there".into(),
        })
    }

    async fn list(&self, _at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        Ok(Vec::new())
    }
}
