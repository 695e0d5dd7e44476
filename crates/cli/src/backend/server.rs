//! An authority behind its HTTP API.

use std::io::{ErrorKind, Read as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use chancery_x509::{certificate as x509, pem};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};
use zeroize::Zeroizing;

use super::{Backend, Page, Query, Refused};
use crate::arguments::Arguments;
use crate::bounded;

/// Longer than the server's own limit on a request, so that users see the server's answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// Most octets of a token.
const MAX_TOKEN: usize = 4096;

/// Interval for asking whether a publication is done.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A client certificate with its key, both PEM.
pub(crate) struct Credentials {
    pub(crate) certificate: String,
    pub(crate) key: Zeroizing<String>,
}

/// Speaks to a server.
pub(crate) struct ServerBackend {
    base: String,
    token: Option<Zeroizing<String>>,
    /// Whether it presents a client certificate.
    identified: bool,
    agent: Agent,
}

impl ServerBackend {
    /// Prepares a connection; sends nothing yet.
    pub(crate) fn open(url: &str, arguments: &Arguments, identity: Option<Credentials>) -> Result<Self> {
        if !url.starts_with("https://") {
            bail!("--url must begin with https://, for tokens are sent there; {url:?} does not");
        }
        let token = token(arguments)?;
        let roots = match &arguments.ca {
            Some(file) => {
                let pem = bounded::read(file, bounded::CERTIFICATES)?;
                let roots = certificates(&pem).with_context(|| format!("{} cannot be used", file.display()))?;
                RootCerts::new_with_certs(&roots)
            }
            None => system_roots()?,
        };
        // A server that gets a token ignores the client certificate: do not present what is not needed.
        let identity = identity.filter(|_| token.is_none());
        let client = identity.map(|identity| client_certificate(&identity)).transpose()?;
        let identified = client.is_some();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(roots)
            .client_cert(client)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self {
            // The URL may end in `/api/v1`, as `start` and the guide print it.
            base: format!("{}/api/v1", url.trim_end_matches('/').trim_end_matches("/api/v1")),
            token,
            identified,
            agent,
        })
    }

    /// The proxy that requests go through, without its password.
    fn proxy(&self) -> Option<String> {
        let proxy = self.agent.config().proxy()?;
        let target = self.base.parse().ok()?;
        let through = !proxy.is_no_proxy(&target);
        through.then(|| format!("{}:{}", proxy.host(), proxy.port()))
    }

    /// A hint what to check where no server answers.
    fn unreachable(&self) -> String {
        match self.proxy() {
            Some(proxy) => format!(
                "; it was asked through the proxy {proxy}, which the environment names (HTTPS_PROXY, ALL_PROXY, \
                 HTTP_PROXY): does that answer? NO_PROXY={} goes past it",
                self.host()
            ),
            None => "; is `chancery start` running there?".to_owned(),
        }
    }

    fn host(&self) -> String {
        let target: Option<ureq::http::Uri> = self.base.parse().ok();
        target
            .and_then(|target| target.host().map(str::to_owned))
            .unwrap_or_default()
    }

    fn read(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let mut request = self
            .agent
            .get(format!("{}{path}", self.base))
            .query_pairs(query.iter().copied());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.as_str()));
        }
        self.answer(request.call())
    }

    fn send(&self, path: &str, body: &Value, idempotency_token: Option<&str>) -> Result<Value> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.as_str()));
        }
        if let Some(token) = idempotency_token {
            request = request.header("idempotency-key", token);
        }
        self.answer(request.send_json(body))
    }

    fn answer(&self, response: Result<Response<ureq::Body>, ureq::Error>) -> Result<Value> {
        let response = response.map_err(|error| {
            let hint = match failure(&error) {
                // TLS 1.3 reports it after the handshake, when the request is already sent.
                Failure::ByServer | Failure::Torn if self.identified => REFUSED_CERTIFICATE.to_owned(),
                Failure::ByServer => "; the server broke the TLS handshake off: its log may say why".to_owned(),
                Failure::ByUs => "; give the authority's root certificate with --ca FILE".to_owned(),
                Failure::Torn | Failure::Other => self.unreachable(),
            };
            anyhow!("{} cannot be reached: {error}{hint}", self.base)
        })?;
        let (parts, mut body) = response.into_parts();
        let answer: Value = body.read_json().with_context(|| {
            format!(
                "{} answered {} without JSON: is this a Chancery server?",
                self.base, parts.status
            )
        })?;
        if parts.status.is_success() {
            return Ok(answer);
        }
        let error = answer
            .get("error")
            .and_then(Value::as_str)
            .unwrap_or("no reason was given");
        let error = anyhow!("the server refused ({}): {error}", parts.status.as_u16());
        // Some of the other errors can occur while the request is processed.
        Err(match parts.status.as_u16() {
            400 | 401 | 403 | 404 | 413 | 415 | 422 => Refused::error(error),
            _ => error,
        })
    }
}

impl Backend for ServerBackend {
    fn issue(&self, request: &Value, idempotency_token: Option<&str>) -> Result<Value> {
        self.send("/certificates", request, idempotency_token)
    }

    fn renew(&self, serial: &str, base64_csr: Option<&str>, idempotency_token: &str) -> Result<Value> {
        let body = base64_csr.map_or_else(|| json!({}), |csr| json!({ "base64_csr_data": csr }));
        self.send(&format!("/certificates/{serial}/renew"), &body, Some(idempotency_token))
    }

