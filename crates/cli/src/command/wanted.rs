//! Builds requests from the command line; writes answers to files.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_api::issue::{AltNames, CertificateInfo, IssueAnswer, IssueRequest, ListedAltName, TypedAltName};
use chancery_api::problem::ErrorCode;
use chancery_contract::purpose_named;
use chancery_x509::san::AltNameType;

use crate::arguments::WantedArguments;
use crate::backend::BackendRefusal;
use crate::show;

/// The request, without its CSR and common name.
pub(crate) fn request(wanted: &WantedArguments) -> Result<IssueRequest> {
    // The contract ignores unknown purposes; on a command line they are mistakes, better reported at once.
    if let Some(slip) = wanted.purposes.iter().find(|purpose| purpose_named(purpose).is_none()) {
        bail!("--purpose takes server_auth or client_auth, not {slip:?}; other usages go with --eku");
    }
    let sans = wanted
        .sans
        .iter()
        .map(|san| alt_name(san, &format!("--san {san:?}")))
        .collect::<Result<Vec<_>>>()?;
    let listed = |texts: &Vec<String>| (!texts.is_empty()).then(|| texts.clone());
    Ok(IssueRequest {
        organization: wanted.organization.clone(),
        organizational_unit: wanted.organizational_unit.clone(),
        country: wanted.country.clone(),
        state: wanted.state.clone(),
        locality: wanted.locality.clone(),
        email_address: wanted.email.clone(),
        profile: wanted.profile.clone(),
        lifetime: wanted.days,
        purposes: listed(&wanted.purposes),
        extended_key_usages: listed(&wanted.extended_key_usages),
        sans: (!sans.is_empty()).then_some(AltNames::List(sans)),
        // Without the option, the authority decides.
        notify_expiry: wanted.notify_expiry,
        notify_issued: wanted.notify_issued,
        force_issue: wanted.force.then_some(true),
        ..IssueRequest::default()
    })
}

/// `TYPE:VALUE` as the contract's `{type, value}`; for a text without a known type, its form decides the type. `given`
/// names it in errors.
pub(crate) fn alt_name(text: &str, given: &str) -> Result<ListedAltName> {
    let (kind, value) = typed(text, given)?;
    // Parsed here only to report a mistake at once: the contract leaves invalid names out.
    chancery_x509::san::AltName::parse(kind, value)
        .with_context(|| format!("{given} cannot be an alternative name"))?;
    Ok(ListedAltName::Typed(TypedAltName {
        r#type: Some(kind.name().to_owned()),
        value: value.to_owned(),
    }))
}

/// The type of an alternative name, given or recognized by its form, and its value.
pub(crate) fn typed<'a>(text: &'a str, given: &str) -> Result<(AltNameType, &'a str)> {
    Ok(
        match text
            .split_once(':')
            .and_then(|(kind, value)| Some((AltNameType::from_name(kind)?, value)))
        {
            Some((kind, value)) => (kind, value),
            None if text.parse::<std::net::IpAddr>().is_ok() || text.starts_with('[') => (AltNameType::Ip, text),
            None if text.contains("://") => (AltNameType::Uri, text),
            None if text.contains('@') => (AltNameType::Email, text),
            None if text.contains(':') => bail!("{given}: write it as dns:…, ip:…, email:…, uri:… or dn:…"),
            None => (AltNameType::Dns, text),
        },
    )
}

/// Adds what to do about a refusal, where the authority's message does not say it.
pub(crate) fn advised(error: anyhow::Error) -> anyhow::Error {
    let code = error
        .downcast_ref::<BackendRefusal>()
        .and_then(|refused| refused.code.as_ref());
    if code == Some(&ErrorCode::KeyInUse) {
        return error.context(
            "the key is certified already: make a new key and a CSR with it, renew that certificate with `chancery renew`, or \
             take the key once more for the same common name with --force",
        );
    }
    error
}

/// A CSR in PEM as a request has it.
pub(crate) fn csr(pem: &str) -> String {
    BASE64_STANDARD.encode(pem)
}

