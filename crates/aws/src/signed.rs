//! Signed calls to services of which only one or two operations are used.
//!
//! Their SDKs have some hundred operations each and take as long to compile as all crates of this project. The
//! libraries beneath the SDKs sign, time out and retry such a call in the same way; the caller writes the request and
//! reads the answer.

use std::fmt;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

/// HTTP statuses after which a call is retried: failures on AWS's side, and throttling.
const REPEATED: [u16; 5] = [429, 500, 502, 503, 504];

/// A service that is called this way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// AWS IAM, which has one region in each partition.
    Iam,
    /// AWS Lambda, which is in every region.
    Lambda,
}

/// An HTTP request to a service.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path from the first slash on, without a query. It may contain only characters that need no percent-encoding.
    pub path: String,
    /// Content type of the body.
    pub content_type: &'static str,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

/// An answer with a status of success.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Content of the header `x-amz-function-error`: it is there if the Lambda function itself failed.
    pub function_error: Option<String>,
    /// The body, as received.
    pub body: Vec<u8>,
}

/// An answer without a status of success: AWS's code and message.
#[derive(Debug)]
pub struct Refused(ErrorMetadata);

/// Why a call failed: refused by the service, or not answered.
pub type Error = SdkError<Refused, HttpResponse>;

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl Service {
    /// The service's name in configuration, as in `AWS_ENDPOINT_URL_IAM`.
    fn id(self) -> &'static str {
        match self {
            Self::Iam => "IAM",
            Self::Lambda => "Lambda",
        }
    }

    fn signing_name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Lambda => "lambda",
        }
    }

    /// The endpoint, and the region that requests are signed for.
    fn place(self, region: &str, fips: bool) -> (String, String) {
        let suffix = match region.split('-').collect::<Vec<_>>()[..] {
            ["cn", ..] => "amazonaws.com.cn",
            ["us", "iso", ..] => "c2s.ic.gov",
            ["us", "isob", ..] => "sc2s.sgov.gov",
            ["us", "isof", ..] => "csp.hci.ic.gov",
            ["eu", "isoe", ..] => "cloud.adc-e.uk",
            ["eusc", ..] => "amazonaws.eu",
            _ => "amazonaws.com",
        };
        let name = self.signing_name();
        let name = if fips { format!("{name}-fips") } else { name.to_owned() };
        match self {
            Self::Iam if region.starts_with("cn-") => {
                let home = "cn-north-1";
                (format!("https://{name}.{home}.{suffix}"), home.to_owned())
            }
            // The endpoint is the same with and without FIPS.
            Self::Iam if region.starts_with("us-gov-") => (
                "https://iam.us-gov.amazonaws.com".to_owned(),
                "us-gov-west-1".to_owned(),
            ),
            Self::Iam if suffix == "amazonaws.com" => (format!("https://{name}.{suffix}"), "us-east-1".to_owned()),
            Self::Iam | Self::Lambda => (format!("https://{name}.{region}.{suffix}"), region.to_owned()),
        }
    }

    /// The endpoint that the configuration sets for this service, or for all.
    fn named_endpoint(self, config: &SdkConfig) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(self.id())
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let own = config.service_config().zip(key.ok());
        let own = own.and_then(|(loaded, key)| loaded.load_config(key));
        own.or_else(|| config.endpoint_url().map(str::to_owned))
    }

    /// Calls `operation`; `limits` bounds it and each of its attempts.
    pub async fn call(
        self,
        config: &SdkConfig,
        operation: &'static str,
        request: Request,
        limits: TimeoutConfig,
    ) -> Result<Answer, Error> {
        let region = config.region().map_or("us-east-1", AsRef::as_ref);
        let (endpoint, region) = self.place(region, config.use_fips().unwrap_or_default());
        let endpoint = self.named_endpoint(config).unwrap_or(endpoint);

        let mut layer = Layer::new("signed");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig::default());
        layer.store_put(SigningName::from_static(self.signing_name()));
        layer.store_put(SigningRegion::from(aws_config::Region::new(region)));
        let mut components = RuntimeComponentsBuilder::new("signed")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])));
        if let Some(credentials) = config.credentials_provider() {
            components = components.with_identity_resolver(SCHEME_ID, credentials);
        }
        if let Some(cache) = config.identity_cache() {
            components = components.with_identity_cache(Some(cache));
        }
        let plugin = StaticRuntimePlugin::new()
            .with_config(layer.freeze())
            .with_runtime_components(components);

        let mut builder = Operation::builder()
            .service_name(self.id())
            .operation_name(operation)
            .endpoint_url(&endpoint)
            .standard_retry(&config.retry_config().cloned().unwrap_or_else(RetryConfig::standard))
            .timeout_config(limits)
            .retry_classifier(TransientErrorClassifier::<Refused>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Refused>::new())
            .retry_classifier(HttpStatusCodeClassifier::new_from_codes(REPEATED.to_vec()))
            .runtime_plugin(plugin);
        if let Some(version) = config.behavior_version() {
            builder = builder.behavior_version(version);
        }
        if let Some(client) = config.http_client() {
            builder = builder.http_client(client);
        }
        if let Some(sleep) = config.sleep_impl() {
            builder = builder.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            builder = builder.time_source(time);
        }
        let operation = builder.serializer(http).deserializer(answer).build();
        operation.invoke(request).await
    }
}

