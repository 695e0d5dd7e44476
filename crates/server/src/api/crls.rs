//! CRLs: how they stand, and making them now.

use axum::Json;
use axum::extract::State;
use chancery_authority::config::Config;
use chancery_authority::port::PublicationError;
use chancery_authority::publish::{CrlOutcomes, CrlStatus, PublishError, Staleness};
use chancery_authority::{Scope, Slug};
use serde::{Deserialize, Serialize};

use super::certificates::{Body, octets};
use super::problem::{Problem, ProblemBody};
use crate::access::Caller;
use crate::app::AppState;

/// How it is with one CRL.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CrlEntry {
    /// Its file.
    #[schema(example = "chancery-issuing-ca.crl")]
    name: String,
    /// The CA whose CRL it is.
    authority: String,
    /// cRLNumber; absent where there is none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// Revoked certificates in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    /// When it was made (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    this_update: Option<String>,
    /// When the next one will be there at the latest (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    next_update: Option<String>,
    /// What is wrong with it, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What is between the configuration and what it is published for: a change of shards or URL that certificates of before
    /// outlast, in words. Nothing is wrong with that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transitions: Vec<String>,
}

/// CRLs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Crls {
    /// Each of them.
    crls: Vec<CrlEntry>,
}

/// Which CRLs to make; an empty body makes all.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishRequest {
    /// Those of this CA alone.
    #[schema(example = "chancery-issuing-ca")]
    authority: Option<String>,
}

impl Crls {
    /// Tells how CRLs stand.
    pub fn standing(statuses: &[CrlStatus]) -> Self {
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

    /// Tells what came of a publication: of a failure, what `told` says of it.
    pub fn published(outcomes: &CrlOutcomes, told: impl Fn(&PublishError) -> String) -> Self {
        let crls = outcomes.iter().map(|(scope, outcome)| {
            let crl = outcome.as_ref().ok();
            CrlEntry {
                name: Config::crl_name(scope).to_string(),
                authority: scope.issuer.to_string(),
                number: crl.map(|crl| crl.superseded_by.unwrap_or(crl.number)),
                entries: crl.map(|crl| crl.entries),
                this_update: crl.map(|crl| crl.this_update.to_string()),
                next_update: crl.map(|crl| crl.next_update.to_string()),
                problem: match outcome {
                    Ok(crl) => damage(&crl.damaged),
                    Err(error) => Some(told(error)),
                },
                transitions: Vec::new(),
            }
        });
        Self { crls: crls.collect() }
    }
}

/// What is wrong with a CRL; `None`: nothing.
pub(crate) fn problem(status: &CrlStatus) -> Option<String> {
    let text = match &status.staleness {
        Staleness::Fresh => return damage(&status.damaged),
        Staleness::Overdue => "the next one is overdue".to_owned(),
        Staleness::HalfSpent => "half of its life has passed without a next one".to_owned(),
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
    Some(text)
}

/// What is answered of a CRL that was not published: what whoever asks can do about it. The rest, such as paths of this
/// machine and what a key store said, is in the log.
pub(crate) fn problem_of(error: &PublishError) -> String {
    let inside = match error {
        PublishError::UnknownCa(_)
        | PublishError::Lint { .. }
        | PublishError::ShardWithoutUrl(_)
        | PublishError::Ahead { .. }
        | PublishError::NotOurs { .. }
        | PublishError::NotListed { .. }
        | PublishError::Contended { .. }
        | PublishError::Publication(PublicationError::PreconditionFailed { .. }) => return error.to_string(),
        PublishError::NotBelieved(_) => "the CA's certificate is not believed",
        PublishError::Ledger(_) => "the ledger does not answer",
        PublishError::KeyStore(_) => "the key store made no signature",
        PublishError::BadSignature { .. } => "the key store made a wrong signature",
        PublishError::Publication(_) => "its file could not be written or read",
        _ => "it could not be written",
    };
    format!("the CRL was not published: {inside}; the server's log says why, and it is tried again")
}

fn damage(rows: &[String]) -> Option<String> {
    (!rows.is_empty()).then(|| {
        format!(
            "{} damaged rows of the ledger are not in it as they should be",
            rows.len()
        )
    })
}

/// How every CRL stands.
#[utoipa::path(get, path = "/api/v1/crls", tag = "crls",
    responses((status = 200, description = "Every CRL", body = Crls), (status = 401, description = "No valid token", body = ProblemBody)))]
pub async fn status(State(state): State<AppState>, caller: Caller) -> Result<Json<Crls>, Problem> {
    caller.allowed(Scope::Read)?;
    Ok(Json(Crls::standing(&state.authority.crl_status().await)))
}

/// Makes and publishes CRLs now.
#[utoipa::path(post, path = "/api/v1/crls", tag = "crls", request_body = PublishRequest,
    responses(
        (status = 200, description = "What came of each: one that failed has a `problem`", body = Crls),
        (status = 401, description = "No valid token", body = ProblemBody),
        (status = 403, description = "The token lacks the scope `admin`", body = ProblemBody),
        (status = 404, description = "No such CA", body = ProblemBody)))]
pub async fn publish(State(state): State<AppState>, caller: Caller, body: Body) -> Result<Json<Crls>, Problem> {
    caller.allowed(Scope::Admin)?;
    let body = octets(body)?;
    let request: PublishRequest = if body.is_empty() {
        PublishRequest::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Problem::bad_request(format!("the request cannot be read: {error}")))?
    };
    let slug = request
        .authority
        .map(Slug::new)
        .transpose()
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    if let Some(slug) = slug.as_ref().filter(|slug| state.authority.ca(slug).is_none()) {
        return Err(Problem::not_found(format!(
            "there is no CA named {slug}; /api/v1/authorities lists them"
        )));
    }
    Ok(Json(Crls::published(
        &state.authority.publish_crls(slug.as_ref()).await,
        problem_of,
    )))
}

#[cfg(test)]
mod tests {
    use chancery_authority::port::{KeyName, KeyStoreError, LedgerError, PublishedName, Receipt};

    use super::*;

    /// What only whoever looks after the machine may see.
    const INSIDE: &str = "/srv/inside";

    #[test]
    fn what_is_answered_of_a_failure_shows_nothing_of_the_machine() {
        let io = || std::io::Error::other(INSIDE);
        let failures = [
            PublishError::Publication(PublicationError::Failed {
                name: PublishedName::new("a.crl").unwrap(),
                detail: INSIDE.to_owned(),
            }),
            PublishError::Ledger(LedgerError::Unavailable {
                detail: INSIDE.to_owned(),
            }),
            PublishError::KeyStore(KeyStoreError::Unavailable {
                detail: INSIDE.to_owned(),
            }),
            PublishError::Scratch(io()),
            PublishError::Revocations(io()),
            PublishError::BadSignature {
                key: KeyName(INSIDE.to_owned()),
                receipt: Receipt(INSIDE.to_owned()),
            },
        ];
        for failure in failures {
            assert!(failure.to_string().contains(INSIDE), "{failure}");
            let told = problem_of(&failure);
            assert!(!told.contains(INSIDE) && told.contains("log"), "{told}");
        }
    }
}
