//! Further certificates of CAs: renewed for the same key, and cross-certificates.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_authority::authority::Ca;
use chancery_authority::config::NameConstraintsFile;
use chancery_authority::hierarchy::{CrossNames, CrossSignRequest};
use chancery_authority::port::ledger::{CertificateRecord, Kind, Search};
use chancery_x509::certificate::Certificate;
use serde_json::{Value, json};

use super::{OpenAuthority, changed, named};
use crate::arguments::{Arguments, CrossSignArguments};
use crate::command::output_file;
use crate::local_authority::LocalAuthority;
use crate::{backend, bounded, interrupt, show};

/// Most certificates of a CA that are shown.
const SHOWN: usize = 100;

/// Renews a CA's certificate for the same key.
pub(super) fn renew(arguments: &Arguments, name: &str) -> Result<ExitCode> {
    let local = backend::local(arguments, "ca")?;
    let ca = named(&local, name)?;
    make_signer_ready(&local, &ca)?;
    interrupt::finish_what_is_begun();
    let principal = backend::user();
    let renewed = local
        .runtime
        .block_on(local.authority.renew_ca(ca.name(), &principal))?;
    let published = local.runtime.block_on(async {
        for (name, outcome) in local.authority.publish_certificate(renewed.name()).await {
            outcome.with_context(|| format!("{name} could not be published"))?;
        }
        anyhow::Ok(())
    });
    if let Err(error) = published {
        // The certificate is recorded and in use: the next start publishes it.
        eprintln!("warning: the certificate is renewed, but {error:#}; `chancery start` publishes it");
    }
    changed(arguments, &local, renewed.name(), || {
        let until = show::short_time(&renewed.certificate().not_after().to_string());
        format!(
            "The certificate of {} is renewed for the same key, and ends on {until}. The former one ends on {}, and verifies until then.{}",
            renewed.name(),
            show::short_time(&ca.certificate().not_after().to_string()),
            if ca.record.parent.is_none() {
                " Give the new one to those who trust this root, before the former one ends."
            } else {
                ""
            }
        )
    })
}

/// The key that will sign: that of the CA above, or a root's own.
fn make_signer_ready(local: &LocalAuthority, ca: &Ca) -> Result<()> {
    let above = ca.record.parent.as_ref().and_then(|parent| local.authority.ca(parent));
    local.make_key_ready(above.as_deref().unwrap_or(ca))
}

/// Makes a cross-certificate.
pub(super) fn cross_sign(arguments: &Arguments, cross: &CrossSignArguments) -> Result<ExitCode> {
    if let Some(out) = &cross.out {
        output_file::check_place(out)?;
        if out.symlink_metadata().is_ok() {
            bail!("{} exists already; take another place", out.display());
        }
    }
    let local = backend::local(arguments, "ca")?;
    let issuer = named(&local, &cross.issuer)?;
    let certificate = only_certificate(&cross.certificate)?;
    let request = CrossSignRequest {
        certificate,
        days: cross.days,
        path_len: cross.path_len,
        names: names(cross)?,
    };
    local.make_key_ready(&issuer)?;
    interrupt::finish_what_is_begun();
    let principal = backend::user();
    let made = local
        .runtime
        .block_on(local.authority.cross_sign(issuer.name(), &request, &principal))?;
    let certificate = Certificate::parse(&made.record.certificate)?;
    let pem = certificate.to_pem();
    if let Some(out) = &cross.out {
        // The ledger has it, whatever becomes of the file.
        output_file::write(out, pem.as_bytes(), false, false).with_context(|| {
            format!(
                "the cross-certificate {} is made; `chancery show {0}` shows it",
                made.record.id.serial
            )
        })?;
    }
    if arguments.json {
        let mut answer = described(&made.record, false);
        answer["left_out"] = json!(made.left_out);
        answer["certificate"] = json!(pem);
        show::json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    for oid in &made.left_out {
        eprintln!("note: the extension {oid} of the certificate was left out, or is another one here");
    }
    match &cross.out {
        None => print!("{pem}"),
        Some(out) => {
            println!(
                "{} certifies {}: serial number {}, until {}, in {}.",
                issuer.name(),
                certificate.subject().to_rfc4514(),
                certificate.serial(),
                show::short_time(&certificate.not_after().to_string()),
                out.display()
            );
            println!(
                "Servers send it after the certificates of that CA's, to peers who trust {}.",
                issuer.name()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The certificate of a file that holds no other: which of several is meant cannot be known.
fn only_certificate(file: &Path) -> Result<Certificate> {
    let octets = bounded::read(file, bounded::CERTIFICATES)?;
    let mut found = Certificate::parse_all(&octets).with_context(|| format!("{} is no certificate", file.display()))?;
    match (found.pop(), found.len()) {
        (Some(certificate), 0) => Ok(certificate),
        (None, _) => bail!("{} holds no certificate", file.display()),
        (Some(_), others) => bail!(
            "{} holds {} certificates: put the one that is to be cross-signed into a file of its own",
            file.display(),
            others + 1
        ),
    }
}

fn names(cross: &CrossSignArguments) -> Result<CrossNames> {
    if cross.any_name {
        return Ok(CrossNames::Any);
    }
    if cross.permit.is_empty() && cross.exclude.is_empty() {
        return Ok(CrossNames::Own);
    }
    let file = NameConstraintsFile {
        permitted: cross.permit.clone(),
        excluded: cross.exclude.clone(),
    };
    let constraints = file.parse().context("--permit or --exclude")?;
    Ok(CrossNames::Constrained(constraints))
}

/// All certificates for a CA's key that have not ended, the present one among them.
pub(super) fn of_key(opened: &impl OpenAuthority, ca: &Ca) -> Result<Vec<Value>> {
    let authority = opened.authority();
    let query = Search {
        key: Some(ca.issuer.public_key().fingerprint()),
        expires_from: Some(authority.ports().clock.now()),
        ..Search::default()
    };
    let page = opened.runtime().block_on(authority.search(&query, None, SHOWN))?;
    let of_ca = page.certificates.iter().filter(|record| record.kind.is_ca());
    Ok(of_ca
        .map(|record| described(record, record.certificate == ca.certificate().as_der()))
        .collect())
}

fn described(record: &CertificateRecord, is_present: bool) -> Value {
    json!({
        "serial_number": record.id.serial.to_string(),
        "issuer": record.id.issuer.as_str(),
        "kind": match record.kind {
            Kind::CrossCertificate => "cross_certificate",
            Kind::Ca { .. } | Kind::Leaf => "authority",
        },
        "present": is_present,
        "not_before": record.not_before.to_string(),
        "not_after": record.not_after.to_string(),
        "revoked": record.revocation.is_some(),
    })
}
