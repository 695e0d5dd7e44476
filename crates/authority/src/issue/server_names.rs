//! No requester may get a certificate with which to impersonate the authority's own server.

use std::sync::PoisonError;

use chancery_x509::san::AltName;
use chancery_x509::time::UnixTime;

use super::{Prepared, Refusal};
use crate::authority::{Authority, ServerNameSet};
use crate::port::LedgerError;
use crate::principal::PrincipalKind;

impl Authority {
    /// Reserves the names of the authority's own server until the server's certificate for them ends: also in other
    /// processes, and after a restart with other names.
    pub async fn reserve_server_names(&self, names: ServerNameSet, until: UnixTime) -> Result<(), LedgerError> {
        let names: Vec<AltName> = names.iter().cloned().collect();
        self.ports().ledger.server_names().record(&names, until).await?;
        self.cache_server_names(names);
        Ok(())
    }

    /// Sets the names that the ledger has, and the host that serves CRLs and CA certificates.
    pub(crate) fn cache_server_names(&self, names: Vec<AltName>) {
        let mut own = self.server_names.write().unwrap_or_else(PoisonError::into_inner);
        own.extend(names);
        own.set_public(self.config().public_url());
    }

    /// Refuses names of the authority's own server to remote callers. A caller who runs the command on the data folder
    /// has the server's key anyway, and gets a warning.
    pub(super) fn check_server_names(&self, prepared: &mut Prepared) -> Result<(), Refusal> {
        let template = prepared.template();
        let own = self.server_names.read().unwrap_or_else(PoisonError::into_inner);
        let Some(name) = own.first_in(&template.subject, &template.alt_names) else {
            return Ok(());
        };
        drop(own);
        match prepared.principal().kind() {
            PrincipalKind::Authority => Ok(()),
            PrincipalKind::Local => {
                prepared.warnings.push(format!(
                    "{name:?} is a name of this authority's own server: the holder of this certificate and its key can impersonate \
                     that server"
                ));
                Ok(())
            }
            PrincipalKind::Token
            | PrincipalKind::Certificate
            | PrincipalKind::Function
            | PrincipalKind::Aws
            | PrincipalKind::Unknown => Err(Refusal::ServerName { name }),
        }
    }
}
