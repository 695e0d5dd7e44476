//! Which certificates have ended, according to certificates that the CA's own key signed.
//!
//! What ended long ago is on no CRL, so an attacker who changes a recorded end could undo a revocation. The ends that a
//! ledger records beside a certificate are therefore not trusted.

use std::collections::{HashMap, HashSet};

use chancery_x509::certificate::Certificate;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::due;
use crate::authority::Authority;
use crate::ca::Ca;
use crate::port::LedgerError;
use crate::port::ledger::Evidence;

/// Serial numbers whose evidence is in memory at once.
const TOGETHER: usize = 500;

/// The known ends of some serial numbers.
#[derive(Debug, Default)]
pub(super) struct KnownEnds {
    /// Ends in certificates that the CA's key signed.
    pub(super) verified: HashMap<Serial, UnixTime>,
    /// Serial numbers recorded as given up: they may have no certificate.
    pub(super) given_up: HashSet<Serial>,
}

impl Authority {
    /// Of a CA's serial numbers, those whose certificates ended so long ago that no CRL lists them.
    pub async fn past_among(&self, ca: &Ca, serials: &[Serial]) -> Result<HashSet<Serial>, LedgerError> {
        let now = self.ports().clock.now();
        let ends = self.ends(ca, serials).await?;
        let past = ends.verified.into_iter().filter(|(_, end)| due::is_past(*end, now));
        Ok(past.map(|(serial, _)| serial).collect())
    }

    /// Of those serial numbers, the ones of which the ledger has a certificate that the CA's key signed.
    pub async fn signed_among(&self, ca: &Ca, serials: &[Serial]) -> Result<HashSet<Serial>, LedgerError> {
        Ok(self.ends(ca, serials).await?.verified.into_keys().collect())
    }

    pub(super) async fn ends(&self, ca: &Ca, serials: &[Serial]) -> Result<KnownEnds, LedgerError> {
        let mut ends = KnownEnds::default();
        for together in serials.chunks(TOGETHER) {
            for (serial, evidence) in self.ports().ledger.certificates().evidence(ca.name(), together).await? {
                if let Some(end) = verified_end(ca, serial, &evidence) {
                    ends.verified.insert(serial, end);
                } else if evidence.given_up {
                    ends.given_up.insert(serial);
                }
            }
        }
        Ok(ends)
    }
}

/// The latest end of the certificates with that serial number that the CA signed; normally there is one, or copies of
/// it.
fn verified_end(ca: &Ca, serial: Serial, evidence: &Evidence) -> Option<UnixTime> {
    let parsed = evidence
        .certificates
        .iter()
        .filter_map(|der| Certificate::parse(der).ok());
    let ours = parsed.filter(|certificate| {
        certificate.serial() == serial
            && certificate.issuer() == ca.certificate().subject()
            && certificate.is_signed_by(ca.issuer.public_key())
    });
    ours.map(|certificate| certificate.not_after()).max()
}
