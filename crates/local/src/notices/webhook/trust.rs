//! CAs that a webhook's sender trusts for TLS.

use std::path::Path;
use std::sync::Arc;

use chancery_x509::{certificate, pem};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::error::WebhookError;

/// TLS with the CAs of a file, or of the system.
pub(super) fn tls_config(ca_file: Option<&Path>) -> Result<TlsConfig, WebhookError> {
    let roots = match ca_file {
        Some(path) => of_file(path)?,
        None => system_roots().ok_or(WebhookError::NoSystemCas)?,
    };
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build())
}

/// The certificates of a PEM file.
fn of_file(path: &Path) -> Result<Vec<Certificate<'static>>, WebhookError> {
    let text = std::fs::read(path).map_err(|source| WebhookError::CaFile {
        path: path.to_owned(),
        source,
    })?;
    // rustls passes over what it cannot use, and so is passed over here what cannot be decoded.
    let roots: Vec<Certificate<'static>> = pem::blocks(&text)
        .filter(|block| certificate::Certificate::PEM_LABELS.contains(&block.label()))
        .filter_map(|block| block.decode().ok())
        .map(|der| Certificate::from_der(&der).to_owned())
        .collect();
    if roots.is_empty() {
        return Err(WebhookError::NoCa { path: path.to_owned() });
    }
    Ok(roots)
}

/// The CAs that the operating system trusts, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name; `None` where there are
/// none.
fn system_roots() -> Option<Vec<Certificate<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "trusted CAs of the system, or of SSL_CERT_FILE and SSL_CERT_DIR, that cannot be read");
    }
    let roots: Vec<_> = found
        .certs
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    (!roots.is_empty()).then_some(roots)
}
