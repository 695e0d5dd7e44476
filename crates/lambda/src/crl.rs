//! `root_ca_crl`, `issuing_ca_crl`: revokes what operators' files list, and publishes the CA's CRL.
//!
//! Whatever becomes of an entry, the CRL is published; what could not be done is told then.

use chancery_authority::Principal;
use chancery_authority::authority::Ca;
use chancery_authority::config::Config;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::CrlScope;
use chancery_authority::publish::{PublishError, PublishedCrl};
use chancery_authority::revoke::{ListedRevocation, RevokeError, SkippedRevocation, decide_listed};
use chancery_authority::wire::{REVOKED_JSON, REVOKED_ROOT_CA_JSON, RevokedEntry};
use futures_util::StreamExt;
use futures_util::stream;

use crate::failure::{Failure, FailureKind};
use crate::files::Read;
use crate::office::{Invocation, Office};
use crate::settings::CaRole;

/// Revocations in work at a time.
const AT_ONCE: usize = 16;

/// What became of one entry.
enum Outcome {
    /// Revoked now, or before.
    Done,
    /// There is nothing to revoke; trying again changes nothing.
    Skipped,
    /// It may be revoked later.
    Failed(LedgerError),
}

/// Revokes and publishes.
pub async fn handle(office: &Office, role: CaRole, invocation: &Invocation) -> Result<(), Failure> {
    let Some(ca) = office.ca(role).await? else {
        tracing::error!(ca = %office.ca_config(role).slug(), "CA not found; nothing to publish");
        return Ok(());
    };
    let revoked = revoke_listed(office, &ca, role, &invocation.principal()).await;
    let mut published = Ok(());
    for (scope, outcome) in office.authority.publish_crls(Some(ca.slug())).await {
        measure(office, &scope, outcome.as_ref().ok()).await;
        if let Err(error) = outcome {
            published = Err(refuse(error));
        }
    }
    published.and(revoked)
}

fn refuse(error: PublishError) -> Failure {
    tracing::error!(%error, "the CRL was not published; the one before stands");
    error.into()
}

/// Revokes every entry of the CA's file.
async fn revoke_listed(office: &Office, ca: &Ca, role: CaRole, principal: &Principal) -> Result<(), Failure> {
    let name = match role {
        CaRole::Root => REVOKED_ROOT_CA_JSON,
        CaRole::Issuing => REVOKED_JSON,
    };
    let octets = match office.files.read_if_changed(name, None).await? {
        Read::Changed { octets, .. } => octets,
        Read::Missing | Read::Unchanged => return Ok(()),
    };
    let (entries, damaged) = RevokedEntry::parse_list(name, &octets).map_err(|error| {
        tracing::error!(%error, "nobody is revoked by it");
        Failure::new(FailureKind::Incomplete, error.to_string())
    })?;
    drop(octets);
    for entry in &damaged {
        tracing::error!(entry, "nobody is revoked by it");
    }
    let outcomes = stream::iter(&entries).map(|entry| revoke(office, ca, entry, principal));
    let failed = outcomes
        .buffer_unordered(AT_ONCE)
        .fold(None, async |failed, outcome| match outcome {
            Outcome::Done | Outcome::Skipped => failed,
            Outcome::Failed(error) => Some(error),
        })
        .await;
    match failed {
        // Those that are damaged stay so: a retry would only publish once more, so they are told in the log alone.
        None => Ok(()),
        Some(error) => Err(error.into()),
    }
}

async fn revoke(office: &Office, ca: &Ca, entry: &RevokedEntry, principal: &Principal) -> Outcome {
    let serial = entry.serial_number;
    let ledger = office.authority.ports().ledger.as_ref();
    let record = match decide_listed(ledger, ca.slug(), entry).await {
        Ok(ListedRevocation::Due(record)) => *record,
        Ok(ListedRevocation::Stands(_)) => return Outcome::Done,
        Ok(ListedRevocation::Skipped(reason)) => {
            match reason {
                SkippedRevocation::NotFound { .. } | SkippedRevocation::OtherName { .. } => {
                    tracing::warn!(%reason, common_name = entry.common_name, %serial, "a certificate was not revoked");
                }
                _ => {
                    tracing::error!(%reason, common_name = entry.common_name, %serial, ca = %ca.slug(), "a certificate was not revoked");
                }
            }
            return Outcome::Skipped;
        }
        Err(error) => {
            tracing::error!(%error, common_name = entry.common_name, %serial, "a certificate could not be looked up");
            return Outcome::Failed(error);
        }
    };
    match office
        .authority
        .revoke_record(record, entry.reason, None, principal)
        .await
    {
        Ok(_) => Outcome::Done,
        Err(RevokeError::Ledger(error)) => {
            tracing::error!(%error, common_name = entry.common_name, %serial, "a certificate was not revoked");
            Outcome::Failed(error)
        }
        Err(error) => {
            tracing::error!(%error, common_name = entry.common_name, %serial, "a certificate was not revoked");
            Outcome::Skipped
        }
    }
}

/// The age of the newest CRL and the size of the published one.
async fn measure(office: &Office, scope: &CrlScope, published: Option<&PublishedCrl>) {
    let ports = office.authority.ports();
    match published {
        Some(crl) => {
            let age = ports.clock.now().0.saturating_sub(crl.this_update.0);
            office.metrics.crl_age(scope.issuer.as_str(), age);
        }
        None => measure_age(office, scope).await,
    }
    match ports.publication.stat(&Config::crl_name(scope)).await {
        Ok(Some(stat)) => office.metrics.crl_size(scope.issuer.as_str(), stat.len),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the published CRL's size is not known"),
    }
}

/// The age of the newest CRL that was published, as the ledger knows it.
async fn measure_age(office: &Office, scope: &CrlScope) {
    let ports = office.authority.ports();
    match ports.ledger.latest_crl(scope).await {
        Ok(latest) => {
            if let Some(crl) = latest.filter(|crl| crl.published.is_some()) {
                let age = ports.clock.now().0.saturating_sub(crl.this_update.0);
                office.metrics.crl_age(scope.issuer.as_str(), age);
            }
        }
        Err(error) => tracing::warn!(%error, "the newest CRL's age is not known"),
    }
}

/// The age of every CRL.
pub(crate) async fn measure_ages(office: &Office) {
    for scope in office.authority.crl_scopes() {
        measure_age(office, &scope).await;
    }
}
