//! The client certificate of a connection.

use chancery_authority::principal::attribute;
use chancery_authority::{Authority, Principal};
use chancery_x509::certificate::Certificate;
use chancery_x509::serial::Serial;
use rustls_pki_types::CertificateDer;

use crate::api::problem::Problem;

/// The client certificate of the connection, as TLS verified it: it chains to this authority, and the client has proven
/// possession of its private key. Every use asks the ledger whether it is revoked.
///
/// It does not authenticate its holder for anything else: TLS accepts it whatever its extended key usages are. It only
/// authorizes [`renewing`](Self::renewing) itself.
#[derive(Clone, Debug)]
pub struct PeerCertificate(CertificateDer<'static>);

impl PeerCertificate {
    /// The certificate that TLS verified.
    pub(crate) fn verified(certificate: CertificateDer<'static>) -> Self {
        Self(certificate)
    }

    /// The principal for renewing the certificate of that serial number, if it is this one: the ledger has exactly this
    /// certificate, it is neither revoked nor expired, and no CA above it is revoked.
    pub async fn renewing(&self, serial: Serial, authority: &Authority) -> Result<Principal, Problem> {
        let refused = || Problem::forbidden("this client certificate was not issued here, or is revoked or expired");
        let certificate = Certificate::parse(&self.0).map_err(|_| refused())?;
        let record = authority
            .certificate(certificate.serial())
            .await
            .map_err(Problem::from)?;
        let Some(record) = record else {
            authority.learn_presented_key(&certificate).await?;
            return Err(refused());
        };
        let now = authority.ports().clock.now();
        let current = record.not_before <= now && now <= record.not_after;
        if record.certificate != certificate.as_der() || record.revocation.is_some() || !current {
            return Err(refused());
        }
        // TLS does not check revocation; nothing below a revoked CA is accepted.
        if authority.revoked_in_chain(&record.id.issuer).await?.is_some() {
            return Err(refused());
        }
        if certificate.serial() != serial {
            return Err(Problem::forbidden("a client certificate can renew itself and no other"));
        }
        let mut principal = Principal::certificate(record.id.to_string())
            .with(attribute::ISSUER, record.id.issuer.as_str())
            .with(attribute::SERIAL_NUMBER, record.id.serial.to_string())
            .with(attribute::COMMON_NAME, &record.common_name);
        for name in certificate.alt_names() {
            principal = principal.with(attribute::ALT_NAMES, format!("{}:{name}", name.kind().name()));
        }
        Ok(principal)
    }
}
