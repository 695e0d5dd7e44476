//! What is done with the answer to a request of a certificate: its certificates as files, and what is printed.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_api::issue::{CertificateInfo, IssueAnswer};

use crate::show;

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
    let utc = |time: String| if time.is_empty() { time } else { time + " UTC" };
    show::facts([
        ("Common name", field(|info| &info.common_name)),
        ("Subject", answer.subject.clone().unwrap_or_default()),
        ("Serial number", field(|info| &info.serial_number)),
        // The contract calls notBefore so, which is a few minutes before the issuance.
        ("Not before", utc(field(|info| &info.issued))),
        ("Not after", utc(field(|info| &info.expires))),
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
