//! The CAs that exist, and whether they issue.

use std::fmt;

use async_trait::async_trait;
use chancery_x509::time::UnixTime;

use super::LedgerError;
use crate::ca_name::CaName;
use crate::port::keystore::KeyName;
use crate::principal::Principal;

/// The CAs. One is recorded by completing the intent of its certificate; whether it issues is recorded beside it.
#[async_trait]
pub trait Issuers: Send + Sync {
    /// Every CA, parents before children.
    async fn list(&self) -> Result<Vec<CaRecord>, LedgerError>;

    /// Whether a CA is revoked, by the rule of [`Intents::reserve`](super::Intents::reserve): any of its own certificates is,
    /// but for a former one that was superseded, or its key is compromised. `false` for a CA that does not exist.
    async fn is_revoked(&self, ca: &CaName) -> Result<bool, LedgerError>;

    /// Changes a CA's state, in one transaction. A CA that does not exist yet may be given the state
    /// [`Pending`](IssuerState::Pending), which it then has from its first moment; any other CA without a recorded state is
    /// [`Active`](IssuerState::Active).
    ///
    /// Refused with [`LedgerError::IssuerState`] where the present state does not lead to the wanted one, and with
    /// [`LedgerError::IssuerIsDefault`] where the CA issues by default and would not be active any more. To give a CA the
    /// state that it has changes nothing, unless it becomes the default one.
    ///
    /// [`Intents::reserve`](super::Intents::reserve) looks at the state in its own transaction: once this has returned, it
    /// reserves nothing under a CA that is not active.
    async fn change(&self, change: IssuerChange) -> Result<(), LedgerError>;
}

/// A CA that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaRecord {
    /// Its name.
    pub ca_name: CaName,
    /// The name of the CA above; `None` for a root.
    pub parent: Option<CaName>,
    /// Its key's name.
    pub key: KeyName,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// Whether it issues.
    pub status: IssuerStatus,
}

/// Whether a CA issues. Whether it is revoked is recorded with its certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IssuerState {
    /// Made, published, and not yet in use: relying parties may get to know it first.
    Pending,
    /// It issues.
    #[default]
    Active,
    /// It issues nothing more; its CRLs go on until its last certificate has ended.
    Retiring,
    /// Its last certificate has ended: nothing is published for it any more.
    Retired,
}

/// A CA's state, and whether it is the one that issues where a profile names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssuerStatus {
    /// Whether it issues.
    pub state: IssuerState,
    /// Whether it was made the default issuer. If no CA was, the configuration names it.
    pub is_default: bool,
    /// When the state was given to it, and by whom, as text; `None` where nobody ever changed it.
    pub changed: Option<(UnixTime, String)>,
}

/// A change of a CA's state.
#[derive(Clone, Debug)]
pub struct IssuerChange {
    /// Which CA.
    pub ca_name: CaName,
    /// Its new state.
    pub state: IssuerState,
    /// Whether it becomes the default issuer, in the place of the former one.
    pub becomes_default: bool,
    /// When.
    pub at: UnixTime,
    /// By whom.
    pub principal: Principal,
}

impl IssuerState {
    /// Its name: `pending`, `active`, `retiring`, `retired`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Retiring, Self::Retired]
            .into_iter()
            .find(|state| state.name() == name)
    }

    /// Whether a CA may go from this state to another. A retiring one may be taken back into use; a retired one, whose
    /// CRLs have stopped, has to become retiring first, with which they go on.
    pub fn leads_to(self, next: Self) -> bool {
        match (self, next) {
            (Self::Pending | Self::Retiring, Self::Active)
            | (Self::Pending | Self::Active | Self::Retired, Self::Retiring)
            | (Self::Retiring, Self::Retired) => true,
            (from, to) => from == to,
        }
    }
}

impl fmt::Display for IssuerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl IssuerChange {
    /// Checks the rules of [`Issuers::change`] for a CA with that status; `None`: there is no such CA, and no state is
    /// recorded for its name. Returns whether anything changes.
    pub fn check(&self, status: Option<&IssuerStatus>) -> Result<bool, LedgerError> {
        let refused = |from| LedgerError::IssuerState {
            ca: self.ca_name.clone(),
            from,
            to: self.state,
        };
        let Some(status) = status else {
            return match self.state {
                IssuerState::Pending if !self.becomes_default => Ok(true),
                IssuerState::Pending | IssuerState::Active | IssuerState::Retiring | IssuerState::Retired => {
                    Err(LedgerError::NoSuchIssuer(self.ca_name.clone()))
                }
            };
        };
        if !status.state.leads_to(self.state) || (self.becomes_default && self.state != IssuerState::Active) {
            return Err(refused(status.state));
        }
        if status.is_default && self.state != IssuerState::Active {
            return Err(LedgerError::IssuerIsDefault(self.ca_name.clone()));
        }
        Ok(status.state != self.state || (self.becomes_default && !status.is_default))
    }
}
