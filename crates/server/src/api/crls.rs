//! CRLs: their state, and publishing them now.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};
use chancery_authority::config::Config;
use chancery_authority::port::PublicationError;
use chancery_authority::port::ledger::CrlScope;
use chancery_authority::publish::{CrlOutcomes, CrlStatus, PublishError, PublishedCrl, Staleness};
use chancery_authority::{CaName, TokenScope};
use serde::{Deserialize, Serialize};

use super::certificates::{Body, PathText, given, object, octets};
use super::problem::{Problem, ProblemBody};
use crate::access::Caller;
use crate::app::AppState;
use crate::publications::{Progress, Publishing};

/// How long a request to publish CRLs waits for all of them.
const PATIENCE: Duration = Duration::from_secs(10);

/// The state of one CRL.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
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
    /// What is wrong with it, as text; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Differences from the configuration, as text: after a change of shards or URL, the CRL is still published for
    /// certificates issued before. This is no problem.
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
    /// Only this CA's CRLs.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, example = "chancery-issuing-ca",
        pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    authority: Option<String>,
}

impl Crls {
    /// Describes the state of CRLs.
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

    /// Describes the outcome of a publication; `told` turns an error into text.
    pub fn published(outcomes: &CrlOutcomes, told: impl Fn(&PublishError) -> String) -> Self {
        let crls = outcomes
            .iter()
            .map(|(scope, outcome)| CrlEntry::published(scope, outcome, &told));
        Self { crls: crls.collect() }
    }
}

impl CrlEntry {
    /// Describes the outcome of one CRL's publication.
    pub(crate) fn published(
        scope: &CrlScope,
        outcome: &Result<PublishedCrl, PublishError>,
        told: impl Fn(&PublishError) -> String,
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
                Err(error) => Some(told(error)),
            },
            transitions: Vec::new(),
        }
    }

    /// Describes a CRL that was not published within that time.
    pub(crate) fn given_up(scope: &CrlScope, after: Duration) -> Self {
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
pub(crate) fn problem(status: &CrlStatus) -> Option<String> {
    let text = match &status.staleness {
        Staleness::Fresh => return damage(&status.damaged),
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
    Some(text)
}

/// The answer where a CRL was not published: what the caller can do about it. Everything else, such as paths of this
/// machine and the key store's error, goes to the log.
pub(crate) fn problem_of(error: &PublishError) -> String {
    let inside = match error {
        PublishError::UnknownCa(_)
        | PublishError::Lint { .. }
        | PublishError::ShardWithoutUrl(_)
        | PublishError::Ahead { .. }
        | PublishError::NotOurs { .. }
        | PublishError::SharedFile { .. }
        | PublishError::OfAnotherCa { .. }
        | PublishError::ClockBehind { .. }
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

/// The state of every CRL.
#[utoipa::path(get, path = "/api/v1/crls", tag = "crls",
    responses((status = 200, description = "Every CRL", body = Crls), (status = 401, description = "No valid token", body = ProblemBody)))]
pub async fn status(State(state): State<AppState>, caller: Caller) -> Result<Json<Crls>, Problem> {
    caller.allowed(TokenScope::Read)?;
    Ok(Json(Crls::standing(&state.authority.crl_status().await)))
}

/// The progress of a requested publication.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PublicationState {
    /// Its id.
    #[schema(example = "5f0c1d2e3a4b5c6d")]
    publication: String,
    /// CRLs to be made.
    total: usize,
    /// Whether it has ended.
    finished: bool,
    /// Why it ended before all CRLs were made, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The outcome of each CRL so far: one that failed has a `problem`.
    crls: Vec<CrlEntry>,
}

impl PublicationState {
    fn new(order: Publishing, progress: Progress) -> Self {
        let ended_early = order.ended_early();
        Self {
            publication: order.id,
            total: progress.total,
            finished: progress.is_finished() || ended_early,
            problem: ended_early.then(|| "it ended before all CRLs were made: ask for them again".to_owned()),
            crls: progress.done,
        }
    }
}

/// Makes and publishes CRLs now. After ten seconds it continues in the background, and its progress can be queried.
#[utoipa::path(post, path = "/api/v1/crls", tag = "crls", request_body = PublishRequest,
    responses(
        (status = 200, description = "The outcome of each CRL: one that failed has a `problem`", body = Crls),
        (status = 202, description = "It is in progress: query it at `Location`", body = PublicationState,
            headers(("Location" = String, description = "`/api/v1/crls/publications/…`")),
            links(("Ask after it" = (operation_id = "publication",
                parameters(("publication" = "$response.body#/publication")))))),
        (status = 400, description = "The request is malformed", body = ProblemBody),
        (status = 403, description = "The token lacks the scope `admin`", body = ProblemBody),
        (status = 404, description = "No such CA", body = ProblemBody)))]
pub async fn publish(State(state): State<AppState>, caller: Caller, body: Body) -> Result<Response, Problem> {
    caller.allowed(TokenScope::Admin)?;
    let request: PublishRequest = object(&octets(body)?)?;
    let ca_name = request
        .authority
        .map(CaName::new)
        .transpose()
        .map_err(|error| Problem::bad_request(format!("authority: {error}")))?;
    if let Some(ca_name) = ca_name.as_ref().filter(|ca_name| state.authority.ca(ca_name).is_none()) {
        return Err(Problem::not_found(format!(
            "there is no CA named {ca_name}; /api/v1/authorities lists them"
        )));
    }
    let mut scopes = state.authority.crl_scopes_now().await;
    scopes.retain(|scope| ca_name.as_ref().is_none_or(|ca_name| *ca_name == scope.issuer));
    let order = state.publications.order(&state.authority, &state.changes, scopes);
    let order =
        order.ok_or_else(|| Problem::unavailable("too many publications are in work; try again in a moment"))?;
    let progress = order.after(PATIENCE).await;
    if progress.is_finished() {
        return Ok(Json(Crls { crls: progress.done }).into_response());
    }
    let location = format!("/api/v1/crls/publications/{}", order.id);
    let told = Json(PublicationState::new(order, progress));
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], told).into_response())
}

/// The progress of a publication that was requested here, as long as the server remembers it.
#[utoipa::path(get, path = "/api/v1/crls/publications/{publication}", tag = "crls",
    params(("publication" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "Its progress", body = PublicationState),
        (status = 404, description = "No such publication, or the server no longer remembers it: `GET /api/v1/crls` has the state of every CRL", body = ProblemBody)))]
pub async fn publication(
    State(state): State<AppState>,
    caller: Caller,
    id: PathText,
) -> Result<Json<PublicationState>, Problem> {
    caller.allowed(TokenScope::Read)?;
    let order = state.publications.find(&id.0);
    let order = order.ok_or_else(|| {
        Problem::not_found("there is no such publication any more; /api/v1/crls tells how every CRL stands")
    })?;
    let progress = order.after(Duration::ZERO).await;
    Ok(Json(PublicationState::new(order, progress)))
}

#[cfg(test)]
mod tests {
    use chancery_authority::port::{KeyName, KeyStoreError, LedgerError, PublishedName, Receipt};

    use super::*;

    /// Visible only to the operator of the machine.
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
