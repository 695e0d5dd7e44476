//! Which CRL numbers are plausible.
//!
//! A number can never decrease, so a forged one near the end of the range would leave none to continue with. The number
//! in a CRL that the CA's key signed is accepted. A counter or a record is believed only up to the number of CRLs that
//! can have been made; anything beyond is reported as damage, and the next number follows what is believed.

use super::PublishError;
use crate::authority::Authority;
use crate::config::Config;
use crate::port::ledger::{CrlScope, CrlState, crl_state};

/// Most numbers that a scope can have used: 1,024 a second since 1970, which is more than a key signs and what a
/// restore assumes, until the year 2242.
const COUNTED_TO: u64 = 1 << 43;

/// Furthest that a record may be ahead of a signed number: 1,024 a second for 48 days without a publication.
const LARGEST_JUMP: u64 = 1 << 32;

/// The highest number that is believed when `signed` is known to have been signed.
fn at_most(signed: u64) -> u64 {
    COUNTED_TO.max(signed.saturating_add(LARGEST_JUMP))
}

/// The state of a scope's CRLs, as far as it is believed.
pub(super) struct Believed {
    pub(super) state: CrlState,
    /// The highest number that is believed.
    pub(super) at_most: u64,
    /// A description of records that are not believed.
    pub(super) damage: Option<String>,
}

impl Authority {
    /// The state of a scope's CRLs. `signed` is the number of a CRL that the CA's key signed; zero if none was seen
    /// yet. The published CRL is read only if the recorded number is not believed otherwise.
    pub(super) async fn believed_crl_state(&self, scope: &CrlScope, signed: u64) -> Result<Believed, PublishError> {
        let ledger = &self.ports().ledger;
        let state = crl_state(ledger.crls(), scope).await?;
        let recorded = state.number;
        let believed = |state, at_most, damage| Believed { state, at_most, damage };
        if recorded <= at_most(signed) {
            return Ok(believed(state, at_most(signed), None));
        }
        let ca = self.publishing_ca(scope)?;
        let published = self.read_back(&ca, &Config::crl_name(scope)).await?;
        let published = published.and_then(|crl| crl.number()).unwrap_or(0);
        let at_most = at_most(signed.max(published));
        if recorded <= at_most {
            return Ok(believed(state, at_most, None));
        }
        let state = ledger.crls().state_up_to(scope, at_most).await?;
        let damage = format!(
            "CRL number {recorded} is recorded for {name}, too far above the published number {published} to be genuine. The \
             record is ignored: find out who wrote it, and remove it",
            name = Config::crl_name(scope),
        );
        Ok(believed(state, at_most, Some(damage)))
    }
}

/// Describes a counter that is not believed.
pub(super) fn counter_damage(scope: &CrlScope, counted: u64, number: u64) -> String {
    format!(
        "the CRL number counter of {name} was {counted}, too high to be genuine: find out who wrote it. Numbering continues \
         from {number}",
        name = Config::crl_name(scope),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_restore_takes_for_granted_is_believed() {
        let year_2200 = 7_258_118_400_u64;
        assert!(year_2200 * 1024 <= at_most(0));
        assert!(at_most(0) < 1 << 62);
        assert_eq!(at_most(1 << 43), (1 << 43) + (1 << 32));
        assert_eq!(at_most(u64::MAX), u64::MAX);
    }
}
