//! A blocking client of a server's API.
//!
//! What it trusts, and what it authenticates with, comes from outside. Its methods have the names of the operations in
//! `docs/openapi.json`.

mod error;
mod tls;

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use ureq::Agent;
use ureq::http::Response;
use zeroize::Zeroizing;

use crate::authorities::Authorities;
use crate::certificates::{CertificateEntry, CertificatePage, SearchQuery};
use crate::crls::{Crls, PublicationState, PublishRequest};
use crate::health::Health;
use crate::issue::{IssueAnswer, IssueRequest, RenewRequest};
use crate::revoke::{RevokeAnswer, RevokeRequest};
use crate::{IDEMPOTENCY_KEY, PREFIX};

pub use error::{ClientError, ConnectionError, ConnectionFailure, ServerError};

/// How long a request waits for its answer: longer than the server's own limit on a request, so that callers see the
/// server's answer.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Most octets of an answer: a page of a thousand certificates of the longest keys has a third of it.
const ANSWER: u64 = 64 << 20;

/// Where an API is: tokens are sent there, so it is `https://` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl(String);

/// A URL to which no token is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not begin with https://, and tokens are sent there")]
pub struct NotHttps(pub String);

impl ServerUrl {
    /// The server's URL, with or without `/api/v1` at its end.
    pub fn parse(text: &str) -> Result<Self, NotHttps> {
        if !text.starts_with("https://") {
            return Err(NotHttps(text.to_owned()));
        }
        let server = text.trim_end_matches('/').trim_end_matches(PREFIX);
        Ok(Self(format!("{server}{PREFIX}")))
    }
}

/// A client certificate with its key.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, then those of the CAs above it.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its private key, PEM.
    pub key: Zeroizing<String>,
}

/// What a client trusts, and what it authenticates with.
#[derive(Debug)]
pub struct Access {
    /// The roots that the server's certificate must chain to.
    pub roots: Vec<CertificateDer<'static>>,
    /// An API token.
    pub token: Option<Zeroizing<String>>,
    /// A client certificate. It is shown only where there is no token: a server that gets one ignores it.
    pub identity: Option<Identity>,
    /// What the client calls itself.
    pub user_agent: &'static str,
}

/// What `POST /crls` came to.
#[derive(Clone, Debug)]
pub enum Publishing {
    /// All CRLs are made.
    Ended(Crls),
    /// It goes on: [`Client::publication`] has its progress.
    GoesOn(PublicationState),
}

/// Speaks to a server.
#[derive(Debug)]
pub struct Client {
    server: ServerUrl,
    token: Option<Zeroizing<String>>,
    /// Whether it presents a client certificate.
    is_identified: bool,
    agent: Agent,
}

impl Client {
    /// Prepares a connection; sends nothing yet.
    pub fn new(server: ServerUrl, access: Access) -> Result<Self, ClientError> {
        let identity = access.identity.filter(|_| access.token.is_none());
        let is_identified = identity.is_some();
        let agent = Agent::config_builder()
            .tls_config(tls::config(&access.roots, identity.as_ref())?)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .user_agent(access.user_agent)
            .build()
            .new_agent();
        Ok(Self {
            server,
            token: access.token,
            is_identified,
            agent,
        })
    }

    /// Has a certificate issued. With an idempotency token, the request can be repeated.
    pub fn issue(&self, request: &IssueRequest, token: Option<&str>) -> Result<IssueAnswer, ClientError> {
        self.send("/certificates", request, token)
    }

    /// A page of the certificates that meet the conditions.
    pub fn search(&self, query: &SearchQuery) -> Result<CertificatePage, ClientError> {
        self.read("/certificates", query)
    }

    /// The certificate of that serial number.
    pub fn show(&self, serial: &str) -> Result<CertificateEntry, ClientError> {
        self.read(&format!("/certificates/{serial}"), &())
    }

    /// Revokes the certificate of that serial number.
    pub fn revoke(&self, serial: &str, request: &RevokeRequest) -> Result<RevokeAnswer, ClientError> {
        self.send(&format!("/certificates/{serial}/revoke"), request, None)
    }

    /// Renews the certificate of that serial number. With an idempotency token, the request can be repeated.
    pub fn renew(&self, serial: &str, request: &RenewRequest, token: Option<&str>) -> Result<IssueAnswer, ClientError> {
        self.send(&format!("/certificates/{serial}/renew"), request, token)
    }

