//! `root_ca_crl`, `issuing_ca_crl`: revokes what operators' files list, and publishes the CA's CRL.
//!
//! Whatever becomes of an entry, the CRL is published; what could not be done is told then. Revoking takes half of the
//! invocation's time at most: what is left over is for the next run.

use std::time::Instant;

use chancery_authority::Principal;
use chancery_authority::authority::Ca;
use chancery_authority::config::Config;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::CrlScope;
use chancery_authority::publish::PublishError;
use chancery_authority::revoke::{ListedRevocation, RevokeError, SkippedRevocation, decide_listed, stands};
use chancery_authority::wire::{REVOKED_JSON, REVOKED_ROOT_CA_JSON, RevokedEntry};
use futures_util::StreamExt;
use futures_util::stream;

use crate::failure::{Failure, FailureKind};
use crate::files::Read;
use crate::office::{Invocation, Office};
use crate::settings::CaRole;

/// Revocations in work at a time.
const AT_ONCE: usize = 16;

/// Entries of a file that are looked up together.
const TOGETHER: usize = 500;

/// The age of a CRL from the future: older than any that an alarm lets pass. Relying parties refuse it as they do one that is
/// over.
const FROM_FUTURE: i64 = 1_000 * 86_400;

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
    let now = Instant::now();
    let half = invocation
        .until
        .map(|until| now + until.saturating_duration_since(now) / 2);
    let revoked = revoke_listed(office, &ca, role, &invocation.principal(), half).await;
    let (mut published, mut damaged, mut measured) = (Ok(()), 0, Ok(()));
    for (scope, outcome) in office.authority.publish_crls(Some(ca.slug())).await {
        match outcome {
            Ok(crl) => damaged += crl.damaged.len(),
            Err(error) => published = Err(refuse(error)),
        }
        measured = measured.and(measure(office, &scope).await);
    }
    published.and(revoked).and(whole(office, &ca, damaged)).and(measured)
}

fn refuse(error: PublishError) -> Failure {
    tracing::error!(%error, "the CRL was not published; the one before stands");
    error.into()
}

/// Damage is told in the log, counted, and makes the run one that did not do all.
fn whole(office: &Office, ca: &Ca, damaged: usize) -> Result<(), Failure> {
    if damaged == 0 {
        return Ok(());
    }
    office.metrics.crl_damaged(ca.slug().as_str(), damaged as u64);
    let message = format!(
        "the CRL of {} is published, but {damaged} revocations could not be read as they should be; the log says which",
        ca.slug()
    );
    Err(Failure::new(FailureKind::Incomplete, message))
}

/// Revokes every entry of the CA's file, until `until`.
async fn revoke_listed(
    office: &Office,
    ca: &Ca,
    role: CaRole,
    principal: &Principal,
    until: Option<Instant>,
) -> Result<(), Failure> {
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
    if !damaged.is_empty() {
        office.metrics.crl_damaged(ca.slug().as_str(), damaged.len() as u64);
    }
    let (mut failed, mut left) = (None, entries.len());
    for together in entries.chunks(TOGETHER) {
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
        failed = revoke_together(office, ca, together, principal).await.or(failed);
        left -= together.len();
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    let incomplete = |message: String| Err(Failure::new(FailureKind::Incomplete, message));
    if left > 0 {
        tracing::error!(
            left,
            "there was no time for all entries of {name}; the next run goes on"
        );
        // Another try goes on where this one ended.
        let message = format!("there was no time for {left} entries of {name}; run it again");
        return Err(Failure::new(FailureKind::Unavailable, message));
    }
    match damaged.first() {
        None => Ok(()),
        Some(first) => incomplete(format!(
            "{} entries of {name} could not be followed: {first}",
            damaged.len()
        )),
    }
}

/// Those that stand on the CA's list already, most of them, cost one look for all.
async fn revoke_together(
    office: &Office,
    ca: &Ca,
    entries: &[RevokedEntry],
    principal: &Principal,
) -> Option<LedgerError> {
    let serials: Vec<_> = entries.iter().map(|entry| entry.serial_number).collect();
    let ledger = office.authority.ports().ledger.as_ref();
    let listed = match ledger.listed_among(ca.slug(), &serials).await {
        Ok(listed) => listed,
        Err(error) => {
            tracing::error!(%error, "it could not be looked up who is revoked already");
            return Some(error);
        }
    };
    let due = entries.iter().filter(|entry| {
        let reason = listed.get(&entry.serial_number);
        !reason.is_some_and(|reason| stands(*reason, entry.reason))
    });
    let outcomes = stream::iter(due).map(|entry| revoke(office, ca, entry, principal));
    outcomes
        .buffer_unordered(AT_ONCE)
        .fold(None, async |failed, outcome| match outcome {
            Outcome::Done | Outcome::Skipped => failed,
            Outcome::Failed(error) => Some(error),
        })
        .await
}

async fn revoke(office: &Office, ca: &Ca, entry: &RevokedEntry, principal: &Principal) -> Outcome {
    let serial = entry.serial_number;
    let ledger = office.authority.ports().ledger.as_ref();
    let record = match decide_listed(ledger, ca.slug(), entry).await {
        // Also one that its row says is revoked: it is not on the list, and revoking it again puts it there.
        Ok(ListedRevocation::Due(record) | ListedRevocation::Stands(record)) => *record,
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

/// Age and size of the CRL that stands in the bucket, whoever put it there.
async fn measure(office: &Office, scope: &CrlScope) -> Result<(), Failure> {
    let ports = office.authority.ports();
    match ports.publication.stat(&Config::crl_name(scope)).await {
        Ok(Some(stat)) => office.metrics.crl_size(scope.issuer.as_str(), stat.len),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the published CRL's size is not known"),
    }
    measure_age(office, scope).await
}

/// What cannot be measured is a failure: an alarm that is green for want of figures is none.
async fn measure_age(office: &Office, scope: &CrlScope) -> Result<(), Failure> {
    let made_at = match office.authority.published_at(scope).await {
        Ok(Some(made_at)) => made_at,
        Ok(None) => return Ok(()),
        Err(error) => {
            tracing::error!(%error, ca = %scope.issuer, "the age of the published CRL is not known");
            return Err(error.into());
        }
    };
    let age = office.authority.ports().clock.now().0.saturating_sub(made_at.0);
    let age = match age {
        0.. => age,
        // A clock that is a little behind; the former CA's CRLs do not lie back either.
        -600..0 => 0,
        _ => {
            tracing::error!(ca = %scope.issuer, seconds = -age, "the published CRL is from the future; relying parties refuse it");
            FROM_FUTURE
        }
    };
    office.metrics.crl_age(scope.issuer.as_str(), age);
    Ok(())
}

/// The age of every CRL.
pub(crate) async fn measure_ages(office: &Office) -> Result<(), Failure> {
    office.authority.refresh_crl_uses().await?;
    let mut measured = Ok(());
    for scope in office.authority.crl_scopes() {
        measured = measured.and(measure_age(office, &scope).await);
    }
    measured
}
