//! `chancery issue`: issues a certificate for a CSR that was made elsewhere.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_x509::csr::{CertificationRequest, CsrBudget};

use super::{issue_answer, issue_request, output_file};
use crate::arguments::{Arguments, IssueArguments};
use crate::{backend, bounded, show};

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, issue: &IssueArguments) -> Result<ExitCode> {
    let octets = if issue.csr.as_os_str() == "-" {
        bounded::standard_input(bounded::TEXT)?
    } else {
        bounded::read(&issue.csr, bounded::TEXT)?
    };
    // Parsed here for the common name, and to reject a bad CSR without contacting the authority.
    let csr = CertificationRequest::parse(&octets, &CsrBudget::default())
        .with_context(|| format!("{} cannot be used", issue.csr.display()))?;
    let mut request = issue_request::request(&issue.certificate)?;
    match &issue.common_name {
        _ if issue.no_common_name => request.no_common_name = Some(true),
        Some(given) => request.common_name = Some(given.clone()),
        // Without a profile the contract requires it in the request; a profile takes all common names from the CSR.
        None if issue.certificate.profile.is_none() => {
            request.common_name = Some(common_name(&csr)?);
        }
        None => {}
    }
    request.sans_from_csr = issue.san_from_csr.then_some(true);
    request.cert_bundle = Some(issue.bundle);
    request.base64_csr_data = Some(issue_request::csr(&chancery_x509::pem::encode(
        "CERTIFICATE REQUEST",
        csr.as_der(),
    )));

    if let Some(file) = &issue.out {
        output_file::check_place(file)?;
    }
    let answer = backend::open(arguments)?
        .issue(&request, issue.certificate.idempotency_token.as_deref())
        .map_err(issue_request::advised)?;
    let pem = issue_answer::certificate(&answer)?;
    if issue.certificate.profile.is_none()
        && issue.certificate.purposes.is_empty()
        && issue.certificate.extended_key_usages.is_empty()
    {
        eprintln!(
            "Note: without --profile and --purpose it is for TLS clients alone; --profile tls-server makes one for a server."
        );
    }
    match &issue.out {
        Some(file) => {
            // The certificate is issued: where it cannot be written, print it so that it is not lost.
            output_file::write(file, pem.as_bytes(), false, true).inspect_err(|_| print!("{pem}"))?;
            if arguments.json {
                issue_answer::json(&answer)?;
            } else {
                issue_answer::print_issued(&answer);
                println!("\nThe certificate is in {}.", file.display());
            }
        }
        None if arguments.json => issue_answer::json(&answer)?,
        None => {
            print!("{pem}");
            issue_answer::notes(&answer).for_each(|note| eprintln!("Note: {}", show::visible(note)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The CSR's first common name.
fn common_name(csr: &CertificationRequest) -> Result<String> {
    match csr.subject().common_names().next() {
        Some(Some(name)) if !name.trim().is_empty() => Ok(name.into_owned()),
        Some(None) => bail!(
            "CN (common_name) of the CSR cannot be read: its octets are not those of its string type; give one with \
             --common-name, or ask for a certificate without by --no-common-name"
        ),
        _ => bail!(
            "the CSR has no common name: give one with --common-name, or ask for a certificate without by \
             --no-common-name"
        ),
    }
}
