//! CRLs: their state, and publishing them now.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};
use chancery_api::crls::{Crls, PublicationState, PublishRequest};
use chancery_authority::{CaName, TokenScope};

use super::certificates::{Body, PathText, object, octets};
use super::problem::Problem;
use crate::access::Caller;
use crate::publications::{Progress, Publishing};
use crate::state::AppState;

/// How long a request to publish CRLs waits for all of them.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The state of every CRL.
pub async fn status(State(state): State<AppState>, caller: Caller) -> Result<Json<Crls>, Problem> {
    caller.allowed(TokenScope::Read)?;
    Ok(Json(Crls::from_status(&state.authority.crl_status().await)))
}

fn state_of(publication: Publishing, progress: Progress) -> PublicationState {
    let ended_early = publication.ended_early();
    PublicationState {
        publication: publication.id,
        total: progress.total,
        finished: progress.is_finished() || ended_early,
        problem: ended_early.then(|| "it ended before all CRLs were made: ask for them again".to_owned()),
        crls: progress.done,
    }
}

/// Makes and publishes CRLs now. After ten seconds it continues in the background, and its progress can be queried.
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
    let publication = state.publications.start(&state.authority, &state.changes, scopes);
    let publication =
        publication.ok_or_else(|| Problem::unavailable("too many publications are in work; try again in a moment"))?;
    let progress = publication.after(TIMEOUT).await;
    if progress.is_finished() {
        return Ok(Json(Crls { crls: progress.done }).into_response());
    }
    let location = format!("/api/v1/crls/publications/{}", publication.id);
    let state = Json(state_of(publication, progress));
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], state).into_response())
}

/// The progress of a publication that was requested here, as long as the server remembers it.
pub async fn publication(
    State(state): State<AppState>,
    caller: Caller,
    id: PathText,
) -> Result<Json<PublicationState>, Problem> {
    caller.allowed(TokenScope::Read)?;
    let publication = state.publications.find(&id.0);
    let publication = publication.ok_or_else(|| {
        Problem::not_found("there is no such publication any more; /api/v1/crls tells how every CRL stands")
    })?;
    let progress = publication.after(Duration::ZERO).await;
    Ok(Json(state_of(publication, progress)))
}
