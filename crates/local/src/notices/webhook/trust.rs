//! CAs that a webhook's sender trusts for TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::WebhookError;

/// Where systems keep their list of trusted CAs: Debian and Alpine, Fedora, SUSE, macOS and the BSDs.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The variable that names another list to OpenSSL.
const SYSTEM_VARIABLE: &str = "SSL_CERT_FILE";

/// TLS with the CAs of a file, or of the system.
pub(super) fn tls_config(ca_file: Option<&Path>) -> Result<TlsConfig, WebhookError> {
    let path = match ca_file {
        Some(path) => path.to_owned(),
        None => system_file().ok_or(WebhookError::NoSystemCas)?,
    };
    let pem = std::fs::read(&path).map_err(|source| WebhookError::CaFile {
        path: path.clone(),
        source,
    })?;
    let roots: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if roots.is_empty() {
        return Err(WebhookError::NoCa { path });
    }
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build())
}

fn system_file() -> Option<PathBuf> {
    let told = std::env::var_os(SYSTEM_VARIABLE).map(PathBuf::from);
    told.into_iter()
        .chain(SYSTEM_FILES.map(PathBuf::from))
        .find(|path| path.is_file())
}
