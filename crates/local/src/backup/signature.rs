//! The signature of a backup: the issuing CA signs its manifest.
//!
//! Hashes alone detect accidents, not attacks: anyone who can write a backup can write its manifest anew. So the
//! manifest is signed when the backup is taken, and a restore verifies the signature up to a root that did not come
//! with the backup. `chancery_authority::signing::backup` defines what is signed.
//!
//! The ledger records the manifest's digest before it is signed, as it does with everything that a CA key signs.

use std::io::{self, Read, Write};
use std::path::Path;

use aws_lc_rs::digest;
use chancery_authority::CaName;
use chancery_authority::port::{KeyName, Ports};
use chancery_authority::signing;
use chancery_x509::certificate::{Certificate, Issuer};
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::{BackupError, failed};
use crate::ledger::SqliteLedger;
use crate::plain;

/// The signature's file, beside the manifest.
pub(super) const FILE: &str = "manifest.sig";

/// Largest file in octets: enough for eight certificates with large keys.
const MAX_OCTETS: u64 = 1 << 20;

/// Most certificates in the chain.
const MAX_CHAIN: usize = 8;

/// The CA that signs a backup's manifest.
pub struct Signer {
    /// Certificates: the signer's own first, the root's last.
    pub chain: Vec<Certificate>,
    /// Its name.
    pub ca_name: CaName,
    /// The key's name in the key store.
    pub key: KeyName,
    /// The ports of its authority.
    pub ports: Ports,
    /// The ledger, which records each signature before it is made.
    pub ledger: SqliteLedger,
}

/// Roots that a restore trusts: they must not come from the backup.
#[derive(Clone, Debug)]
pub struct Roots(Vec<Certificate>);

/// The verified signer of a manifest.
#[derive(Clone, Debug)]
pub struct SignedBy {
    /// The CA that signed it.
    pub ca: Certificate,
    /// The root that its certificate chains to: one of those that were given.
    pub root: Certificate,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    /// DER in base64: the signer's certificate first, then those above it.
    chain: Vec<String>,
    /// Base64.
    signature: String,
}

impl Roots {
    /// Accepts roots only: CAs that may sign certificates and are self-signed.
    pub fn new(roots: Vec<Certificate>) -> Result<Self, BackupError> {
        for root in &roots {
            root.check_trust_anchor().map_err(|error| BackupError::Root {
                subject: root.subject().to_rfc4514(),
                detail: error.to_string(),
            })?;
        }
        Ok(Self(roots))
    }

    /// The root that a chain leads to; its first certificate is the one to verify. Every certificate in it must be a
    /// CA's and signed by the key of the next one.
    pub(super) fn of(&self, chain: &[Certificate]) -> Result<&Certificate, String> {
        let (last, _) = chain.split_last().ok_or("the chain is empty")?;
        let issuers = chain
            .iter()
            .map(|certificate| Issuer::new(certificate.clone()).map_err(|error| error.to_string()))
            .collect::<Result<Vec<_>, _>>()?;
        for pair in issuers.windows(2) {
            if !is_by(pair[0].certificate(), &pair[1]) {
                return Err(format!(
                    "{} was not signed by {}",
                    pair[0].certificate().subject().to_rfc4514(),
                    pair[1].certificate().subject().to_rfc4514()
                ));
            }
        }
        let below = chain
            .iter()
            .filter(|certificate| certificate.issuer() != certificate.subject());
        for certificate in below {
            // Every cross-certificate has certificatePolicies, and no certificate of an authority's own CA.
            if certificate.policies().map_or(true, |policies| !policies.is_empty()) {
                return Err(format!(
                    "{} has a cross-certificate, and is no CA of this authority",
                    certificate.subject().to_rfc4514()
                ));
            }
        }
        for (below, issuer) in chain.iter().enumerate().skip(1) {
            let limit = issuer.basic_constraints().and_then(|constraints| constraints.path_len);
            if limit.is_some_and(|limit| usize::from(limit) < below) {
                return Err(format!(
                    "{} may not have so many CAs below it",
                    issuer.subject().to_rfc4514()
                ));
            }
        }
        let found = self.0.iter().find(|root| {
            root.as_der() == last.as_der() || Issuer::new((*root).clone()).is_ok_and(|root| is_by(last, &root))
        });
        found.ok_or_else(|| {
            format!(
                "{} does not chain to the root that was given",
                chain[0].subject().to_rfc4514()
            )
        })
    }
}

