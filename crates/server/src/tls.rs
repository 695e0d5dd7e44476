//! HTTPS with a certificate of the authority itself, replaced while running, and client certificates for renewal.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, RootCertStore, ServerConfig,
    SignatureScheme,
};

/// Why HTTPS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The key is unusable, or does not match the certificate.
    #[error("the HTTPS certificate and its key cannot be used: {0}")]
    Certificate(#[from] rustls::Error),
}

/// The server's certificate, which can be replaced while connections are accepted. Without one every handshake fails,
/// but plain HTTP still serves CRLs.
#[derive(Debug, Default)]
pub struct ServerIdentity {
    shown: RwLock<Option<Arc<CertifiedKey>>>,
    problem: RwLock<Option<String>>,
}

impl ServerIdentity {
    /// Uses another chain, leaf first, and its key for new connections.
    pub fn replace(&self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<(), TlsError> {
        let certified = certified(chain, key)?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(certified);
        Ok(())
    }

    /// The leaf certificate in use, if there is one.
    pub fn leaf(&self) -> Option<CertificateDer<'static>> {
        self.current()?.cert.first().cloned()
    }

    /// An unsolved problem with the certificate, as a sentence that may be public.
    pub fn problem(&self) -> Option<String> {
        self.problem.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets or clears the problem.
    pub fn set_problem(&self, problem: Option<String>) {
        *self.problem.write().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    fn current(&self) -> Option<Arc<CertifiedKey>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn certified(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<CertifiedKey>, TlsError> {
    let certified = CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider())?;
    certified.keys_match()?;
    Ok(Arc::new(certified))
}

impl ResolvesServerCert for ServerIdentity {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current()
    }
}

/// The CA certificates that client certificates are checked with.
#[derive(Clone, Debug, Default)]
pub struct ClientTrust {
    /// Trust anchors.
    pub roots: Vec<CertificateDer<'static>>,
    /// The CAs below them, which are known here: clients need not send them.
    pub intermediates: Vec<CertificateDer<'static>>,
}

/// Verifies with webpki, using intermediates from the client and those known here. The latter are no trust anchors: a
/// path through one must continue to a root.
///
/// Extended key usage is not checked: a client certificate only allows renewing itself
/// ([`PeerCertificate`](crate::peer::PeerCertificate)), for which a server's or mailbox's certificate serves as well
/// as a client's.
#[derive(Debug)]
struct KnownPaths {
    roots: RootCertStore,
    intermediates: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// Subject names of all CAs: a client picks its certificate by them, and may know only its issuing CA.
    hints: Vec<DistinguishedName>,
}

impl KnownPaths {
    fn new(trust: ClientTrust, algorithms: WebPkiSupportedAlgorithms) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for root in trust.roots {
            roots.add(root)?;
        }
        let mut named = roots.clone();
        for intermediate in &trust.intermediates {
            named.add(intermediate.clone())?;
        }
        Ok(Self {
            roots,
            intermediates: trust.intermediates,
            algorithms,
            hints: named.subjects(),
        })
    }
}

/// Accepts every extended key usage, or none.
struct AnyPurpose;

impl webpki::ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, mut purposes: webpki::KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        // An extension that cannot be parsed has no known meaning, and is refused.
        purposes.try_for_each(|purpose| purpose.map(drop))
    }
}

/// Converts an error as rustls itself does, so that the client gets the matching alert.
fn as_rustls(error: webpki::Error) -> rustls::Error {
    let error = match error {
        webpki::Error::BadDer | webpki::Error::BadDerTime | webpki::Error::TrailingData(_) => {
            CertificateError::BadEncoding
        }
        webpki::Error::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        webpki::Error::CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after },
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        webpki::Error::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    };
    error.into()
}

impl ClientCertVerifier for KnownPaths {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let known = self.intermediates.iter().filter(|known| !sent.contains(known));
        let intermediates: Vec<CertificateDer<'_>> = sent.iter().chain(known).map(borrowed).collect();
        webpki::EndEntityCert::try_from(end_entity)
            .and_then(|certificate| {
                let verified = certificate.verify_for_usage(
                    self.algorithms.all,
                    &self.roots.roots,
                    &intermediates,
                    now,
                    AnyPurpose,
                    // The ledger is asked about revocations: it knows more than any CRL.
                    None,
                    None,
                );
                verified.map(drop)
            })
            .map_err(as_rustls)?;
        Ok(ClientCertVerified::assertion())
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn borrowed<'a>(certificate: &'a CertificateDer<'_>) -> CertificateDer<'a> {
    CertificateDer::from(certificate.as_ref())
}

/// TLS 1.2 and 1.3; a client certificate is requested, but not required, and must chain to one of the authority's
/// roots, whatever its extended key usage.
pub fn server_config(identity: Arc<ServerIdentity>, trust: ClientTrust) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = KnownPaths::new(trust, provider.signature_verification_algorithms)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
