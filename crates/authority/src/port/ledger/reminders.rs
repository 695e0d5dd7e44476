//! Reminders of certificates that end soon.

use async_trait::async_trait;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{Cursor, LedgerError, Page};
use crate::ca_name::CaName;

/// Certificates that end soon, and the reminders that were sent for them.
#[async_trait]
pub trait Reminders: Send + Sync {
    /// Certificates with `notify_expiry` whose notAfter is in the window, page by page.
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError>;

    /// Records that a reminder was sent for a certificate.
    async fn record(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError>;
}
