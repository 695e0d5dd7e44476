//! The HTTPS certificate of the server, issued and renewed by the authority itself.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use async_trait::async_trait;
use chancery_authority::Authority;
use chancery_authority::issue::{
    Csr, IssueError, Issued, Refusal, Request, RequestDigest, RequestedNames, ServerNameSet,
};
use chancery_authority::port::LedgerError;
use chancery_local::folder::DataFolder;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
use chancery_server::scheduler::OwnCertificate;
use chancery_server::tls::ServerIdentity;
use chancery_x509::certificate::Certificate;
use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use chancery_x509::time::UnixTime;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::OURSELVES;
use crate::command::write_file;
use crate::{bounded, show};

/// Its lifetime in days; it is renewed when a third is left.
const DAYS: u64 = 90;

/// Pause after a failed attempt: each leaves a rejection in the ledger.
const AGAIN: Duration = Duration::from_mins(5);

/// The server's certificate and key, in the data folder's `server`.
pub(super) struct ServerCertificate {
    authority: Arc<Authority>,
    folder: PathBuf,
    names: Vec<AltName>,
    common_name: String,
    identity: Arc<ServerIdentity>,
    /// When the last attempt failed.
    failed: Mutex<Option<Instant>>,
}

struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why no new certificate was issued.
enum NotIssued {
    /// The operator's names, or profile, cannot be certified.
    Refused(anyhow::Error),
    /// A later attempt may succeed, or the cause lies with the CAs.
    Failed(anyhow::Error),
}

impl ServerCertificate {
    /// Uses the existing certificate, if it is still valid for these names; else has one issued. Where that fails the
    /// server continues with what there is, or without HTTPS: CRLs must be served and renewed all the same, especially
    /// one that lists the issuing CA as revoked.
    ///
    /// Fails only where there never was a certificate and its names are refused: the operator who chose them is
    /// present, and can choose others.
    pub(super) async fn open(authority: Arc<Authority>, folder: DataFolder, names: &[String]) -> Result<Self> {
        let folder = folder.server();
        let alt_names = names.iter().map(|name| alt_name(name)).collect::<Result<Vec<_>>>()?;
        keep_names(&authority, &alt_names).await?;
        let common_name = names.first().context("the server needs a name: --name")?.clone();
        let identity = ServerIdentity::default();
        if let Some(pair) = read(&folder)
            && let Err(error) = identity.replace(pair.chain, pair.key)
        {
            tracing::warn!(%error, "the server's certificate in the data folder is of no use");
        }
        let own = Self {
            authority,
            folder,
            names: alt_names,
            common_name,
            identity: Arc::new(identity),
            failed: Mutex::default(),
        };
        match own.replace_if_due().await {
            Ok(()) => {}
            Err(NotIssued::Refused(error)) if own.identity.leaf().is_none() => return Err(error),
            Err(NotIssued::Refused(error) | NotIssued::Failed(error)) => {
                eprintln!("warning: {}", show::visible(&format!("{error:#}")));
            }
        }
        Ok(own)
    }

    pub(super) fn identity(&self) -> Arc<ServerIdentity> {
        Arc::clone(&self.identity)
    }

    /// Has a new certificate issued where one is due, and sets the problem for `/health` where that fails.
    async fn replace_if_due(&self) -> Result<(), NotIssued> {
        let due = match self.why_due().await {
            Ok(None) => {
                self.identity.set_problem(None);
                return Ok(());
            }
            Ok(Some(due)) => due,
            Err(error) => return Err(NotIssued::Failed(error.into())),
        };
        let last = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < AGAIN) {
            return Ok(());
        }
        let kept = keep_names(&self.authority, &self.names)
            .await
            .map_err(NotIssued::Failed);
        let pair = match kept {
            Ok(()) => issue(&self.authority, &self.folder, &self.common_name, &self.names).await,
            Err(error) => Err(error),
        };
        let replaced = pair.and_then(|pair| {
            let replaced = self.identity.replace(pair.chain, pair.key);
            replaced.map_err(|error| NotIssued::Failed(error.into()))
        });
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = replaced.is_err().then(Instant::now);
        self.identity.set_problem(
            replaced.as_ref().err().map(|_| {
                format!("the server's own certificate {due}, and a new one cannot be issued: the log says why")
            }),
        );
        replaced
    }

    /// Why the current certificate must be replaced, by the ledger and the clock; `None` if it need not be.
    async fn why_due(&self) -> Result<Option<&'static str>, LedgerError> {
        let shown = self.identity.leaf().and_then(|leaf| Certificate::parse(&leaf).ok());
        let Some(leaf) = shown else {
            return Ok(Some("is not there"));
        };
        let now = self.authority.ports().clock.now();
        let has = leaf.alt_names();
        let issuer = self.authority.cas().iter().find_map(|ca| {
            let is_by_it = ca.certificate().subject() == leaf.issuer() && leaf.is_signed_by(ca.issuer.public_key());
            is_by_it.then(|| ca.name().clone())
        });
        let Some(issuer) = issuer else {
            return Ok(Some("is of no CA of this authority"));
        };
        if has.len() != self.names.len() || !self.names.iter().all(|name| has.contains(name)) {
            return Ok(Some("is for other names"));
        }
        if let Some(untimely) = untimely(leaf.not_before(), leaf.not_after(), now) {
            return Ok(Some(untimely));
        }
        // Its key may be compromised, and clients that check revocation refuse it.
        let record = self.authority.certificate(leaf.serial()).await?;
        if record.is_some_and(|record| record.revocation.is_some() && record.certificate == leaf.as_der()) {
            return Ok(Some("is revoked"));
        }
        if self.authority.revoked_in_chain(&issuer).await?.is_some() {
            return Ok(Some("is of a CA that is revoked"));
        }
        Ok(None)
    }
}

