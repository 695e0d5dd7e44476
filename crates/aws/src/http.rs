//! The HTTPS client that all service clients share.
//!
//! By default each service client makes at least one of its own, and each of those finds and parses the trusted
//! certificates, which is most of what a process does before its first call. Here that is done once, when the client is
//! made: Lambda gives a function a whole processor until its first event, and afterwards, with little memory, only a
//! small part of one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_async::rt::sleep::default_async_sleep;
use aws_smithy_http_client::ConnectorBuilder;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Files with all trusted certificates, by distribution: Amazon Linux and its relatives, Debian and its relatives. The library
/// would read the folder beside it as well, which has each certificate once more in a file of its own.
const BUNDLES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// Environment variables that name other trusted certificates. If one is set, the TLS library's default store reads it.
const NAMED: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The settings by which connectors differ: the time limits of connecting and of reading.
type Limits = (Option<Duration>, Option<Duration>);

/// Makes one connector for each pair of time limits.
#[derive(Debug)]
pub(crate) struct SharedConnectors {
    trust: TlsContext,
    made: Mutex<Vec<(Limits, SharedHttpConnector)>>,
}

impl SharedConnectors {
    /// Makes the connector for calls with that connect timeout at once.
    pub(crate) fn new(connect: Duration) -> Self {
        let connectors = Self {
            trust: trust(),
            made: Mutex::default(),
        };
        let settings = HttpConnectorSettings::builder().connect_timeout(connect).build();
        connectors.connector(&settings);
        connectors
    }

    fn connector(&self, settings: &HttpConnectorSettings) -> SharedHttpConnector {
        let limits = (settings.connect_timeout(), settings.read_timeout());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connector)) = made.iter().find(|(of, _)| *of == limits) {
            return connector.clone();
        }
        let mut builder = ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(self.trust.clone());
        builder.set_connector_settings(Some(settings.clone()));
        builder.set_sleep_impl(default_async_sleep());
        builder.set_proxy_config(Some(ProxyConfig::from_env()));
        let connector = SharedHttpConnector::new(builder.build());
        made.push((limits, connector.clone()));
        connector
    }
}

impl HttpClient for SharedConnectors {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.connector(settings)
    }
}

/// The system's trusted certificates: from the one file where it exists, else from wherever the TLS library finds them.
fn trust() -> TlsContext {
    let named = NAMED.iter().any(|name| std::env::var_os(name).is_some());
    let bundle = BUNDLES.iter().find_map(|path| std::fs::read(path).ok());
    let store = match bundle.filter(|pem| !named && is_good(pem)) {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem),
        None => TrustStore::default(),
    };
    // This does not fail for any trust store; if it ever did, the library's default would serve.
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .unwrap_or_default()
}

/// Whether the bundle has certificates and every one is usable: the client rejects a bundle in which one is not. Read as the
/// client will read it, by the TLS stack's own reader, which accepts less than `x509::pem` does.
fn is_good(pem: &[u8]) -> bool {
    let mut count = 0;
    let good = CertificateDer::pem_slice_iter(pem).all(|certificate| {
        count += 1;
        certificate.is_ok_and(|certificate| webpki::anchor_from_trusted_cert(&certificate).is_ok())
    });
    good && count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_with_what_is_no_certificate_is_not_taken() {
        let damaged = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(!is_good(damaged));
        assert!(!is_good(b""));
        assert!(!is_good(b"# nothing\n"));
    }

    #[test]
    fn connectors_are_made_once_for_each_limit() {
        let connectors = SharedConnectors::new(Duration::from_secs(1));
        let count = || connectors.made.lock().unwrap().len();
        assert_eq!(count(), 1);
        let within = |seconds| {
            let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(seconds));
            settings.build()
        };
        connectors.connector(&within(1));
        assert_eq!(count(), 1);
        connectors.connector(&within(2));
        assert_eq!(count(), 2);
    }
}
