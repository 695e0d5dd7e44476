//! The request of a certificate, from the command line.

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_api::issue::{AltNames, IssueRequest, ListedAltName, TypedAltName};
use chancery_api::problem::ErrorCode;
use chancery_contract::purpose_named;
use chancery_x509::san::AltNameType;

use crate::arguments::CertificateArguments;
use crate::backend::BackendRefusal;

/// The request, without its CSR and common name.
pub(crate) fn request(arguments: &CertificateArguments) -> Result<IssueRequest> {
    // The contract ignores unknown purposes; on a command line they are mistakes, better reported at once.
    if let Some(slip) = arguments
        .purposes
        .iter()
        .find(|purpose| purpose_named(purpose).is_none())
    {
        bail!("--purpose takes server_auth or client_auth, not {slip:?}; other usages go with --eku");
    }
    let sans = arguments
        .sans
        .iter()
        .map(|san| alt_name(san, &format!("--san {san:?}")))
        .collect::<Result<Vec<_>>>()?;
    let listed = |texts: &Vec<String>| (!texts.is_empty()).then(|| texts.clone());
    Ok(IssueRequest {
        organization: arguments.organization.clone(),
        organizational_unit: arguments.organizational_unit.clone(),
        country: arguments.country.clone(),
        state: arguments.state.clone(),
        locality: arguments.locality.clone(),
        email_address: arguments.email.clone(),
        profile: arguments.profile.clone(),
        lifetime: arguments.days,
        purposes: listed(&arguments.purposes),
        extended_key_usages: listed(&arguments.extended_key_usages),
        sans: (!sans.is_empty()).then_some(AltNames::List(sans)),
        // Without the option, the authority decides.
        notify_expiry: arguments.notify_expiry,
        notify_issued: arguments.notify_issued,
        force_issue: arguments.force.then_some(true),
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