#[async_trait]
impl OwnCertificate for ServerCertificate {
    async fn renew_if_due(&self) -> Result<(), String> {
        self.replace_if_due().await.map_err(|error| match error {
            NotIssued::Refused(error) | NotIssued::Failed(error) => format!("{error:#}"),
        })
    }
}

/// Reserves the names for the longest lifetime of a certificate issued now, before it is issued; an existing one
/// expires earlier.
async fn keep_names(authority: &Authority, names: &[AltName]) -> Result<()> {
    let days = i64::try_from(DAYS).unwrap_or(i64::MAX);
    let until = authority.ports().clock.now().plus_days(days + 1);
    authority
        .reserve_server_names(ServerNameSet::new(names.iter().cloned()), until)
        .await
        .context("the server's own names could not be recorded")
}

fn alt_name(name: &str) -> Result<AltName> {
    let kind = if name.parse::<std::net::IpAddr>().is_ok() {
        AltNameType::Ip
    } else {
        AltNameType::Dns
    };
    AltName::parse(kind, name).with_context(|| format!("--name {name:?} cannot be used"))
}

/// What is wrong with such a validity now.
fn untimely(not_before: UnixTime, not_after: UnixTime, now: UnixTime) -> Option<&'static str> {
    let life = not_after.0 - not_before.0;
    if not_before > now {
        Some("is not valid yet: the clock was ahead, or is behind")
    } else if not_after <= now {
        Some("has expired")
    } else if not_after.0 - now.0 <= life / 3 {
        Some("ends soon")
    } else {
        None
    }
}

/// The pair in the folder, if key and certificate can be read and match; callers check whether it is still valid.
fn read(folder: &std::path::Path) -> Option<Pair> {
    let pem = bounded::read(&folder.join("cert.pem"), bounded::TEXT).ok()?;
    let key = bounded::secret(&folder.join("key.pem"), bounded::TEXT).ok()?;
    let blocks = chancery_x509::pem::decode_all(&pem).ok()?;
    let leaf = Certificate::parse(&blocks.first()?.der).ok()?;
    let key = ClientKey::from_pem(key.as_bytes(), None).ok()?;
    let chain = blocks
        .into_iter()
        .map(|block| CertificateDer::from(block.der))
        .collect();
    let pair = Pair {
        chain,
        key: private(&key),
    };
    (key.public_key().as_der() == leaf.spki_der()).then_some(pair)
}

async fn issue(
    authority: &Authority,
    folder: &std::path::Path,
    common_name: &str,
    names: &[AltName],
) -> Result<Pair, NotIssued> {
    let failed = |error: anyhow::Error| NotIssued::Failed(error.context("the server's own certificate"));
    let key = ClientKey::generate(ClientKeyAlgorithm::P256).map_err(|error| failed(error.into()))?;
    let request = request(&key, common_name, names).map_err(failed)?;
    let issued = authority
        .issue(&request, &OURSELVES, None)
        .await
        .map_err(|error| not_issued(&error, names))?;
    store(authority, folder, &key, &issued).map_err(failed)
}

fn request(key: &ClientKey, common_name: &str, names: &[AltName]) -> Result<Request> {
    let subject = Subject {
        common_name: Some(common_name.to_owned()),
        ..Subject::default()
    };
    let csr = Csr::parse(&key.request(&subject.to_name()?, &[])?)?;
    let mut digest = RequestDigest::new("own certificate");
    digest.value(csr.received());
    Ok(Request {
        subject,
        alt_names: RequestedNames::Listed(names.to_vec()),
        lifetime_days: Some(DAYS),
        profile: Some("tls-server".to_owned()),
        ..Request::new(csr, digest.finish())
    })
}

fn not_issued(error: &IssueError, names: &[AltName]) -> NotIssued {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let what = format!(
        "the server's own certificate could not be issued for {}: {}",
        names.join(", "),
        error.detail().map_or_else(|| error.to_string(), str::to_owned)
    );
    match error {
        // Other names would not help.
        IssueError::Refused(
            Refusal::IssuerRevoked { .. }
            | Refusal::IssuerNotActive { .. }
            | Refusal::Frozen { .. }
            | Refusal::CaExpired { .. },
        )
        | IssueError::InProgress
        | IssueError::Unavailable { .. }
        | IssueError::Internal { .. } => NotIssued::Failed(anyhow!("{what}; HTTPS is served with what there is")),
        _ => NotIssued::Refused(anyhow!(
            "{what}; choose names that the CA may certify, and that clients use, with --name"
        )),
    }
}

/// Writes it into the folder, and returns what the server presents.
fn store(authority: &Authority, folder: &std::path::Path, key: &ClientKey, issued: &Issued) -> Result<Pair> {
    // The root is left out: clients that trust it have it.
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
    // Key first. A key without its certificate, or the reverse, is replaced at the next start.
    write_file(&folder.join("key.pem"), key.to_pem()?.as_bytes())?;
    write_file(&folder.join("cert.pem"), pem.as_bytes())?;
    Ok(Pair {
        chain,
        key: private(key),
    })
}

fn private(key: &ClientKey) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_pkcs8_der().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_from_the_future_is_as_due_as_one_that_ends() {
        let at = |now| untimely(UnixTime(1_000), UnixTime(4_000), UnixTime(now));
        assert!(at(999).is_some_and(|why| why.contains("not valid yet")));
        assert_eq!(at(1_000), None);
        assert_eq!(at(2_999), None);
        assert_eq!(at(3_000), Some("ends soon"));
        assert_eq!(at(4_000), Some("has expired"));
    }
}