    /// The state of every CRL.
    pub fn status(&self) -> Result<Crls, ClientError> {
        self.read("/crls", &())
    }

    /// Makes and publishes CRLs.
    pub fn publish(&self, request: &PublishRequest) -> Result<Publishing, ClientError> {
        let (status, answer) = self.post("/crls", request, None)?;
        // 202: it continues after the answer.
        if status == 202 {
            return self.typed(answer).map(Publishing::GoesOn);
        }
        self.typed(answer).map(Publishing::Ended)
    }

    /// The progress of a publication.
    pub fn publication(&self, id: &str) -> Result<PublicationState, ClientError> {
        self.read(&format!("/crls/publications/{id}"), &())
    }

    /// The CAs.
    pub fn list(&self) -> Result<Authorities, ClientError> {
        self.read("/authorities", &())
    }

    /// Whether the authority works.
    pub fn health(&self) -> Result<Health, ClientError> {
        self.read("/health", &())
    }

    fn read<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<T, ClientError> {
        let mut request = self
            .agent
            .get(format!("{}{path}", self.server.0))
            .query_pairs(pairs(query));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.as_str()));
        }
        let (_, answer) = self.answer(request.call())?;
        self.typed(answer)
    }

    fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        token: Option<&str>,
    ) -> Result<T, ClientError> {
        let (_, answer) = self.post(path, body, token)?;
        self.typed(answer)
    }

    fn post(&self, path: &str, body: &impl Serialize, token: Option<&str>) -> Result<(u16, Value), ClientError> {
        let mut request = self.agent.post(format!("{}{path}", self.server.0));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.as_str()));
        }
        if let Some(token) = token {
            request = request.header(IDEMPOTENCY_KEY, token);
        }
        self.answer(request.send_json(body))
    }

    /// Status and JSON of a success.
    fn answer(&self, response: Result<Response<ureq::Body>, ureq::Error>) -> Result<(u16, Value), ClientError> {
        let (parts, body) = response.map_err(|error| self.unreachable(error))?.into_parts();
        let answer: Value =
            body.into_with_config()
                .limit(ANSWER)
                .read_json()
                .map_err(|error| ClientError::NotJson {
                    server: self.server.0.clone(),
                    status: parts.status,
                    error,
                })?;
        if parts.status.is_success() {
            return Ok((parts.status.as_u16(), answer));
        }
        Err(ServerError::new(parts.status.as_u16(), &answer).into())
    }

    fn typed<T: DeserializeOwned>(&self, answer: Value) -> Result<T, ClientError> {
        serde_json::from_value(answer).map_err(|error| ClientError::OtherAnswer {
            server: self.server.0.clone(),
            error,
        })
    }

    fn unreachable(&self, error: ureq::Error) -> ClientError {
        ConnectionError::new(&self.server.0, self.is_identified, self.proxy(), error).into()
    }

    /// The proxy that requests go through, without its password.
    fn proxy(&self) -> Option<String> {
        let proxy = self.agent.config().proxy()?;
        let target = self.server.0.parse().ok()?;
        let through = !proxy.is_no_proxy(&target);
        through.then(|| format!("{}:{}", proxy.host(), proxy.port()))
    }
}

/// The fields of an object as the pairs of a query.
fn pairs(query: &impl Serialize) -> Vec<(String, String)> {
    let fields = match serde_json::to_value(query) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    fields.into_iter().map(|(name, value)| (name, text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_over_https_alone() {
        let base = "https://pki.example.com:8443/api/v1";
        for text in [
            "https://pki.example.com:8443",
            "https://pki.example.com:8443/",
            base,
            "https://pki.example.com:8443/api/v1/",
        ] {
            assert_eq!(ServerUrl::parse(text), Ok(ServerUrl(base.to_owned())), "{text}");
        }
        for text in ["http://pki.example.com", "pki.example.com", ""] {
            assert_eq!(ServerUrl::parse(text), Err(NotHttps(text.to_owned())));
        }
    }

    #[test]
    fn a_query_has_what_is_asked_for_and_nothing_else() {
        let query = SearchQuery {
            common_name: Some("*.example.com & more".to_owned()),
            revoked: Some(false),
            limit: Some(500),
            ..SearchQuery::default()
        };
        let expected = [
            ("common_name", "*.example.com & more"),
            ("limit", "500"),
            ("revoked", "false"),
        ];
        let mut asked = pairs(&query);
        asked.sort();
        assert_eq!(asked, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert!(pairs(&()).is_empty());
    }
}
