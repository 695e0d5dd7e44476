//! Placeholders for the CAs of an authority that is not available, used only to decide on requests. No CA key signs for
//! them: the signatures of certificates that are made here do not verify.

use std::sync::Arc;

use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;

use super::build::CaCertificateBuilder;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::config::{CaConfig, Config};
use crate::issue::{draw_serial, throwaway};
use crate::port::ledger::CaRecord;
use crate::port::{Entropy, LedgerError};

/// Why there is no placeholder for a CA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceholderError {
    /// The configuration does not describe a valid certificate.
    #[error("CA {ca_name} cannot have the certificate that its configuration describes: {detail}")]
    Certificate {
        /// Which CA.
        ca_name: CaName,
        /// The error.
        detail: String,
    },
    /// Its certificate was not given.
    #[error("none of the certificates is that of CA {ca_name}: {expected}")]
    Missing {
        /// Which CA.
        ca_name: CaName,
        /// A description of the expected certificate.
        expected: String,
    },
    /// More than one of the given certificates may be this CA's.
    #[error("more than one of the certificates may be that of CA {ca_name}: leave those of former CAs out")]
    Several {
        /// Which CA.
        ca_name: CaName,
    },
}

/// The CAs that a configuration describes, parents first, as they would be if they were created now. `key` returns a
/// public key of an algorithm.
pub fn placeholder_cas<E: From<PlaceholderError>>(
    config: &Config,
    now: UnixTime,
    entropy: &dyn Entropy,
    key: &mut dyn FnMut(CaKeyAlgorithm) -> Result<CaPublicKey, E>,
) -> Result<Vec<Arc<Ca>>, E> {
    let mut cas: Vec<Arc<Ca>> = Vec::new();
    for described in config.cas() {
        let refused = |error: &dyn std::fmt::Display| PlaceholderError::Certificate {
            ca_name: described.name().clone(),
            detail: error.to_string(),
        };
        let parent = above(&cas, described);
        let own_key = key(described.algorithm())?;
        let builder = CaCertificateBuilder {
            public: config,
            now,
            serial: draw_serial(entropy),
        };
        let template = builder.template(described, parent, &own_key);
        let built = match parent {
            None => template.self_signed(&own_key),
            Some(parent) => template.issued_by(&parent.issuer),
        };
        let tbs = built.map_err(|error| refused(&error))?;
        let signer = parent.map_or(&own_key, |parent| parent.issuer.public_key());
        let certificate = tbs.assemble(&throwaway::signature(signer.algorithm()));
        let ca = ca(described, certificate).map_err(|error| refused(&error))?;
        cas.push(Arc::new(ca));
    }
    Ok(cas)
}

/// The CAs that a configuration describes, parents first, with their real certificates: each is found by its signer,
/// and where that is ambiguous by its subject.
pub fn placeholder_cas_from(config: &Config, certificates: &[Certificate]) -> Result<Vec<Arc<Ca>>, PlaceholderError> {
    let mut cas: Vec<Arc<Ca>> = Vec::new();
    for described in config.cas() {
        let ca_name = || described.name().clone();
        let parent = above(&cas, described);
        let found: Vec<&Certificate> = certificates
            .iter()
            .filter(|certificate| is_signed_by(certificate, parent))
            .collect();
        let named = found.iter().find(|found| found.subject() == described.subject());
        let certificate = match (found.as_slice(), named) {
            ([only], _) => only,
            (_, Some(named)) => named,
            ([], None) => {
                let expected = match parent {
                    None => "a self-signed one".to_owned(),
                    Some(parent) => format!("one signed by {}", parent.name()),
                };
                return Err(PlaceholderError::Missing {
                    ca_name: ca_name(),
                    expected,
                });
            }
            _ => return Err(PlaceholderError::Several { ca_name: ca_name() }),
        };
        let ca = ca(described, certificate.as_der().to_vec()).map_err(|error| PlaceholderError::Certificate {
            ca_name: ca_name(),
            detail: error.to_string(),
        })?;
        cas.push(Arc::new(ca));
    }
    Ok(cas)
}

fn above<'a>(cas: &'a [Arc<Ca>], described: &CaConfig) -> Option<&'a Ca> {
    let parent = described.parent()?;
    cas.iter().find(|ca| ca.name() == parent).map(Arc::as_ref)
}

/// Whether a CA's certificate was signed by `parent`, or without a parent by its own key.
fn is_signed_by(certificate: &Certificate, parent: Option<&Ca>) -> bool {
    if let Some(parent) = parent {
        let is_parent = certificate.as_der() == parent.certificate().as_der();
        return !is_parent && certificate.is_signed_by(parent.issuer.public_key());
    }
    CaPublicKey::from_der(certificate.spki_der()).is_ok_and(|own| certificate.is_signed_by(&own))
}

fn ca(described: &CaConfig, certificate: Vec<u8>) -> Result<Ca, LedgerError> {
    Ca::try_from(CaRecord {
        status: crate::port::ledger::IssuerStatus::default(),
        ca_name: described.name().clone(),
        parent: described.parent().cloned(),
        key: described.key().clone(),
        certificate,
    })
}