fn is_by(certificate: &Certificate, issuer: &Issuer) -> bool {
    certificate.issuer() == issuer.certificate().subject() && certificate.is_signed_by(issuer.public_key())
}

impl Signer {
    /// Signs a manifest that was written to `folder`. Blocks.
    pub(super) fn sign(&self, folder: &Path, manifest: &[u8], at: UnixTime) -> Result<(), BackupError> {
        let unsigned = |detail: String| BackupError::NotSigned { detail };
        let ca = self.chain.first().ok_or_else(|| unsigned("there is no CA".into()))?;
        let public =
            CaPublicKey::from_der(ca.spki_der()).map_err(|error| unsigned(format!("the CA's key: {error}")))?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, manifest).as_ref());
        crate::block_on(self.ledger.record_backup(at, sha256)).map_err(|error| unsigned(error.to_string()))?;
        let signed = crate::block_on(signing::backup::sign(
            self.ports.signing(),
            &self.ca_name,
            &self.key,
            &public,
            manifest,
        ));
        let signed = signed.map_err(|error| unsigned(error.to_string()))?;
        let signature = Signature {
            chain: self.chain.iter().map(|ca| BASE64.encode(ca.as_der())).collect(),
            signature: BASE64.encode(&signed.signature),
        };
        let path = folder.join(FILE);
        let write = || {
            let mut draft = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut draft, &signature).map_err(io::Error::from)?;
            draft.write_all(b"\n")?;
            draft.as_file().sync_all()?;
            draft.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| failed(&path, error))
    }
}

/// Whether a backup has a signature, valid or not.
pub(super) fn is_there(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// Verifies the signature over these octets of a manifest. Without roots the chain's own last certificate serves as
/// root: that detects damage, but does not authenticate the signer.
pub(super) fn verify(folder: &Path, manifest: &[u8], roots: Option<&Roots>) -> Result<SignedBy, BackupError> {
    let path = folder.join(FILE);
    let file = match plain::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(BackupError::Unsigned),
        Err(error) if plain::is_refusal(&error) => return Err(BackupError::NotPlain { file: FILE.into() }),
        opened => opened.map_err(|error| failed(&path, error))?,
    };
    let mut text = Vec::new();
    file.take(MAX_OCTETS)
        .read_to_end(&mut text)
        .map_err(|error| failed(&path, error))?;
    let forged = |detail: String| BackupError::Forged { detail };
    let Signature { chain, signature } =
        serde_json::from_slice(&text).map_err(|error| forged(format!("{FILE}: {error}")))?;
    let decode = |text: &String| {
        BASE64
            .decode(text.as_bytes())
            .map_err(|_| forged(format!("{FILE} is no base64")))
    };
    if !(1..=MAX_CHAIN).contains(&chain.len()) {
        return Err(forged(format!("{FILE} has {} certificates", chain.len())));
    }
    let chain = chain
        .iter()
        .map(|text| Certificate::parse(&decode(text)?).map_err(|error| forged(format!("{FILE}: {error}"))))
        .collect::<Result<Vec<_>, _>>()?;
    let own = match roots {
        Some(_) => None,
        None => Some(Roots::new(chain.last().cloned().into_iter().collect())?),
    };
    let roots = roots.or(own.as_ref()).ok_or(BackupError::Unsigned)?;
    let root = roots.of(&chain).map_err(forged)?.clone();
    let ca = chain.into_iter().next().ok_or(BackupError::Unsigned)?;
    let public = CaPublicKey::from_der(ca.spki_der()).map_err(|error| forged(error.to_string()))?;
    if public
        .verify(&signing::backup::statement(&public, manifest), &decode(&signature)?)
        .is_err()
    {
        return Err(forged(format!(
            "manifest.json is not what {} signed",
            ca.subject().to_rfc4514()
        )));
    }
    Ok(SignedBy { ca, root })
}
