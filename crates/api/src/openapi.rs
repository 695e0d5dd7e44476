//! The API's OpenAPI description, `docs/openapi.json`: generated from `operations` and the types, committed,
//! and compared with that by a test.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Ref, RefOr, Required, Schema};
use utoipa::{Modify, OpenApi, ToSchema as _};

use crate::issue::{CertificateInfo, IssueAnswer};
use crate::{operations, problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chancery",
        description = "Issues, finds, renews and revokes certificates. Requests and answers of `POST /certificates` are those of the serverless CA's `tls-cert` function.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "https://localhost:8443")),
    security(("token" = [])),
    modifiers(&Token, &Everywhere, &Closed),
    paths(
        operations::issue,
        operations::search,
        operations::show,
        operations::revoke,
        operations::renew,
        operations::status,
        operations::publish,
        operations::publication,
        operations::list,
        operations::health,
        operations::metrics,
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

/// Operations whose body is optional. It must not be `null`, which is no object.
const OPTIONAL_BODIES: [&str; 3] = ["publish", "renew", "revoke"];

/// Answers that every operation can give: added here once.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            let operations = [
                &mut item.get,
                &mut item.post,
                &mut item.put,
                &mut item.delete,
                &mut item.patch,
            ];
            for operation in operations.into_iter().flatten() {
                let is_public = operation.security.as_ref().is_some_and(|security| !security.is_empty());
                let mut answers = vec![
                    ("500", "Something went wrong inside; the server's log says what"),
                    ("503", "Busy, or the ledger does not answer: try again"),
                ];
                if !is_public {
                    answers.push(("401", "No valid token"));
                    answers.push(("403", "The token lacks the scope for this"));
                }
                if operation.request_body.is_some() {
                    answers.push(("408", "The body came too slowly"));
                    answers.push(("413", "The body is over 256 KiB"));
                }
                let may_be_left_out = operation
                    .operation_id
                    .as_deref()
                    .is_some_and(|id| OPTIONAL_BODIES.contains(&id));
                if let Some(RefOr::T(body)) = operation.request_body.as_mut().filter(|_| may_be_left_out) {
                    body.required = Some(Required::False);
                }
                for (status, description) in answers {
                    let body = Ref::from_schema_name("ProblemBody");
                    let content = ContentBuilder::new().schema(Some(body)).build();
                    let answer = ResponseBuilder::new()
                        .description(description)
                        .content("application/json", content)
                        .build();
                    operation
                        .responses
                        .responses
                        .entry(status.to_owned())
                        .or_insert_with(|| answer.into());
                }
            }
        }
    }
}

/// Answers of the drop-in contract: they have these fields and no others. A client skips what it does not know all the
/// same, or an answer of a later version would be lost to it; so this is no attribute of the types.
struct Closed;

impl Modify for Closed {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let schemas = &mut document.components.get_or_insert_default().schemas;
        for name in [IssueAnswer::name(), CertificateInfo::name()] {
            if let Some(RefOr::T(Schema::Object(object))) = schemas.get_mut(name.as_ref()) {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
        }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_committed_description_is_that_of_the_code() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
        let made = super::json();
        if let Some(place) = std::env::var_os("CHANCERY_WRITE_OPENAPI") {
            std::fs::write(place, &made).unwrap();
        }
        let committed = std::fs::read_to_string(file).unwrap();
        assert!(committed == made, "run `cargo xtask openapi`");
    }
}
