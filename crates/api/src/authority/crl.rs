//! CRLs.

use std::time::Duration;

use chancery_authority::config::Config;
use chancery_authority::port::ledger::CrlScope;
use chancery_authority::publish::{CrlOutcomes, CrlStatus, PublishError, PublishedCrl, Staleness};

use crate::crls::{CrlEntry, Crls};

impl Crls {
    /// Describes the state of CRLs.
    pub fn from_status(statuses: &[CrlStatus]) -> Self {
        let entry = |status: &CrlStatus| {
            let latest = status.latest.as_ref();
            CrlEntry {
                name: status.name.to_string(),
                authority: status.scope.issuer.to_string(),
                number: latest.map(|crl| crl.number),
                entries: latest.map(|crl| crl.entries),
                this_update: latest.map(|crl| crl.this_update.to_string()),
                next_update: latest.map(|crl| crl.next_update.to_string()),
                problem: problem(status),
                transitions: status.transitions.iter().map(ToString::to_string).collect(),
            }
        };
        Self {
            crls: statuses.iter().map(entry).collect(),
        }
    }

    /// Describes the outcome of a publication; `describe` turns an error into text.
    pub fn published(outcomes: &CrlOutcomes, describe: impl Fn(&PublishError) -> String) -> Self {
        let crls = outcomes
            .iter()
            .map(|(scope, outcome)| CrlEntry::published(scope, outcome, &describe));
        Self { crls: crls.collect() }
    }
}

impl CrlEntry {
    /// Describes the outcome of one CRL's publication.
    pub fn published(
        scope: &CrlScope,
        outcome: &Result<PublishedCrl, PublishError>,
        describe: impl Fn(&PublishError) -> String,
    ) -> Self {
        let crl = outcome.as_ref().ok();
        Self {
            name: Config::crl_name(scope).to_string(),
            authority: scope.issuer.to_string(),
            number: crl.map(|crl| crl.superseded_by.unwrap_or(crl.number)),
            entries: crl.map(|crl| crl.entries),
            this_update: crl.map(|crl| crl.this_update.to_string()),
            next_update: crl.map(|crl| crl.next_update.to_string()),
            problem: match outcome {
                Ok(crl) => damage(&crl.damaged),
                Err(error) => Some(describe(error)),
            },
            transitions: Vec::new(),
        }
    }

    /// Describes a CRL that was not published within that time.
    pub fn given_up(scope: &CrlScope, after: Duration) -> Self {
        Self {
            name: Config::crl_name(scope).to_string(),
            authority: scope.issuer.to_string(),
            number: None,
            entries: None,
            this_update: None,
            next_update: None,
            problem: Some(format!(
                "the CRL was not published within {} minutes: the ledger, the key store or the place of its file does not \
                 answer; it is tried again",
                after.as_secs() / 60
            )),
            transitions: Vec::new(),
        }
    }
}

/// What is wrong with a CRL; `None` if nothing is.
pub fn problem(status: &CrlStatus) -> Option<String> {
    let text = match &status.staleness {
        Staleness::Fresh => {
            let problems: Vec<String> = status
                .unfinished
                .iter()
                .cloned()
                .chain(damage(&status.damaged))
                .collect();
            return (!problems.is_empty()).then(|| problems.join("; "));
        }
        Staleness::Overdue => "the next one is overdue".to_owned(),
        Staleness::HalfSpent => "half of its life has passed without a next one".to_owned(),
        Staleness::Lagging { since } => {
            format!("revocations since {since} are on no published CRL; publish the CRL now to see the error")
        }
        Staleness::Unpublished => "it is signed but not published".to_owned(),
        Staleness::FromFuture => {
            "it is from the future, made while the clock was ahead: relying parties refuse it; publish another"
                .to_owned()
        }
        Staleness::Replaced => "the published file is gone, or is not the one that was published".to_owned(),
        Staleness::Expired => "it has expired: relying parties refuse this CA's certificates".to_owned(),
        Staleness::Missing => "there is none yet".to_owned(),
        Staleness::Unknown { .. } => "the ledger does not answer".to_owned(),
    };
    // First: it is about certificates that are valid and should not be.
    let problems: Vec<String> = status.unfinished.iter().cloned().chain([text]).collect();
    Some(problems.join("; "))
}

fn damage(rows: &[String]) -> Option<String> {
    (!rows.is_empty()).then(|| {
        format!(
            "{} damaged rows of the ledger are not in it as they should be",
            rows.len()
        )
    })
}
