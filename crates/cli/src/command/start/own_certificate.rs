//! The certificate that the server shows, issued by the authority itself and renewed by itself.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use chancery_authority::Authority;
use chancery_authority::issue::OwnNames;
use chancery_authority::wire::{CsrSource, RequestedNames, TlsCertRequest};
use chancery_local::folder::DataFolder;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
use chancery_server::duty::OwnCertificate;
use chancery_server::tls::ServerIdentity;
use chancery_x509::certificate::Certificate;
use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::OURSELVES;
use crate::command::write_file;

/// Days that it lives at most; it is renewed when a third is left.
const DAYS: u64 = 90;

/// The server's certificate and key, in the data folder's `server`.
pub(super) struct ServerCertificate {
    authority: Arc<Authority>,
    folder: PathBuf,
    names: Vec<AltName>,
    common_name: String,
    identity: Arc<ServerIdentity>,
}

struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ServerCertificate {
    /// Takes the one that is there, if it is still good for these names; else has one issued.
    pub(super) async fn open(authority: Arc<Authority>, folder: DataFolder, names: &[String]) -> Result<Self> {
        let folder = folder.server();
        let alt_names = names.iter().map(|name| alt_name(name)).collect::<Result<Vec<_>>>()?;
        authority.keep_own_names(OwnNames::new(alt_names.iter().cloned()));
        let common_name = names.first().context("the server needs a name: --name")?.clone();
        let pair = match read(&authority, &folder, &alt_names) {
            Some((pair, leaf)) if is_revoked(&authority, &leaf).await? => {
                match issue(&authority, &folder, &common_name, &alt_names).await {
                    Ok(renewed) => renewed,
                    // Better than none: CRLs must be served all the same. Renewing it is tried again every minute.
                    Err(error) => {
                        tracing::error!(%error, "the server's certificate is revoked, and there is no new one");
                        pair
                    }
                }
            }
            Some((pair, _)) => pair,
            None => issue(&authority, &folder, &common_name, &alt_names).await?,
        };
        let identity = Arc::new(ServerIdentity::new(pair.chain, pair.key)?);
        Ok(Self {
            authority,
            folder,
            names: alt_names,
            common_name,
            identity,
        })
    }

    pub(super) fn identity(&self) -> Arc<ServerIdentity> {
        Arc::clone(&self.identity)
    }
}

#[async_trait]
impl OwnCertificate for ServerCertificate {
    async fn renew_if_due(&self) -> Result<(), String> {
        let told = |error: &anyhow::Error| format!("{error:#}");
        let current = self.identity.leaf().and_then(|leaf| Certificate::parse(&leaf).ok());
        if let Some(certificate) = current {
            let due = is_due(&self.authority, &certificate)
                || is_revoked(&self.authority, &certificate)
                    .await
                    .map_err(|error| told(&error))?;
            if !due {
                return Ok(());
            }
        }
        let pair = issue(&self.authority, &self.folder, &self.common_name, &self.names)
            .await
            .map_err(|error| told(&error))?;
        self.identity
            .replace(pair.chain, pair.key)
            .map_err(|error| told(&error.into()))
    }
}

fn alt_name(name: &str) -> Result<AltName> {
    let kind = if name.parse::<std::net::IpAddr>().is_ok() {
        AltNameType::Ip
    } else {
        AltNameType::Dns
    };
    AltName::parse(kind, name).with_context(|| format!("--name {name:?} cannot be used"))
}

fn is_due(authority: &Authority, certificate: &Certificate) -> bool {
    let life = certificate.not_after().0 - certificate.not_before().0;
    certificate.not_after().0 - authority.ports().clock.now().0 <= life / 3
}

/// Whether the ledger says that it is revoked: then its key may be somebody else's, and clients that look refuse it.
async fn is_revoked(authority: &Authority, certificate: &Certificate) -> Result<bool> {
    let record = authority.certificate(certificate.serial()).await?;
    Ok(record.is_some_and(|record| record.revocation.is_some() && record.certificate == certificate.as_der()))
}

/// What the folder has, if it is by a CA of today, for these names, and not due. Anything else is simply replaced.
fn read(authority: &Authority, folder: &std::path::Path, names: &[AltName]) -> Option<(Pair, Certificate)> {
    let pem = std::fs::read(folder.join("cert.pem")).ok()?;
    let key = std::fs::read(folder.join("key.pem")).ok()?;
    let blocks = chancery_x509::pem::decode_all(&pem).ok()?;
    let leaf = Certificate::parse(&blocks.first()?.der).ok()?;
    let issuer = authority
        .cas()
        .iter()
        .any(|ca| ca.certificate().subject() == leaf.issuer() && leaf.is_signed_by(ca.issuer.public_key()));
    let same_names = names.iter().all(|name| leaf.alt_names().contains(name)) && leaf.alt_names().len() == names.len();
    if !issuer || !same_names || is_due(authority, &leaf) {
        return None;
    }
    let key = ClientKey::from_pem(&key, None).ok()?;
    let chain = blocks
        .into_iter()
        .map(|block| CertificateDer::from(block.der))
        .collect();
    let pair = Pair {
        chain,
        key: private(&key),
    };
    (key.public_key().as_der() == leaf.spki_der()).then_some((pair, leaf))
}

async fn issue(authority: &Authority, folder: &std::path::Path, common_name: &str, names: &[AltName]) -> Result<Pair> {
    let key = ClientKey::generate(ClientKeyAlgorithm::P256)?;
    let subject = Subject {
        common_name: Some(common_name.to_owned()),
        ..Subject::default()
    };
    let request = TlsCertRequest {
        csr: Some(CsrSource::Inline(key.request(&subject.to_name()?, &[])?)),
        subject,
        alt_names: RequestedNames::Listed(names.to_vec()),
        lifetime_days: Some(DAYS),
        profile: Some("tls-server".to_owned()),
        ..TlsCertRequest::default()
    };
    let issued = authority.issue(&request, &OURSELVES, None).await;
    let issued = issued.map_err(|error| match error.detail() {
        Some(detail) => anyhow::anyhow!("{detail}"),
        None => anyhow::anyhow!("{error}"),
    });
    let issued = issued.with_context(|| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        format!(
            "the server's own certificate could not be issued for {}: choose names that the CA may certify, and that clients \
             use, with --name",
            names.join(", ")
        )
    })?;
    // The root is left out: whoever trusts it has it.
    let chain = authority.chain(&issued.record.id.issuer);
    let above = chain
        .iter()
        .filter(|ca| ca.record.parent.is_some())
        .map(|ca| ca.certificate().as_der().to_vec());
    let chain: Vec<CertificateDer<'static>> = std::iter::once(issued.record.certificate.clone())
        .chain(above)
        .map(CertificateDer::from)
        .collect();
    let pem: String = chain
        .iter()
        .map(|der| chancery_x509::pem::encode("CERTIFICATE", der))
        .collect();
    // Key first: a certificate without its key would be replaced at the next start, a key without its certificate too.
    write_file(&folder.join("key.pem"), key.to_pem()?.as_bytes())?;
    write_file(&folder.join("cert.pem"), pem.as_bytes())?;
    Ok(Pair {
        chain,
        key: private(&key),
    })
}

fn private(key: &ClientKey) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_pkcs8_der().to_vec()))
}
