//! The routers. The number of requests that reach them at once is limited before them: see [`crate::listen`].

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use crate::api::problem::Problem;
use crate::limits::Limits;
use crate::state::AppState;
use crate::{api, changes, files, page, request_id};

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
    let change_limits = changes::ChangeLimits::new(state.changes.clone(), limits);
    router.with_state(state.clone()).layer(
        ServiceBuilder::new()
            .layer(middleware::from_fn_with_state(state, request_id::give))
            .layer(middleware::from_fn_with_state(
                change_limits,
                changes::run_to_completion,
            ))
            .layer(CatchPanicLayer::custom(|_| {
                tracing::error!("a handler panicked");
                axum::response::IntoResponse::into_response(Problem::internal())
            }))
            .layer(DefaultBodyLimit::max(limits.body))
            .layer(middleware::from_fn(request_id::work_on)),
    )
}
