//! Certificates that somebody shows, which the ledger may know less of than they say.

use chancery_x509::certificate::Certificate;

use crate::authority::Authority;
use crate::port::LedgerError;
use crate::port::ledger::IntentId;

impl Authority {
    /// Learns the key of a certificate that one of its CAs signed, where the ledger was restored and knows of that certificate
    /// nothing but that its key is compromised. The key is blocked from then on.
    pub async fn hear_of(&self, certificate: &Certificate) -> Result<(), LedgerError> {
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
        if self.ports().ledger.hear_of_key(&id, key.fingerprint(), now).await? {
            tracing::warn!(certificate = %id, "the key of a certificate from before a restore is compromised, and blocked now");
        }
        Ok(())
    }
}
