//! `root_ca_crl`, `issuing_ca_crl`: revoke what operators' files list, and publish the CRLs of the CAs of that role.
//!
//! CRLs are published even if entries fail, and the CRL of one CA even if that of another fails; the failures are returned
//! afterwards. Revoking takes at most half of the invocation's time: the next run continues. Afterwards records of the
//! ledger are compared with the list (`unlisted.rs`); if that lists anything, the CRL is published again.

mod listed;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use chancery_authority::authority::Ca;
use chancery_authority::config::Config;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::CrlScope;
use chancery_authority::publish::PublishError;
use chancery_authority::revoke::RevokeError;
use chancery_deployment::failure::FailureKind;
use chancery_deployment::settings::CaRole;

use crate::failure::Failure;
use crate::state::{FunctionState, Invocation};
use crate::unlisted::{self, UnlistedCounts};

/// The age that is reported for a CRL from the future, in seconds: above every alarm's threshold. Relying parties
/// refuse such a CRL as they do an expired one.
const FROM_FUTURE: i64 = 1_000 * 86_400;

/// Revokes what the file of that role lists, and publishes the CRLs of its CAs. Returns the first failure after everything
/// was tried.
pub async fn handle(state: &FunctionState, role: CaRole, invocation: &Invocation) -> Result<(), Failure> {
    let (cas, known) = existing(state, role).await;
    if cas.is_empty() {
        return known;
    }
    let now = Instant::now();
    // The time when so many quarters of the invocation's remaining time are over.
    let share = |quarters: u32| {
        let share = |until: Instant| now + until.saturating_duration_since(now) / 4 * quarters;
        invocation.until.map(share)
    };
    let principal = invocation.principal();
    let mut finished = Ok(());
    for (left, ca) in in_turn(&cas) {
        finished = finished.and(finish_revocations(state, ca, turn(share(1), left)).await);
    }
    let revoked = listed::revoke(state, &cas, role, &principal, share(2)).await;
    let mut published = Vec::with_capacity(cas.len());
    for (left, ca) in in_turn(&cas) {
        published.push(publish_in_turn(state, ca, invocation.until, left).await);
    }
    let mut looked = Ok(());
    let mut found = Vec::with_capacity(cas.len());
    for (left, ca) in in_turn(&cas) {
        let of_ca = UnlistedCounts::default();
        looked = looked.and(unlisted::list(state, ca, &principal, turn(share(3), left), &of_ca).await);
        found.push(of_ca);
    }
    // With a compromised key, certificates of other CAs were revoked, too.
    if found.iter().any(|found| found.all() > 0) {
        for ((left, ca), publishing) in in_turn(&cas).zip(&mut published) {
            publishing.add(publish_in_turn(state, ca, invocation.until, left).await);
        }
    }
    let mut measured = Ok(());
    for scope in published.iter().flat_map(|publishing| &publishing.scopes) {
        measured = measured.and(measure(state, scope).await);
    }
    let mut damaged = Ok(());
    let mut unlisted = Ok(());
    for ((ca, publishing), found) in cas.iter().zip(&published).zip(&found) {
        damaged = damaged.and(fail_if_damaged(state, ca, publishing.damaged));
        unlisted = unlisted.and(found.fail_if_any(state, ca));
    }
    let published = published.into_iter().try_for_each(|of_ca| of_ca.outcome);
    published
        .and(known)
        .and(revoked)
        .and(finished)
        .and(looked)
        .and(damaged)
        .and(unlisted)
        .and(measured)
}

/// The CAs of that role that exist, and the first failure to read one. One that the settings do not have any more counts
/// as long as it has a CRL.
async fn existing(state: &FunctionState, role: CaRole) -> (Vec<Arc<Ca>>, Result<(), Failure>) {
    let (mut cas, mut known) = (Vec::new(), Ok(()));
    let configured = state.configured(role);
    for ca_name in &configured {
        match state.ca(ca_name).await {
            Ok(Some(ca)) => cas.push(ca),
            Ok(None) => tracing::error!(ca = %ca_name, "CA not found; nothing to publish"),
            Err(failure) => known = known.and(Err(failure)),
        }
    }
    let all = state.authority.cas();
    let is_left =
        |ca: &&Arc<Ca>| CaRole::with_parent(ca.record.parent.as_ref()) == role && !configured.contains(ca.name());
    if role == CaRole::Root || !all.iter().any(|ca| is_left(&ca)) {
        return (cas, known);
    }
    let scopes = state.authority.crl_scopes_now().await;
    for left in all.iter().filter(is_left) {
        if scopes.iter().any(|scope| scope.issuer == *left.name()) {
            tracing::warn!(ca = %left.name(), "the settings do not have this CA, and its CRL goes on");
            match state.ca(left.name()).await {
                Ok(ca) => cas.extend(ca),
                Err(failure) => known = known.and(Err(failure)),
            }
        }
    }
    (cas, known)
}

/// Each CA, with the number of those whose turn is not over.
fn in_turn(cas: &[Arc<Ca>]) -> impl Iterator<Item = (usize, &Arc<Ca>)> {
    cas.iter().enumerate().map(|(index, ca)| (cas.len() - index, ca))
}

/// The end of a CA's turn: so many CAs share the time that is left alike, so that none takes the others' time.
fn turn(until: Option<Instant>, left: usize) -> Option<Instant> {
    let now = Instant::now();
    let left = u32::try_from(left.max(1)).unwrap_or(u32::MAX);
    until.map(|until| now + until.saturating_duration_since(now) / left)
}

