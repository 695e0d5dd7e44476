//! The routers. The number of requests that reach them at once is limited before them: see [`crate::listen`].

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use chancery_authority::Authority;
use chancery_authority::wire::{CsrFileName, FoundCsr};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use crate::access::Tokens;
use crate::api::metrics::Metrics;
use crate::api::problem::Problem;
use crate::changes::{self, Changes};
use crate::files::Copies;
use crate::health::HealthCache;
use crate::limits::Limits;
use crate::load::Load;
use crate::publications::Publications;
use crate::tls::ServerIdentity;
use crate::{api, files, page};

/// State that the handlers share.
#[derive(Clone)]
pub struct AppState {
    pub(crate) authority: Arc<Authority>,
    pub(crate) tokens: Arc<dyn Tokens>,
    pub(crate) requests: Arc<dyn RequestFiles>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) copies: Arc<Copies>,
    pub(crate) changes: Changes,
    pub(crate) health: Arc<HealthCache>,
    pub(crate) publications: Arc<Publications>,
    pub(crate) identity: Arc<ServerIdentity>,
}

/// Reads the CSR that a request names with `csr_file`.
pub trait RequestFiles: Send + Sync {
    /// The CSR under that name. May block.
    fn find(&self, name: &CsrFileName) -> FoundCsr;
}

impl AppState {
    /// The state for handlers, with fresh counters and caches.
    pub fn new(authority: Arc<Authority>, tokens: Arc<dyn Tokens>, requests: Arc<dyn RequestFiles>) -> Self {
        Self {
            authority,
            tokens,
            requests,
            metrics: Arc::new(Metrics::new()),
            copies: Arc::default(),
            changes: Changes::default(),
            health: Arc::default(),
            publications: Arc::default(),
            identity: Arc::default(),
        }
    }

    /// Sets the certificate that HTTPS is served with; `/health` reports its problems.
    #[must_use]
    pub fn shown_as(mut self, identity: Arc<ServerIdentity>) -> Self {
        self.identity = identity;
        self
    }

    /// Counters of what was refused or cut off, for the listeners.
    pub fn load(&self) -> &Load {
        self.metrics.load()
    }

    /// The requests with unsafe methods in progress, to be waited for before the process ends.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The counters, for events outside of requests.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

/// The router for HTTPS: the API and the files.
pub fn https(state: AppState, limits: &Limits) -> Router {
    let v1 = Router::new()
        .route(
            "/certificates",
            post(api::certificates::issue).get(api::certificates::search),
        )
        .route("/certificates/{serial_number}", get(api::certificates::show))
        .route("/certificates/{serial_number}/revoke", post(api::certificates::revoke))
        .route("/certificates/{serial_number}/renew", post(api::certificates::renew))
        .route("/crls", get(api::crls::status).post(api::crls::publish))
        .route("/crls/publications/{publication}", get(api::crls::publication))
        .route("/authorities", get(api::authorities::list))
        .route("/health", get(api::health::health))
        .route("/metrics", get(api::metrics::metrics))
        .route("/openapi.json", get(api::openapi::document))
        .fallback(async || Problem::not_found("there is no such path in the API; /api/v1/openapi.json lists them"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed());
    let router = Router::new()
        .nest("/api/v1", v1)
        .route("/", get(page::page))
        .route("/health", get(api::health::health))
        .route("/metrics", get(api::metrics::metrics))
        .route("/{file}", get(files::serve))
        .fallback(async || Problem::not_found("nothing is served here"));
    limited(router, state, limits)
}

/// The router for plain HTTP: the files and the health check, which are public; the files are signed.
pub fn http(state: AppState, limits: &Limits) -> Router {
    let router = Router::new()
        .route("/", get(page::page))
        .route("/{file}", get(files::serve))
        .route("/health", get(api::health::health))
        .fallback(async || {
            Problem::not_found("only certificates and CRLs are served over plain HTTP; the API is on HTTPS")
        });
    limited(router, state, limits)
}

fn limited(router: Router<AppState>, state: AppState, limits: &Limits) -> Router {
    let times = changes::Times::new(state.changes.clone(), limits);
    router.with_state(state).layer(
        ServiceBuilder::new()
            .layer(middleware::from_fn_with_state(times, changes::to_its_end))
            .layer(CatchPanicLayer::custom(|_| {
                tracing::error!("a handler panicked");
                axum::response::IntoResponse::into_response(Problem::internal())
            }))
            .layer(DefaultBodyLimit::max(limits.body)),
    )
}
