//! Freezing: every issuance stops at once, and CRLs go on.

use async_trait::async_trait;
use chancery_x509::time::{DAY, UnixTime};

use super::LedgerError;

/// Whether issuance is frozen. While it is, [`Intents::reserve`](super::Intents::reserve) and
/// [`Attempts::record`](super::Attempts::record) refuse certificates, of CAs too, with [`LedgerError::Frozen`], in the same
/// transaction: whatever a process read before does not count. An intent whose signature is under way is completed.
#[async_trait]
pub trait Freezes: Send + Sync {
    /// Freezes issuance. Where it is frozen already, the call gets [`LedgerError::Frozen`] and changes nothing.
    async fn freeze(&self, freeze: Statement) -> Result<(), LedgerError>;

    /// Asks for the end of a freeze, or ends it, as [`Frozen::is_thawed_by`] says. Where nothing is frozen, the call gets
    /// [`LedgerError::NotFrozen`].
    async fn thaw(&self, thaw: Thaw) -> Result<Thawing, LedgerError>;

    /// The freeze that lasts; `None`: issuance is not frozen.
    async fn frozen(&self) -> Result<Option<Frozen>, LedgerError>;
}

/// Who says something, when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// When.
    pub at: UnixTime,
    /// Who, as text.
    pub principal: String,
    /// Why.
    pub reason: String,
}

/// A freeze that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Who froze issuance.
    pub by: Statement,
    /// Who asked for its end last.
    pub thaw_asked: Option<Statement>,
}

/// A call to end a freeze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thaw {
    /// Who ends it, and why.
    pub by: Statement,
    /// Whether one person is to suffice, as an administrator says expressly.
    pub alone: bool,
}

/// What became of a call to end a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thawing {
    /// Somebody else has to say so, too, within [`THAW_ASKED`].
    Asked,
    /// Issuance goes on.
    Thawed,
}

/// Seconds for which a person's word that a freeze may end is good.
pub const THAW_ASKED: i64 = DAY;

impl Frozen {
    /// Whether that call ends the freeze: a second person says so within [`THAW_ASKED`] of the first one, or one person is
    /// to suffice.
    pub fn is_thawed_by(&self, thaw: &Thaw) -> bool {
        thaw.alone
            || self.thaw_asked.as_ref().is_some_and(|asked| {
                asked.principal != thaw.by.principal
                    && (0..=THAW_ASKED).contains(&thaw.by.at.0.saturating_sub(asked.at.0))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_people_or_an_express_word() {
        let by = |principal: &str, at| Statement {
            at: UnixTime(at),
            principal: principal.to_owned(),
            reason: "a reason".to_owned(),
        };
        let frozen = |thaw_asked| Frozen {
            by: by("local:a", 0),
            thaw_asked,
        };
        let thaw = |principal, at, alone| Thaw {
            by: by(principal, at),
            alone,
        };
        assert!(!frozen(None).is_thawed_by(&thaw("local:a", 10, false)));
        assert!(frozen(None).is_thawed_by(&thaw("local:a", 10, true)));
        let asked = frozen(Some(by("local:a", 10)));
        assert!(!asked.is_thawed_by(&thaw("local:a", 20, false)), "the same person");
        assert!(asked.is_thawed_by(&thaw("local:b", 20, false)));
        assert!(asked.is_thawed_by(&thaw("local:b", 10 + DAY, false)));
        assert!(!asked.is_thawed_by(&thaw("local:b", 11 + DAY, false)), "too late");
        assert!(
            !asked.is_thawed_by(&thaw("local:b", 9, false)),
            "a clock that is behind"
        );
    }
}