/// The certificate of an answer, with its chain if that was asked for, PEM.
pub(crate) fn certificate(answer: &IssueAnswer) -> Result<String> {
    let encoded = answer.base64_certificate.as_deref().unwrap_or_default();
    pem(encoded, "/Base64Certificate")
}

/// The chain of an answer, PEM: issuing CA, root.
pub(crate) fn chain(answer: &IssueAnswer) -> Result<String> {
    pem(&answer.base64_ca_chain, "/Base64CaChain")
}

/// Decodes a PEM text of an answer.
fn pem(encoded: &str, field: &str) -> Result<String> {
    let decoded = BASE64_STANDARD
        .decode(encoded)
        .ok()
        .and_then(|octets| String::from_utf8(octets).ok());
    let mut pem = decoded
        .filter(|pem| !pem.is_empty())
        .with_context(|| format!("the answer holds no certificate in {field}"))?;
    if !pem.ends_with('\n') {
        pem.push('\n');
    }
    Ok(pem)
}

/// Prints what was issued.
pub(crate) fn print_issued(answer: &IssueAnswer) {
    let info = answer.certificate_info.as_ref();
    let field = |of: fn(&CertificateInfo) -> &String| info.map(of).cloned().unwrap_or_default();
    show::facts([
        ("Common name", field(|info| &info.common_name)),
        ("Subject", answer.subject.clone().unwrap_or_default()),
        ("Serial number", field(|info| &info.serial_number)),
        ("Issued", field(|info| &info.issued)),
        ("Expires", field(|info| &info.expires)),
    ]);
    notes(answer).for_each(|note| println!("Note: {}", show::visible(note)));
}

/// Prints the answer as JSON.
pub(crate) fn json(answer: &IssueAnswer) -> Result<()> {
    show::json(&serde_json::to_value(answer)?)
}

/// Warnings: what of the request is not in the certificate.
pub(crate) fn notes(answer: &IssueAnswer) -> impl Iterator<Item = &str> {
    answer.warnings.iter().flatten().map(String::as_str)
}

/// Checks, as far as possible in advance, whether a file can be written there: called before its content is requested.
pub(crate) fn check_place(path: &Path) -> Result<()> {
    if path.is_dir() {
        bail!("{} is a folder; name a file", path.display());
    }
    let temporary = temporary(path)?;
    let outcome = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary);
    let _ = std::fs::remove_file(&temporary);
    let remedy = outcome.as_ref().err().map_or("", chancery_local::folder::remedy);
    outcome.with_context(|| format!("cannot write {}{remedy}", path.display()))?;
    Ok(())
}

/// The temporary name under which a file is written.
fn temporary(path: &Path) -> Result<PathBuf> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .with_context(|| format!("{} is no file name", path.display()))?;
    let mut temporary = name.to_os_string();
    temporary.push(format!(".{}.tmp", std::process::id()));
    Ok(folder.join(temporary))
}

/// Writes a file completely or not at all; secret ones are accessible to their owner only. An existing file is replaced
/// only with `overwrite`.
pub(crate) fn write(path: &Path, content: &[u8], secret: bool, overwrite: bool) -> Result<()> {
    let temporary = temporary(path)?;
    let attempt = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if secret { 0o600 } else { 0o644 })
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        if overwrite {
            std::fs::rename(&temporary, path)
        } else {
            std::fs::hard_link(&temporary, path)
        }
    };
    let outcome = attempt();
    // After a rename nothing is left to remove; after a link or a failure there is.
    let _ = std::fs::remove_file(&temporary);
    let remedy = outcome.as_ref().err().map_or("", chancery_local::folder::remedy);
    outcome.with_context(|| {
        if path.symlink_metadata().is_ok() && !overwrite {
            format!(
                "{} exists already; take another place, or --overwrite where the command has it",
                path.display()
            )
        } else {
            format!("cannot write {}{remedy}", path.display())
        }
    })
}
