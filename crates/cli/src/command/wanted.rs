//! Builds the contract's JSON from the command line; writes answers to files.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_x509::san::AltNameType;
use serde_json::{Map, Value, json};

use crate::arguments::WantedArguments;
use crate::backend::text;
use crate::show;

/// The request, without its CSR and common name.
pub(crate) fn request(wanted: &WantedArguments) -> Result<Map<String, Value>> {
    let mut request = Map::new();
    let subject = [
        ("organization", &wanted.organization),
        ("organizational_unit", &wanted.organizational_unit),
        ("country", &wanted.country),
        ("state", &wanted.state),
        ("locality", &wanted.locality),
        ("email_address", &wanted.email),
        ("profile", &wanted.profile),
    ];
    for (field, value) in subject {
        if let Some(value) = value {
            request.insert(field.to_owned(), json!(value));
        }
    }
    if let Some(days) = wanted.days {
        request.insert("lifetime".to_owned(), json!(days));
    }
    if !wanted.purposes.is_empty() {
        // The contract ignores unknown purposes; on a command line they are mistakes, better reported at once.
        if let Some(slip) = wanted
            .purposes
            .iter()
            .find(|purpose| !matches!(purpose.as_str(), "server_auth" | "client_auth"))
        {
            bail!("--purpose takes server_auth or client_auth, not {slip:?}; other usages go with --eku");
        }
        request.insert("purposes".to_owned(), json!(wanted.purposes));
    }
    if !wanted.extended_key_usages.is_empty() {
        request.insert("extended_key_usages".to_owned(), json!(wanted.extended_key_usages));
    }
    if !wanted.sans.is_empty() {
        let sans = wanted
            .sans
            .iter()
            .map(|san| alt_name(san, &format!("--san {san:?}")))
            .collect::<Result<Vec<_>>>()?;
        request.insert("sans".to_owned(), json!(sans));
    }
    // Without the option, the authority decides.
    for (field, told) in [
        ("notify_expiry", wanted.notify_expiry),
        ("notify_issued", wanted.notify_issued),
    ] {
        if let Some(told) = told {
            request.insert(field.to_owned(), json!(told));
        }
    }
    if wanted.force {
        request.insert("force_issue".to_owned(), json!(true));
    }
    Ok(request)
}

/// `TYPE:VALUE` as the contract's `{type, value}`; for a text without a known type, its form decides the type. `given`
/// names it in errors.
pub(crate) fn alt_name(text: &str, given: &str) -> Result<Value> {
    let (kind, value) = typed(text, given)?;
    // Parsed here only to report a mistake at once: the contract leaves invalid names out.
    chancery_x509::san::AltName::parse(kind, value)
        .with_context(|| format!("{given} cannot be an alternative name"))?;
    Ok(json!({ "type": kind.name(), "value": value }))
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

/// The contract's message for a key that is already certified.
const KEY_IN_USE: &str = "Private key has already been used for a certificate";

/// Adds what to do about a refusal, where the contract's message does not say it.
pub(crate) fn advised(error: anyhow::Error) -> anyhow::Error {
    if error.chain().any(|cause| cause.to_string().contains(KEY_IN_USE)) {
        return error.context(
            "the key is certified already: make a new key and a CSR with it, renew that certificate with `chancery renew`, or \
             take the key once more for the same common name with --force",
        );
    }
    error
}

/// Puts a CSR in PEM into a request.
pub(crate) fn with_csr(request: &mut Map<String, Value>, pem: &str) {
    request.insert("base64_csr_data".to_owned(), json!(BASE64_STANDARD.encode(pem)));
}

/// Decodes a PEM text of an answer.
pub(crate) fn pem(answer: &Value, field: &str) -> Result<String> {
    let encoded = text(answer, field);
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
pub(crate) fn told(answer: &Value) {
    let field = |name: &str| text(answer, name).to_owned();
    show::facts([
        ("Common name", field("/CertificateInfo/CommonName")),
        ("Subject", field("/Subject")),
        ("Serial number", field("/CertificateInfo/SerialNumber")),
        ("Issued", field("/CertificateInfo/Issued")),
        ("Expires", field("/CertificateInfo/Expires")),
    ]);
    notes(answer).for_each(|note| println!("Note: {}", show::visible(note)));
}

/// Warnings: what of the request is not in the certificate.
pub(crate) fn notes(answer: &Value) -> impl Iterator<Item = &str> {
    answer["Warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
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
