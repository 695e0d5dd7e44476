//! Each request has an id: it is in the answer, in the log, and in the journal of attempts beside every signature that the request
//! led to. It is the server's; what a client sends is not taken over, since it would stand in the journal.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use chancery_authority::port::Invocation;
use data_encoding::HEXLOWER;
use tracing::Instrument as _;

use crate::state::AppState;

/// The header of an answer.
const HEADER: &str = "x-request-id";

/// The id of a request.
#[derive(Clone, Debug)]
struct RequestId(String);

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The request that the task works on.
#[derive(Clone, Copy, Debug, Default)]
pub struct CurrentRequest;

impl Invocation for CurrentRequest {
    fn request_id(&self) -> Option<String> {
        CURRENT.try_with(|id| id.0.clone()).ok()
    }
}

/// Middleware around all others: gives the request its id, and the answer too.
pub(crate) async fn give(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let mut octets = [0; 16];
    state.authority.ports().entropy.fill(&mut octets);
    let id = RequestId(HEXLOWER.encode(&octets));
    request.extensions_mut().insert(id.clone());
    let mut answer = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        answer.headers_mut().insert(HEADER, value);
    }
    answer
}

/// Middleware within all others: whatever the handler does, in whichever task, is done for that request.
pub(crate) async fn work_on(request: Request, next: Next) -> Response {
    let Some(id) = request.extensions().get::<RequestId>().cloned() else {
        return next.run(request).await;
    };
    let span = tracing::info_span!("request", request_id = id.0);
    CURRENT.scope(id, next.run(request).instrument(span)).await
}
