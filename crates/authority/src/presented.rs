//! Certificates that a caller presents, about which a restored ledger may know less than they contain.

use chancery_x509::certificate::Certificate;

use crate::authority::Authority;
use crate::port::LedgerError;
use crate::port::ledger::IntentId;

impl Authority {
    /// Reports the key of a presented certificate that one of the CAs signed. A restored ledger may know of that
    /// certificate only that its key is compromised; the key is blocked from then on.
    pub async fn learn_presented_key(&self, certificate: &Certificate) -> Result<(), LedgerError> {
        let cas = self.cas();
        let issuer = cas.iter().find(|ca| {
            ca.certificate().subject() == certificate.issuer() && certificate.is_signed_by(ca.issuer.public_key())
        });
        let (Some(issuer), Ok(key)) = (issuer, certificate.public_key()) else {
            return Ok(());
        };
        let id = IntentId {
            issuer: issuer.name().clone(),
            serial: certificate.serial(),
        };
        let now = self.ports().clock.now();
        if self
            .ports()
            .ledger
            .revocations()
            .learn_key(&id, key.fingerprint(), now)
            .await?
        {
            tracing::warn!(certificate = %id, "the key of a certificate from before a restore is compromised, and blocked now");
        }
        Ok(())
    }
}
