//! The API's description, `docs/openapi.json`: made from the code, committed, and tested against it.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{authorities, certificates, crls, health, metrics, problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chancery",
        description = "Issues, finds, renews and revokes certificates. Requests and answers of `POST /certificates` are those of the serverless CA's `tls-cert` function.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "https://localhost:8443")),
    security(("token" = [])),
    modifiers(&Token),
    paths(
        certificates::issue,
        certificates::search,
        certificates::show,
        certificates::revoke,
        certificates::renew,
        crls::status,
        crls::publish,
        authorities::list,
        health::health,
        metrics::metrics,
    ),
    components(schemas(problem::ProblemBody))
)]
struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("Made by `chancery token create --scope …`"))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The document, pretty-printed, as it is committed.
///
/// # Panics
/// Never: it holds nothing that JSON cannot.
pub fn json() -> String {
    #[allow(clippy::expect_used)] // nothing in the document comes from outside
    let mut text = Document::openapi()
        .to_pretty_json()
        .expect("the document is plain data");
    text.push('\n');
    text
}

/// `GET /openapi.json`
pub async fn document() -> Response {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| Bytes::from(json())).clone();
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}
