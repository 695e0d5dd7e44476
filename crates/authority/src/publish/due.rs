//! When a CRL is due, and what it may leave out. Both follow from the ledger, so that they survive every process.

use chancery_x509::time::{DAY, UnixTime};

use super::{PublishError, status};
use crate::authority::Authority;
use crate::port::ledger::{CrlRecord, CrlScope, CrlState};

/// Seconds for which an entry is listed after its certificate's end at least. RFC 5280 section 3.3 requires it on one
/// CRL made after that end; a week is a margin for wrong clocks.
pub(crate) const LOOK_BACK: i64 = 7 * DAY;

/// Entries of certificates that ended before this are left out. It is counted back from now or from the newest
/// published CRL, whichever is earlier, so that a clock that was ahead, then or now, removes nothing from the list. A
/// publication that was not recorded only makes it earlier by an interval.
pub(super) fn expired_before(now: UnixTime, published: Option<&CrlRecord>) -> UnixTime {
    let seen = published.map_or(now, |crl| crl.this_update);
    now.min(seen).plus_seconds(-LOOK_BACK)
}

/// Whether a certificate with that notAfter may be missing from every CRL at `now`.
pub fn is_past(not_after: UnixTime, now: UnixTime) -> bool {
    not_after < now.plus_seconds(-LOOK_BACK)
}

/// Whether a CRL has to be made: there is no published one, it lacks revocations made since, its interval has passed,
/// or its thisUpdate is in the future, so that relying parties refuse it.
fn is_due(state: &CrlState, interval: i64, now: UnixTime) -> bool {
    let Some(published) = &state.published else {
        return true;
    };
    state.has_changes() || published.this_update > now || now >= published.made_at.plus_seconds(interval)
}

impl Authority {
    /// Whether a CRL has to be made according to the ledger, or because its file is missing or not the one that was
    /// published.
    pub(super) async fn is_due(&self, scope: &CrlScope) -> Result<bool, PublishError> {
        let state = self.believed_crl_state(scope, 0).await?.state;
        let interval = status::timing(self.config(), scope).interval;
        if is_due(&state, interval, self.ports().clock.now()) {
            return Ok(true);
        }
        match self.is_replaced(scope, &state).await {
            // A publication in progress restores the file itself, or leaves that to the next round.
            Ok(replaced) => Ok(replaced.unwrap_or(false)),
            // Publishing would fail as well.
            Err(error) => {
                tracing::warn!(%error, "it is not known whether the published CRL is the newest one");
                Ok(false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::published::BACKDATE;
    use super::*;
    use crate::ca_name::CaName;
    use crate::port::ledger::ChangeMark;
    use crate::port::{ETag, Receipt};

    const NOW: UnixTime = UnixTime(1_795_464_000);

    fn state(made_at: UnixTime) -> CrlState {
        let crl = CrlRecord {
            scope: CrlScope {
                issuer: CaName::new("a-ca").unwrap(),
                shard: None,
            },
            number: 1,
            made_at,
            this_update: made_at.plus_seconds(-BACKDATE),
            next_update: made_at.plus_days(7),
            entries: 0,
            digest: [0; 32],
            receipt: Receipt(String::new()),
            mark: Some(ChangeMark("3".into())),
            published: Some(ETag("1".into())),
        };
        CrlState {
            mark: ChangeMark("3".into()),
            number: 1,
            latest: Some(crl.clone()),
            published: Some(crl),
            changed_at: None,
        }
    }

    #[test]
    fn a_clock_that_was_ahead_takes_nothing_off_the_list() {
        let before = |made_at: UnixTime, now: UnixTime| expired_before(now, state(made_at).published.as_ref());
        let usual = before(NOW.plus_days(-1), NOW);
        assert_eq!(usual, NOW.plus_seconds(-8 * DAY - BACKDATE));
        // The clock was ahead then and is right now; or was right then and is ahead now.
        assert!(before(NOW.plus_days(4000), NOW) <= NOW.plus_days(-7));
        assert_eq!(before(NOW.plus_days(-1), NOW.plus_days(4000)), usual);
        assert_eq!(expired_before(NOW, None), NOW.plus_days(-7));
    }

    #[test]
    fn a_crl_is_due_by_what_the_ledger_has() {
        assert!(is_due(&CrlState::default(), DAY, NOW));
        assert!(!is_due(&state(NOW), DAY, NOW));
        assert!(!is_due(&state(NOW), DAY, NOW.plus_seconds(DAY - 1)));
        assert!(is_due(&state(NOW), DAY, NOW.plus_seconds(DAY)));
        assert!(
            is_due(&state(NOW.plus_seconds(BACKDATE + 1)), DAY, NOW),
            "from the future"
        );
        let mut changed = state(NOW);
        changed.mark = ChangeMark("4".into());
        assert!(is_due(&changed, DAY, NOW));
        let mut unknown = state(NOW);
        unknown.published.as_mut().unwrap().mark = None;
        assert!(is_due(&unknown, DAY, NOW), "what it covers is not known");
    }
}