    fn certificate(&self, serial: &str) -> Result<Value> {
        self.read(&format!("/certificates/{serial}"), &[])
    }

    fn search(&self, query: &Query, after: Option<&str>, limit: usize) -> Result<Page> {
        let limit = limit.to_string();
        let revoked = query.revoked.map(|revoked| revoked.to_string());
        let pairs: Vec<(&str, &str)> = [
            ("common_name", query.common_name.as_deref()),
            ("issuer", query.issuer.as_deref()),
            ("key_sha256", query.key_sha256.as_deref()),
            ("expires_from", query.expires_from.as_deref()),
            ("expires_before", query.expires_before.as_deref()),
            ("revoked", revoked.as_deref()),
            ("after", after),
            ("limit", Some(&limit)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        Ok(serde_json::from_value(self.read("/certificates", &pairs)?)?)
    }

    fn revoke(&self, serial: &str, reason: &str, invalidity_date: Option<&str>, only: bool) -> Result<Value> {
        let mut body = json!({ "reason": reason });
        if only {
            body["only"] = json!(true);
        }
        if let Some(date) = invalidity_date {
            body["invalidity_date"] = json!(date);
        }
        self.send(&format!("/certificates/{serial}/revoke"), &body, None)
    }

    fn publish_crls(&self, ca: Option<&str>) -> Result<Value> {
        let mut answer = self.send(
            "/crls",
            &ca.map_or_else(|| json!({}), |ca| json!({ "authority": ca })),
            None,
        )?;
        // With many shards it continues after the answer.
        while answer["finished"] == false {
            std::thread::sleep(ASK_AGAIN);
            let id = answer["publication"]
                .as_str()
                .context("the server's answer has no publication id")?;
            answer = self.read(&format!("/crls/publications/{id}"), &[])?;
        }
        Ok(answer)
    }

    fn crl_status(&self) -> Result<Value> {
        self.read("/crls", &[])
    }
}

/// What to do about a client certificate that the server's TLS does not accept.
const REFUSED_CERTIFICATE: &str = "; the server does not take the client certificate: it has expired, or another authority \
                                   issued it. With a token of scope `issue` (--token-file) none is shown";

/// How a connection failed.
enum Failure {
    /// TLS failed here: the server's certificate is not trusted.
    ByUs,
    /// TLS failed at the server, which sent an alert.
    ByServer,
    /// The server closed the connection.
    Torn,
    /// Any other failure.
    Other,
}

/// ureq reports a failed handshake as an I/O error.
fn failure(error: &ureq::Error) -> Failure {
    let of_tls = |error: &rustls::Error| match error {
        rustls::Error::AlertReceived(_) => Failure::ByServer,
        _ => Failure::ByUs,
    };
    match error {
        ureq::Error::Rustls(error) => of_tls(error),
        ureq::Error::Io(error) => match (error.get_ref().and_then(|inner| inner.downcast_ref()), error.kind()) {
            (Some(error), _) => of_tls(error),
            (None, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted) => Failure::Torn,
            (None, _) => Failure::Other,
        },
        _ => Failure::Other,
    }
}

fn token(arguments: &Arguments) -> Result<Option<Zeroizing<String>>> {
    let text = Zeroizing::new(match &arguments.token_file {
        Some(file) if file.as_os_str() == "-" => {
            let mut text = String::with_capacity(MAX_TOKEN);
            let read = std::io::stdin().lock().take(MAX_TOKEN as u64).read_to_string(&mut text);
            read.context("cannot read the token from standard input")?;
            text
        }
        Some(file) => {
            let mut text = bounded::secret(file, MAX_TOKEN as u64)
                .with_context(|| format!("the token in {} cannot be used", file.display()))?;
            std::mem::take(&mut *text)
        }
        None => match std::env::var("CHANCERY_TOKEN") {
            Ok(text) => text,
            Err(_) => return Ok(None),
        },
    });
    let trimmed = Zeroizing::new(text.trim().to_owned());
    Ok((!trimmed.is_empty()).then_some(trimmed))
}

/// The certificates of a PEM file, other blocks ignored, or the one of a DER file. rustls decides whether they can be
/// used: the system's roots include some that this program's own parser rejects.
fn certificates(file: &[u8]) -> Result<Vec<Certificate<'static>>> {
    let owned = |der: &[u8]| Certificate::from_der(der).to_owned();
    if !pem::is_pem(file) {
        return Ok(vec![owned(x509::Certificate::parse(file)?.as_der())]);
    }
    let blocks = pem::decode(file, &x509::Certificate::PEM_LABELS)?;
    Ok(blocks.iter().map(|block| owned(&block.der)).collect())
}

/// The roots that the operating system trusts: from `SSL_CERT_FILE`, or from where distributions keep them.
fn system_roots() -> Result<RootCerts> {
    const PLACES: [&str; 3] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];
    let named = std::env::var("SSL_CERT_FILE").ok();
    let pem = named
        .iter()
        .map(String::as_str)
        .chain(PLACES)
        .find_map(|place| std::fs::read(place).ok());
    let pem = pem.context("the system's root certificates were not found; give the authority's with --ca FILE")?;
    Ok(RootCerts::new_with_certs(&certificates(&pem)?))
}

fn client_certificate(identity: &Credentials) -> Result<ClientCert> {
    let chain = certificates(identity.certificate.as_bytes())?;
    let key = PrivateKey::from_pem(identity.key.as_bytes()).context("the client key is no PEM private key")?;
    Ok(ClientCert::new_with_certs(&chain, key))
}
