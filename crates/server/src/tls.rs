//! HTTPS with a certificate of the authority itself, replaced while running, and client certificates for renewal.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chancery_authority::Authority;
use chancery_authority::authority::Ca;
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
#[derive(Debug)]
struct ClientTrust {
    /// Trust anchors.
    roots: RootCertStore,
    /// The CAs below them, which are known here: clients need not send them. They are no trust anchors: a path through one
    /// must continue to a root.
    intermediates: Vec<CertificateDer<'static>>,
    /// Subject names of all CAs: a client picks its certificate by them, and may know only its issuing CA.
    hints: Vec<DistinguishedName>,
    /// The CAs that it is of.
    cas: Arc<[Arc<Ca>]>,
}

impl ClientTrust {
    fn of(cas: Arc<[Arc<Ca>]>) -> Result<Self, TlsError> {
        let (mut roots, mut intermediates) = (RootCertStore::empty(), Vec::new());
        for ca in cas.iter() {
            let certificate = CertificateDer::from(ca.certificate().as_der().to_vec());
            match ca.record.parent {
                None => roots.add(certificate)?,
                Some(_) => intermediates.push(certificate),
            }
        }
        let mut named = roots.clone();
        for intermediate in &intermediates {
            named.add(intermediate.clone())?;
        }
        Ok(Self {
            roots,
            intermediates,
            hints: named.subjects(),
            cas,
        })
    }
}

/// Verifies with webpki, using intermediates from the client and those of the authority.
///
/// Extended key usage is not checked: a client certificate only allows renewing itself
/// ([`PeerCertificate`](crate::peer::PeerCertificate)), for which a server's or mailbox's certificate serves as well
/// as a client's.
struct KnownPaths {
    authority: Arc<Authority>,
    /// Made anew when the CAs were read again: a CA's certificate may be renewed while the server runs.
    trust: Mutex<Arc<ClientTrust>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// As they were at the start: renewing a CA's certificate does not change its name.
    hints: Vec<DistinguishedName>,
}

impl KnownPaths {
    fn new(authority: Arc<Authority>, algorithms: WebPkiSupportedAlgorithms) -> Result<Self, TlsError> {
        let trust = ClientTrust::of(authority.cas())?;
        Ok(Self {
            authority,
            algorithms,
            hints: trust.hints.clone(),
            trust: Mutex::new(Arc::new(trust)),
        })
    }

    fn trust(&self) -> Arc<ClientTrust> {
        let cas = self.authority.cas();
        let mut known = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&known.cas, &cas) {
            match ClientTrust::of(cas) {
                Ok(trust) => *known = Arc::new(trust),
                Err(error) => {
                    tracing::error!(%error, "clients are verified with the CA certificates of before");
                }
            }
        }
        Arc::clone(&known)
    }
}

impl std::fmt::Debug for KnownPaths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownPaths")
            .field("trust", &self.trust)
            .finish_non_exhaustive()
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
        let trust = self.trust();
        let known = trust.intermediates.iter().filter(|known| !sent.contains(known));
        let intermediates: Vec<CertificateDer<'_>> = sent.iter().chain(known).map(borrowed).collect();
        webpki::EndEntityCert::try_from(end_entity)
            .and_then(|certificate| {
                let verified = certificate.verify_for_usage(
                    self.algorithms.all,
                    &trust.roots.roots,
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
pub fn server_config(identity: Arc<ServerIdentity>, authority: Arc<Authority>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = KnownPaths::new(authority, provider.signature_verification_algorithms)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use chancery_authority::config::Config;
    use chancery_authority::profile::Profiles;
    use chancery_authority::{CaName, Principal};
    use chancery_testing::memory::MemoryPorts;

    use super::*;

    #[tokio::test]
    async fn clients_are_verified_with_a_renewed_certificate_at_once() {
        let memory = MemoryPorts::new(chancery_x509::time::UnixTime(1_800_000_000));
        let config = "[[ca]]\nname = 'root-ca'\n[[ca]]\nname = 'issuing-ca'\nparent = 'root-ca'";
        let config = Config::from_toml(config).unwrap();
        let authority = Authority::open(memory.ports(), config, Profiles::built_in())
            .await
            .unwrap();
        authority.initialise(&|_: &str| ()).await.unwrap();
        let authority = Arc::new(authority);
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let paths = KnownPaths::new(Arc::clone(&authority), algorithms).unwrap();
        let before = paths.trust();
        memory.clock.advance(86_400);
        let issuing = CaName::new("chancery-issuing-ca").unwrap();
        let renewed = authority.renew_ca(&issuing, &Principal::local("alice")).await.unwrap();
        let trust = paths.trust();
        assert_ne!(before.intermediates, trust.intermediates);
        assert_eq!(
            trust.intermediates,
            [CertificateDer::from(renewed.certificate().as_der().to_vec())]
        );
        assert_eq!((before.roots.len(), trust.roots.len()), (1, 1));
    }
}
