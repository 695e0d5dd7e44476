//! `chancery renew`: renews the certificate that `request` wrote.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
use chancery_local::keys::passphrase::Passphrase;
use chancery_x509::certificate::Certificate;
use chancery_x509::csr::{CertificationRequest, CsrBudget};
use chancery_x509::key::KeyKind;
use serde_json::json;
use zeroize::Zeroizing;

use super::pkcs12::{self, Protection};
use super::{issue_answer, output_file};
use crate::arguments::{Arguments, RenewArguments};
use crate::backend::{self, Credentials};
use crate::{bounded, local_authority, show};

/// Renews, and replaces the files only once the new certificate has arrived.
pub(crate) fn run(arguments: &Arguments, renew: &RenewArguments) -> Result<ExitCode> {
    let cert_file = renew.folder.join("cert.pem");
    let key_file = renew.folder.join("key.pem");
    let old_pem = read(&cert_file)?;
    let old =
        Certificate::parse(old_pem.as_bytes()).with_context(|| format!("{} cannot be used", cert_file.display()))?;
    let next_key_file = renew.folder.join(NEXT_KEY);
    finish_interrupted(&next_key_file, &key_file, &old)?;
    if renew.if_due && !is_due(&old) {
        if arguments.json {
            show::json(&json!({ "renewed": false, "not_after": old.not_after().to_string() }))?;
        } else {
            println!("Not due yet: it ends at {}.", old.not_after());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let p12_file = renew.folder.join(pkcs12::FILE);
    let p12 = std::fs::read(&p12_file).ok();
    if p12.is_some() && renew.pkcs12.is_none() {
        bail!(
            "{} would keep the old certificate: give its password with --pkcs12 FILE, to have it written anew, or remove it",
            p12_file.display()
        );
    }
    let password = renew.pkcs12.as_deref().map(pkcs12::password).transpose()?;
    // A key in a token stays there: the certificate is then renewed for that key.
    let old_key = if key_file.is_file() {
        Some(Key::read(&key_file)?)
    } else {
        None
    };
    if password.is_some() && old_key.is_none() && !renew.new_key && !next_key_file.is_file() {
        bail!("there is no key.pem to write into {}: leave --pkcs12 out", pkcs12::FILE);
    }
    let passphrase = old_key.as_ref().and_then(|old| old.passphrase.as_ref());
    // A key prepared by an interrupted renewal is used even without --new-key: its certificate may have been issued and
    // the answer lost, and the old certificate has only one successor.
    let new_key = (renew.new_key || next_key_file.is_file())
        .then(|| prepare_key(&next_key_file, passphrase, &old))
        .transpose()?;
    // Also for the same key: a caller with an API token must prove possession of it.
    let key = new_key.as_ref().or(old_key.as_ref().map(|old| &old.key));
    let csr = key.map(|key| key.request(old.subject(), &[])).transpose()?;
    let fingerprint = match &csr {
        Some(csr) => CertificationRequest::parse(csr, &CsrBudget::default())?
            .public_key()
            .fingerprint(),
        None => old.public_key()?.fingerprint(),
    };
    // A repeated renewal, after a lost answer, gets the certificate of the first.
    let token = format!("renew {} for {fingerprint}", old.serial());
    let csr = csr.map(|csr| BASE64_STANDARD.encode(chancery_x509::pem::encode("CERTIFICATE REQUEST", &csr)));

    let identity = match (&old_key, &arguments.url) {
        (Some(key), Some(_)) => {
            let chain = read(&renew.folder.join("chain.pem")).unwrap_or_default();
            Some(Credentials {
                certificate: format!("{}{}", old_pem.as_str(), chain.as_str()),
                key: key.key.to_pem()?,
            })
        }
        _ => None,
    };
    output_file::check_place(&cert_file)?;
    let answer = backend::open_with(arguments, identity)?.renew(&old.serial().to_string(), csr.as_deref(), &token)?;
    let certificate = issue_answer::certificate(&answer)?;
    let chain = issue_answer::chain(&answer)?;
    let key_here = new_key.as_ref().or(old_key.as_ref().map(|old| &old.key));
    // Made before anything is written: if it fails, the files stay as they are.
    let identity = match (&password, key_here) {
        (Some(password), Some(key)) => {
            let protection = p12.as_deref().map_or(Protection::Strong, Protection::of);
            let name = old
                .subject()
                .attributes()
                .common_name
                .unwrap_or_else(|| old.serial().to_string());
            Some(pkcs12::encode(key, &certificate, &chain, &name, password, protection)?)
        }
        _ => None,
    };
    // The certificate decides whether a renewal is due: so it is replaced after the other files that contain it. Where
    // this is interrupted, the next call is still due, gets the same certificate and continues.
    output_file::write(&renew.folder.join("chain.pem"), chain.as_bytes(), false, true)?;
    if let Some(identity) = identity {
        output_file::write(&p12_file, &identity, true, true)?;
    }
    output_file::write(&cert_file, certificate.as_bytes(), false, true)?;
    // After the certificate: if the next run finds it beside the next key, only this is left to do.
    if new_key.is_some() {
        replace_key(&next_key_file, &key_file)?;
    }
    if arguments.json {
        issue_answer::json(&answer)?;
    } else {
        issue_answer::print_issued(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

struct Key {
    key: ClientKey,
    /// The passphrase that it was sealed with, if it was.
    passphrase: Option<Passphrase>,
}

impl Key {
    fn read(file: &Path) -> Result<Self> {
        let pem = bounded::secret(file, bounded::TEXT)?;
        let passphrase = ClientKey::is_sealed(pem.as_bytes())
            .then(|| local_authority::ask(("Passphrase of the key", false)))
            .transpose()?;
        let key = ClientKey::from_pem(pem.as_bytes(), passphrase.as_ref())
            .with_context(|| format!("{} cannot be used", file.display()))?;
        Ok(Self { key, passphrase })
    }
}

/// The key of a renewal with a new key, from before the request until its certificate is there. The idempotency token
/// depends on the key: a lost key could never get its certificate again, and the old certificate has only one
/// successor.
const NEXT_KEY: &str = "key.pem.new";

/// Completes a renewal that was interrupted between writing its certificate and its key, due or not.
fn finish_interrupted(next: &Path, key: &Path, certificate: &Certificate) -> Result<()> {
    if !next.is_file() {
        return Ok(());
    }
    let Key { key: of_next, .. } = Key::read(next).context(REMOVE_IT)?;
    if of_next.public_key().as_der() == certificate.spki_der() {
        replace_key(next, key)?;
    }
    Ok(())
}

const REMOVE_IT: &str = "the key of a renewal that was interrupted cannot be used; remove it, and another one is made";

/// The key of the interrupted renewal, or a new one of the same kind as the old one; on disk before the request is
/// sent.
fn prepare_key(file: &Path, passphrase: Option<&Passphrase>, old: &Certificate) -> Result<ClientKey> {
    if file.is_file() {
        let pem = read(file)?;
        return ClientKey::from_pem(pem.as_bytes(), passphrase).context(REMOVE_IT);
    }
    let key = new_key(old)?;
    let pem = match passphrase {
        Some(passphrase) => Zeroizing::new(key.to_sealed_pem(passphrase)?),
        None => key.to_pem()?,
    };
    output_file::write(file, pem.as_bytes(), true, true)?;
    Ok(key)
}

fn replace_key(next: &Path, key: &Path) -> Result<()> {
    std::fs::rename(next, key).with_context(|| format!("{} cannot be moved to {}", next.display(), key.display()))
}

/// Whether a third of its lifetime or less is left.
fn is_due(certificate: &Certificate) -> bool {
    let life = certificate.not_after().0 - certificate.not_before().0;
    certificate.not_after().0 - jiff::Timestamp::now().as_second() <= life / 3
}

/// Generates a key of the same kind as the old one.
fn new_key(old: &Certificate) -> Result<ClientKey> {
    let algorithm = match old.public_key()?.kind() {
        KeyKind::Rsa { bits: ..=2048 } => ClientKeyAlgorithm::Rsa2048,
        KeyKind::Rsa { bits: ..=3072 } => ClientKeyAlgorithm::Rsa3072,
        KeyKind::Rsa { .. } => ClientKeyAlgorithm::Rsa4096,
        KeyKind::P256 => ClientKeyAlgorithm::P256,
        KeyKind::P384 => ClientKeyAlgorithm::P384,
        KeyKind::P521 => ClientKeyAlgorithm::P521,
        KeyKind::Ed25519 => ClientKeyAlgorithm::Ed25519,
        KeyKind::MlDsa44 => ClientKeyAlgorithm::MlDsa44,
        KeyKind::MlDsa65 => ClientKeyAlgorithm::MlDsa65,
        KeyKind::MlDsa87 => ClientKeyAlgorithm::MlDsa87,
    };
    Ok(ClientKey::generate(algorithm)?)
}

fn read(file: &Path) -> Result<String> {
    bounded::text(file, bounded::TEXT)
}
