//! A CA's certificate is renewed for the same key: the CA stays the same, and what it issued verifies with either.

use std::sync::Arc;

use super::HierarchyError;
use super::build::CaCertificateRequest;
use crate::authority::Authority;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::port::LedgerError;
use crate::port::ledger::IssuerState;
use crate::principal::Principal;

impl Authority {
    /// Renews a CA's certificate for the same key, subject and key identifier, as its configuration describes it now,
    /// and returns the CA with it. The former certificate stays valid until it ends. Publishes nothing. Safe to repeat
    /// after an interruption, and to run concurrently: then one certificate is made.
    ///
    /// Refused where the CA is retired, where it or a CA above it is revoked, where its configuration gives it another
    /// subject, and where the new certificate would not outlive the present one.
    pub async fn renew_ca(&self, ca_name: &CaName, principal: &Principal) -> Result<Arc<Ca>, HierarchyError> {
        self.reload().await?;
        let former = self
            .ca(ca_name)
            .ok_or_else(|| LedgerError::NoSuchIssuer(ca_name.clone()))?;
        let config = self
            .config()
            .ca(ca_name)
            .ok_or_else(|| HierarchyError::NotConfigured(ca_name.clone()))?;
        self.believe(&former).await?;
        let parent = self.parent_of(config).await?;
        if let Some(revoked) = self.revoked_in_chain(ca_name).await? {
            return Err(LedgerError::IssuerRevoked { ca: revoked }.into());
        }
        let state = former.record.status.state;
        if state == IssuerState::Retired {
            let ca = ca_name.clone();
            return Err(LedgerError::IssuerNotActive { ca, state }.into());
        }
        if config.subject() != former.certificate().subject() {
            return Err(HierarchyError::OtherSubject {
                ca_name: ca_name.clone(),
                present: former.certificate().subject().to_rfc4514(),
                configured: config.subject().to_rfc4514(),
            });
        }
        let request = CaCertificateRequest {
            config,
            parent: parent.as_deref(),
            key: former.issuer.public_key(),
            renews: Some(&former),
            principal,
        };
        self.certify(&request).await?;
        self.reload().await?;
        let ca = self.ca(ca_name).ok_or_else(|| LedgerError::Damaged {
            detail: format!("CA {ca_name} was renewed and is not there"),
        })?;
        tracing::info!(ca = %ca_name, serial = %ca.certificate().serial(), %principal, "the certificate of a CA was renewed");
        Ok(ca)
    }
}