fn http(request: Request) -> Result<HttpRequest, BoxError> {
    let length = request.body.len();
    let mut http = HttpRequest::new(SdkBody::from(request.body));
    http.set_method(request.method)?;
    http.set_uri(request.path)?;
    http.headers_mut().try_insert("content-type", request.content_type)?;
    http.headers_mut().try_insert("content-length", length.to_string())?;
    Ok(http)
}

fn answer(response: &HttpResponse) -> Result<Answer, OrchestratorError<Refused>> {
    let body = response.body().bytes().unwrap_or_default();
    let header = |name| response.headers().get(name);
    if response.status().is_success() {
        return Ok(Answer {
            function_error: header("x-amz-function-error").map(str::to_owned),
            body: body.to_vec(),
        });
    }
    let metadata = refusal(header("x-amzn-errortype"), body);
    Err(OrchestratorError::operation(Refused(metadata)))
}

/// Code and message. The JSON services have them in a header and in JSON, IAM in XML.
fn refusal(kind: Option<&str>, body: &[u8]) -> ErrorMetadata {
    let mut metadata = ErrorMetadata::builder();
    let text = String::from_utf8_lossy(body);
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let of_json = |names: &[&str]| names.iter().find_map(|name| json[*name].as_str().map(str::to_owned));
    let code = kind.map(str::to_owned).or_else(|| of_json(&["__type", "code"]));
    // Services send both `ns#Code` and `Code:https://…`.
    let code = code.map(|code| {
        let code = code.split(':').next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    });
    if let Some(code) = code.or_else(|| element(&text, "Code").map(str::to_owned)) {
        metadata = metadata.code(code);
    }
    let message = of_json(&["message", "Message"]).or_else(|| element(&text, "Message").map(str::to_owned));
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    metadata.build()
}

/// The text of the first element of that name. For XML whose texts contain no escapes.
pub fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(service: Service, region: &str, fips: bool) -> String {
        let (endpoint, region) = service.place(region, fips);
        format!("{endpoint} {region}")
    }

    #[test]
    fn services_are_where_the_sdk_looks_for_them() {
        use Service::{Iam, Lambda};
        let cases = [
            (
                Lambda,
                "eu-west-1",
                false,
                "https://lambda.eu-west-1.amazonaws.com eu-west-1",
            ),
            (
                Lambda,
                "us-east-2",
                true,
                "https://lambda-fips.us-east-2.amazonaws.com us-east-2",
            ),
            (
                Lambda,
                "us-gov-west-1",
                false,
                "https://lambda.us-gov-west-1.amazonaws.com us-gov-west-1",
            ),
            (
                Lambda,
                "cn-north-1",
                false,
                "https://lambda.cn-north-1.amazonaws.com.cn cn-north-1",
            ),
            (
                Lambda,
                "us-iso-east-1",
                false,
                "https://lambda.us-iso-east-1.c2s.ic.gov us-iso-east-1",
            ),
            (Iam, "eu-west-1", false, "https://iam.amazonaws.com us-east-1"),
            (Iam, "us-west-2", true, "https://iam-fips.amazonaws.com us-east-1"),
            (
                Iam,
                "cn-northwest-1",
                false,
                "https://iam.cn-north-1.amazonaws.com.cn cn-north-1",
            ),
            (
                Iam,
                "us-gov-east-1",
                true,
                "https://iam.us-gov.amazonaws.com us-gov-west-1",
            ),
        ];
        for (service, region, fips, expected) in cases {
            assert_eq!(place(service, region, fips), expected);
        }
    }

    #[test]
    fn refusals_are_told_in_the_services_own_words() {
        let error_text = |kind, body: &str| {
            let refusal = refusal(kind, body.as_bytes());
            format!(
                "{}: {}",
                refusal.code().unwrap_or("?"),
                refusal.message().unwrap_or("?")
            )
        };
        let json = r#"{"Type":"User","Message":"Function not found"}"#;
        assert_eq!(
            error_text(Some("ResourceNotFoundException:http://internal.amazon.com/"), json),
            "ResourceNotFoundException: Function not found"
        );
        assert_eq!(
            error_text(None, r#"{"__type":"a.b#Throttled","message":"slowly"}"#),
            "Throttled: slowly"
        );
        let xml = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        assert_eq!(error_text(None, xml), "AccessDenied: no");
        assert_eq!(error_text(None, "<html>"), "?: ?");
    }

    #[test]
    fn an_element_is_found_or_not() {
        assert_eq!(element("<a><member>our-name</member></a>", "member"), Some("our-name"));
        assert_eq!(element("<a><member/></a>", "member"), None);
    }
}
