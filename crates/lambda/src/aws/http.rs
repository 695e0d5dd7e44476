//! HTTPS to Slack with the SDK's HTTP client, so that the program has one TLS stack.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::notify::slack::{Http, HttpAnswer};

/// Time for one request and its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The client, made with the first request: making it reads the trusted certificates.
#[derive(Default)]
pub(super) struct HttpsClient(OnceLock<Connector>);

#[async_trait]
impl Http for HttpsClient {
    async fn post(&self, url: &str, token: &str, body: Vec<u8>) -> Result<HttpAnswer, String> {
        match tokio::time::timeout(TIMEOUT, self.send(url, token, body)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} seconds", TIMEOUT.as_secs())),
        }
    }
}

impl HttpsClient {
    async fn send(&self, url: &str, token: &str, body: Vec<u8>) -> Result<HttpAnswer, String> {
        let connector = self.0.get_or_init(|| {
            let builder = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
            builder.build()
        });
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(|error| error.to_string())?;
        request.set_uri(url).map_err(|error| error.to_string())?;
        let headers = request.headers_mut();
        headers.insert("content-type", "application/json; charset=utf-8");
        headers.insert("authorization", format!("Bearer {token}"));
        let answer = connector.call(request).await.map_err(|error| error.to_string())?;
        let retry_after = answer
            .headers()
            .get("retry-after")
            .and_then(|seconds| seconds.parse().ok());
        let status = answer.status().as_u16();
        let body = ByteStream::new(answer.into_body()).collect().await;
        Ok(HttpAnswer {
            status,
            retry_after,
            body: body.map_err(|error| error.to_string())?.to_vec(),
        })
    }
}
