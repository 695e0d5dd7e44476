//! TLS of the client: what it trusts, and the certificate that it shows.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use super::{ClientError, Identity};

/// rustls on aws-lc decides whether a root can be used: the system's include some that this project's own parser rejects.
pub(super) fn config(roots: &[CertificateDer<'static>], identity: Option<&Identity>) -> Result<TlsConfig, ClientError> {
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&certificates(roots)))
        .client_cert(identity.map(client_certificate).transpose()?)
        .build())
}

fn client_certificate(identity: &Identity) -> Result<ClientCert, ClientError> {
    // ureq takes a key in no other form than the one its own reader takes: what people have is read before it gets here.
    let key = PrivateKey::from_pem(identity.key.as_bytes()).map_err(ClientError::ClientKey)?;
    Ok(ClientCert::new_with_certs(&certificates(&identity.chain), key))
}

fn certificates(ders: &[CertificateDer<'static>]) -> Vec<Certificate<'static>> {
    ders.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
}