/// Continues revoking the families of compromised keys whose revocation was interrupted, until `until`: the operator
/// may have removed the entry from the file since.
async fn finish_revocations(state: &FunctionState, ca: &Ca, until: Option<Instant>) -> Result<(), Failure> {
    let finishing = state.authority.finish_revocations(Some(ca.name()));
    let finished = match until {
        None => finishing.await,
        // The rest is marked, and the next run continues.
        Some(until) => {
            let Ok(finished) = tokio::time::timeout_at(until.into(), finishing).await else {
                let message = "time ran out before all certificates of compromised keys were revoked; run it again";
                tracing::error!("{message}");
                return Err(Failure::new(FailureKind::Unavailable, message.to_owned()));
            };
            finished
        }
    };
    match finished {
        Ok(others) => {
            if !others.is_empty() {
                tracing::warn!(others = others.len(), ca = %ca.name(), "interrupted revocations of compromised keys' families are finished");
            }
            Ok(())
        }
        Err(error) => {
            // What is damaged is so at the next try, too.
            let kind = match &error {
                RevokeError::Ledger(LedgerError::Damaged { .. }) => FailureKind::Incomplete,
                _ => FailureKind::Unavailable,
            };
            let message =
                format!("the revocation of a compromised key's family was interrupted, and cannot go on: {error}");
            Err(Failure::new(kind, message))
        }
    }
}

/// The result of publishing.
struct Publishing {
    scopes: BTreeSet<CrlScope>,
    outcome: Result<(), Failure>,
    /// Number of revocations that could not be read completely.
    damaged: usize,
}

impl Publishing {
    /// Adds the result of publishing again.
    fn add(&mut self, second: Self) {
        self.scopes.extend(second.scopes);
        if self.outcome.is_ok() {
            self.outcome = second.outcome;
        }
        // Both saw the same rows.
        self.damaged = self.damaged.max(second.damaged);
    }
}

/// Publishes a CA's CRLs, of several within its turn: the last one has all the time that is left.
async fn publish_in_turn(state: &FunctionState, ca: &Ca, until: Option<Instant>, left: usize) -> Publishing {
    let publishing = publish(state, ca);
    let Some(until) = turn(until, left).filter(|_| left > 1) else {
        return publishing.await;
    };
    if let Ok(published) = tokio::time::timeout_at(until.into(), publishing).await {
        return published;
    }
    let message = format!(
        "the CRL of {} was not published within its share of the time",
        ca.name()
    );
    tracing::error!("{message}");
    let scopes = state.authority.crl_scopes().into_iter();
    Publishing {
        scopes: scopes.filter(|scope| scope.issuer == *ca.name()).collect(),
        outcome: Err(Failure::new(FailureKind::Unavailable, message)),
        damaged: 0,
    }
}

async fn publish(state: &FunctionState, ca: &Ca) -> Publishing {
    let mut publishing = Publishing {
        scopes: BTreeSet::new(),
        outcome: Ok(()),
        damaged: 0,
    };
    for (scope, outcome) in state.authority.publish_crls(Some(ca.name())).await {
        match outcome {
            Ok(crl) => publishing.damaged += crl.damaged.len(),
            Err(error) => publishing.outcome = Err(refuse(error)),
        }
        publishing.scopes.insert(scope);
    }
    publishing
}

fn refuse(error: PublishError) -> Failure {
    tracing::error!(%error, "the CRL was not published; the previous one is still published");
    error.into()
}

/// Damage is logged and counted, and makes the run fail as incomplete.
fn fail_if_damaged(state: &FunctionState, ca: &Ca, damaged: usize) -> Result<(), Failure> {
    if damaged == 0 {
        return Ok(());
    }
    state.metrics.crl_damaged(ca.name().as_str(), damaged as u64);
    let message = format!(
        "the CRL of {} is published, but {damaged} revocations could not be read as they should be; the log says which",
        ca.name()
    );
    Err(Failure::new(FailureKind::Incomplete, message))
}

/// Measures age and size of the published CRL, whoever put it there.
async fn measure(state: &FunctionState, scope: &CrlScope) -> Result<(), Failure> {
    let ports = state.authority.ports();
    match ports.publication.stat(&Config::crl_name(scope)).await {
        Ok(Some(stat)) => state.metrics.crl_size(scope.issuer.as_str(), stat.len),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the published CRL's size is not known"),
    }
    measure_age(state, scope).await
}

/// Measures a CRL's age. An age that cannot be measured is a failure: without data, an alarm stays green.
async fn measure_age(state: &FunctionState, scope: &CrlScope) -> Result<(), Failure> {
    let made_at = match state.authority.published_at(scope).await {
        Ok(Some(made_at)) => made_at,
        Ok(None) => return Ok(()),
        Err(error) => {
            tracing::error!(%error, ca = %scope.issuer, "the age of the published CRL is not known");
            return Err(error.into());
        }
    };
    let age = state.authority.ports().clock.now().0.saturating_sub(made_at.0);
    let age = match age {
        0.. => age,
        // A clock that is slightly behind; the Python CA's CRLs are not backdated either.
        -600..0 => 0,
        _ => {
            tracing::error!(ca = %scope.issuer, seconds = -age, "the published CRL is from the future; relying parties refuse it");
            FROM_FUTURE
        }
    };
    state.metrics.crl_age(scope.issuer.as_str(), age);
    Ok(())
}

/// Measures the age of every CRL.
pub(crate) async fn measure_ages(state: &FunctionState) -> Result<(), Failure> {
    state.authority.refresh_crl_uses().await?;
    let mut measured = Ok(());
    for scope in state.authority.crl_scopes() {
        measured = measured.and(measure_age(state, &scope).await);
    }
    measured
}
