//! An authority behind its HTTP API.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use chancery_api::certificates::{CertificateEntry, CertificatePage, SearchQuery};
use chancery_api::client::{
    Access, Client, ClientError, ConnectionError, ConnectionFailure, Identity, NotHttps, Publishing, ServerUrl,
};
use chancery_api::crls::{Crls, PublishRequest};
use chancery_api::issue::{IssueAnswer, IssueRequest, RenewRequest};
use chancery_api::revoke::RevokeRequest;
use chancery_local::keys::client::ClientKey;
use chancery_x509::{certificate as x509, pem};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::{Backend, BackendRefusal, PublishOutcome, RevokeOutcome, no_such_ca};
use crate::arguments::Arguments;
use crate::bounded;

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
pub(crate) struct ServerBackend(Client);

impl ServerBackend {
    /// Prepares a connection; sends nothing yet.
    pub(crate) fn open(url: &str, arguments: &Arguments, identity: Option<Credentials>) -> Result<Self> {
        let url = ServerUrl::parse(url).map_err(|NotHttps(url)| {
            anyhow!("--url must begin with https://, for tokens are sent there; {url:?} does not")
        })?;
        let token = token(arguments)?;
        let roots = match &arguments.ca {
            Some(file) => {
                let pem = bounded::read(file, bounded::CERTIFICATES)?;
                certificates(&pem).with_context(|| format!("{} cannot be used", file.display()))?
            }
            None => system_roots()?,
        };
        // A server that gets a token ignores the client certificate: it need not be readable then.
        let identity = identity.filter(|_| token.is_none()).as_ref().map(client_certificate);
        let access = Access {
            roots,
            token,
            identity: identity.transpose()?,
            user_agent: concat!("chancery/", env!("CARGO_PKG_VERSION")),
        };
        Ok(Self(Client::new(url, access).map_err(for_user)?))
    }
}

impl Backend for ServerBackend {
    fn issue(&self, request: &IssueRequest, idempotency_token: Option<&str>) -> Result<IssueAnswer> {
        self.0.issue(request, idempotency_token).map_err(for_user)
    }

    fn renew(&self, serial: &str, base64_csr: Option<&str>, idempotency_token: &str) -> Result<IssueAnswer> {
        let request = RenewRequest {
            base64_csr_data: base64_csr.map(str::to_owned),
        };
        self.0
            .renew(serial, &request, Some(idempotency_token))
            .map_err(for_user)
    }

    fn certificate(&self, serial: &str) -> Result<CertificateEntry> {
        self.0.show(serial).map_err(for_user)
    }

    fn search(&self, query: &SearchQuery) -> Result<CertificatePage> {
        self.0.search(query).map_err(for_user)
    }

    fn revoke(&self, serial: &str, request: &RevokeRequest) -> Result<RevokeOutcome> {
        Ok(RevokeOutcome {
            answer: self.0.revoke(serial, request).map_err(for_user)?,
            notice_problem: None,
        })
    }

    fn publish_crls(&self, ca: Option<&str>) -> Result<PublishOutcome> {
        let request = PublishRequest {
            authority: ca.map(str::to_owned),
        };
        if let Some(ca) = ca {
            let existing = self.ca_names()?;
            if !existing.iter().any(|name| name == ca) {
                return Err(no_such_ca(ca, &existing));
            }
        }
        let mut state = match self.0.publish(&request).map_err(for_user)? {
            Publishing::Ended(crls) => return Ok(PublishOutcome::Crls(crls)),
            Publishing::GoesOn(state) => state,
        };
        // With many shards it continues after the answer.
        while !state.finished {
            std::thread::sleep(ASK_AGAIN);
            state = self.0.publication(&state.publication).map_err(for_user)?;
        }
        Ok(PublishOutcome::Ended(state))
    }

    fn crl_status(&self) -> Result<Crls> {
        self.0.status().map_err(for_user)
    }

    fn ca_names(&self) -> Result<Vec<String>> {
        let cas = self.0.list().map_err(for_user)?.authorities;
        Ok(cas.into_iter().map(|ca| ca.name).collect())
    }
}

/// What to do about a client certificate that the server's TLS does not accept.
const REFUSED_CERTIFICATE: &str = "; the server does not take the client certificate: it has expired, or another authority \
                                   issued it. With a token of scope `issue` (--token-file) none is shown";

/// The error as the user gets it.
fn for_user(error: ClientError) -> anyhow::Error {
    match error {
        ClientError::Connection(error) => {
            let hint = hint(&error);
            anyhow!("{error}{hint}")
        }
        ClientError::Refused(refused) => anyhow::Error::new(BackendRefusal {
            code: refused.code.clone(),
            nothing_was_done: refused.nothing_was_done(),
            error: refused.into(),
        }),
        other => other.into(),
    }
}

/// What to do about it.
fn hint(error: &ConnectionError) -> String {
    match error.failure {
        // TLS 1.3 reports it after the handshake, when the request is already sent.
        ConnectionFailure::AlertReceived | ConnectionFailure::Closed if error.is_identified => {
            REFUSED_CERTIFICATE.to_owned()
        }
        ConnectionFailure::AlertReceived => "; the server broke the TLS handshake off: its log may say why".to_owned(),
        ConnectionFailure::NotTrusted => "; give the authority's root certificate with --ca FILE".to_owned(),
        ConnectionFailure::Closed | ConnectionFailure::Other => match &error.proxy {
            Some(proxy) => format!(
                "; it was asked through the proxy {proxy}, which the environment names (HTTPS_PROXY, ALL_PROXY, \
                 HTTP_PROXY): does that answer? NO_PROXY={} goes past it",
                error.host()
            ),
            None => "; is `chancery start` running there?".to_owned(),
        },
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

/// The certificates of a PEM file, other blocks ignored, or the one of a DER file.
fn certificates(file: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    if !pem::is_pem(file) {
        return Ok(vec![x509::Certificate::parse(file)?.as_der().to_vec().into()]);
    }
    let blocks = pem::decode(file, &x509::Certificate::PEM_LABELS)?;
    Ok(blocks.into_iter().map(|block| block.der.into()).collect())
}

/// The roots that the operating system trusts, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
fn system_roots() -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        bail!(
            "no root certificates were found where the system, or SSL_CERT_FILE and SSL_CERT_DIR, have them: give the \
             authority's with --ca FILE {}",
            why.join("; ")
        );
    }
    Ok(found.certs)
}

fn client_certificate(identity: &Credentials) -> Result<Identity> {
    let key = ClientKey::from_pem(identity.key.as_bytes(), None).context("the client key is no PEM private key")?;
    // What was read leniently is written anew: the TLS stack's reader takes less.
    Ok(Identity {
        chain: certificates(identity.certificate.as_bytes())?,
        key: key.to_pem()?,
    })
}
