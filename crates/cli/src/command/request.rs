//! `chancery request`: key, CSR, certificate and chain in one step.

#[cfg(feature = "aws")]
mod kms;
mod names;
mod pending;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_api::issue::{AltNames, IssueAnswer, IssueRequest};
use chancery_authority::port::KeyName;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm, TokenClientKey};
use chancery_local::keys::passphrase::{Passphrase, PassphraseSource};
use chancery_local::keys::token::{Token, TokenConfig};
use chancery_x509::csr::{CertificationRequest, CsrBudget};
use chancery_x509::key::KeyKind;
use chancery_x509::name::{Name, Subject};
use zeroize::Zeroizing;

use super::pkcs12::{self, Protection};
use super::{issue_answer, issue_request, output_file};
use crate::arguments::{Arguments, KeyChoice, RequestArguments};
use crate::backend::{self, BackendRefusal};
use crate::{bounded, local_authority, show};
use pending::Pending;

/// A generated key, and where it is.
enum NewKey {
    Here(ClientKey),
    OnToken,
    /// Sealed by KMS, without a plaintext copy.
    #[cfg(feature = "aws")]
    Sealed(Vec<u8>),
}

/// A CSR (DER) that can be sent: what is needed to deliver its certificate is on disk.
struct Ready {
    csr: Vec<u8>,
    /// Its key, where a PKCS #12 file can be made of it.
    key: Option<ClientKey>,
}

/// Generates and writes the key, requests the certificate, and writes that. A refused request leaves nothing behind
/// except, on a token, its key; an interrupted one continues with the same command.
pub(crate) fn run(arguments: &Arguments, request: &RequestArguments) -> Result<ExitCode> {
    let files = ["cert.pem", "chain.pem", pkcs12::FILE, pending::KEY, pending::SEALED_KEY];
    let files = files.map(|name| request.out.join(name));
    let mut pending = Pending::inspect(&request.out, &files, request.overwrite)?;
    let mut body = body(request)?;
    if request.pkcs12.is_some() && request.key_module.is_some() {
        bail!("a key in a token cannot be written to a PKCS #12 file: leave --pkcs12 out");
    }
    let is_repeated = pending.interrupted(request.key_module.is_some())?.is_some();
    // Secrets are asked for before anything is generated.
    let question = if is_repeated {
        ("Passphrase of the key that was made before", false)
    } else {
        ("Passphrase for the new key", true)
    };
    let seal = request.seal_key.then(|| local_authority::ask(question)).transpose()?;
    let password = request.pkcs12.as_deref().map(pkcs12::password).transpose()?;

    let backend = backend::open(arguments)?;
    let progress = show::Progress::start("Making the key");
    let ready = ready(arguments, request, &mut pending, seal.as_ref()).inspect_err(|_| pending.discard())?;
    progress.say("Asking for the certificate");
    body.base64_csr_data = Some(issue_request::csr(&chancery_x509::pem::encode(
        "CERTIFICATE REQUEST",
        &ready.csr,
    )));
    let token = token(request, &ready)?;
    let answer = backend
        .issue(&body, Some(&token))
        .map_err(|error| unanswered(error, &pending, is_repeated))?;
    drop(progress);

    let [cert_file, chain_file, p12_file, ..] = &files;
    let certificate = issue_answer::certificate(&answer)?;
    let chain = issue_answer::chain(&answer)?;
    // First: if the next run finds it beside the CSR, only the rest is left to do.
    output_file::write(cert_file, certificate.as_bytes(), false, pending.overwrites())?;
    output_file::write(chain_file, chain.as_bytes(), false, pending.overwrites())?;
    pending.deliver_key()?;
    if let (Some(key), Some(password)) = (&ready.key, &password) {
        let protection = if request.pkcs12_legacy {
            Protection::Legacy
        } else {
            Protection::Strong
        };
        let octets = pkcs12::encode(key, &certificate, &chain, &request.names[0], password, protection)?;
        output_file::write(p12_file, &octets, true, pending.overwrites())?;
    }
    pending.end()?;
    print_answer(arguments, request, &answer)?;
    Ok(ExitCode::SUCCESS)
}

/// Key and CSR on disk: those of the same request, if it was interrupted, else new ones.
fn ready(
    arguments: &Arguments,
    request: &RequestArguments,
    pending: &mut Pending,
    seal: Option<&Passphrase>,
) -> Result<Ready> {
    let subject = subject(request)?;
    if let Some(csr) = pending.interrupted(request.key_module.is_some())? {
        let is_same = *csr.subject() == subject && is_of(request.key, csr.public_key().kind());
        if !is_same {
            bail!(pending.is_of_another());
        }
        let csr_der = csr.as_der().to_vec();
        let in_folder = request.key_module.is_none() && !request.kms_sealed;
        let key = in_folder.then(|| read_key(pending, csr, seal)).transpose()?;
        return Ok(Ready { csr: csr_der, key });
    }
    let (made, csr) = make(arguments, request, &subject)?;
    let key = match made {
        NewKey::Here(key) => {
            let pem = match seal {
                Some(passphrase) => Zeroizing::new(key.to_sealed_pem(passphrase)?),
                None => key.to_pem()?,
            };
            pending.keep(&csr, Some((pending::KEY, pem.as_bytes())))?;
            Some(key)
        }
        NewKey::OnToken => {
            pending.keep(&csr, None)?;
            None
        }
        #[cfg(feature = "aws")]
        NewKey::Sealed(sealed) => {
            pending.keep(&csr, Some((pending::SEALED_KEY, &sealed)))?;
            None
        }
    };
    Ok(Ready { csr, key })
}

/// The key that matches the CSR.
fn read_key(pending: &Pending, csr: &CertificationRequest, seal: Option<&Passphrase>) -> Result<ClientKey> {
    let file = pending.key_file();
    let pem = bounded::text(&file, bounded::TEXT)?;
    let key =
        ClientKey::from_pem(pem.as_bytes(), seal).with_context(|| format!("{} cannot be used", file.display()))?;
    if key.public_key() != csr.public_key() {
        bail!(pending.is_of_another());
    }
    Ok(key)
}

/// A repeated request, after a lost answer, gets the certificate of the first.
fn token(request: &RequestArguments, ready: &Ready) -> Result<String> {
    if let Some(given) = &request.certificate.idempotency_token {
        return Ok(given.clone());
    }
    let csr = CertificationRequest::parse(&ready.csr, &CsrBudget::default())?;
    Ok(format!("request for {}", csr.public_key().fingerprint()))
}

/// Discards the key only where it is certain that no certificate was issued.
fn unanswered(error: anyhow::Error, pending: &Pending, is_repeated: bool) -> anyhow::Error {
    let refused = error.downcast_ref::<BackendRefusal>();
    let is_refused = refused.is_some_and(|refused| refused.nothing_was_done);
    let error = issue_request::advised(error);
    match (is_refused, is_repeated) {
        (true, false) => {
            pending.discard();
            error
        }
        (true, true) => error.context(pending.is_of_another()),
        (false, _) => error.context(
            "whether there is a certificate is not known; the key is kept, and the same command once more goes on with it",
        ),
    }
}

fn print_answer(arguments: &Arguments, request: &RequestArguments, answer: &IssueAnswer) -> Result<()> {
    if arguments.json {
        return issue_answer::json(answer);
    }
    issue_answer::print_issued(answer);
    if let Some(profile) = names::default_profile(request)? {
        println!("Profile {profile}: {}", names::profile_hint(profile));
    }
    let key = if request.key_module.is_some() {
        "the key is in the token"
    } else if request.kms_sealed {
        "key.kms (aws kms decrypt opens it, with --encryption-context common_name=NAME)"
    } else {
        "key.pem"
    };
    let identity = if request.pkcs12.is_some() { "identity.p12, " } else { "" };
    println!(
        "\nIn {}: cert.pem, chain.pem (issuing CA, root), {identity}{key}.",
        request.out.display()
    );
    Ok(())
}

/// The request without its CSR.
fn body(request: &RequestArguments) -> Result<IssueRequest> {
    let mut body = issue_request::request(&request.certificate)?;
    let first = &request.names[0];
    if request.no_common_name {
        body.no_common_name = Some(true);
    } else if first.chars().count() > COMMON_NAME_LIMIT {
        bail!(
            "{first:?} is too long for a common name, which has at most {COMMON_NAME_LIMIT} characters; leave that out \
             with --no-common-name, and the name is an alternative name alone"
        );
    } else {
        body.common_name = Some(first.clone());
    }
    if let Some(profile) = names::default_profile(request)? {
        body.profile = Some(profile.to_owned());
    }
    let mut sans = names::alt_names(request)?;
    if let Some(AltNames::List(given)) = body.sans.take() {
        sans.extend(given.into_iter().filter(|san| !sans.contains(san)).collect::<Vec<_>>());
    }
    if !sans.is_empty() {
        body.sans = Some(AltNames::List(sans));
    }
    Ok(body)
}

/// Most characters of a common name (RFC 5280 appendix A.1).
const COMMON_NAME_LIMIT: usize = 64;

/// The subject of the CSR.
fn subject(request: &RequestArguments) -> Result<Name> {
    let subject = Subject {
        common_name: (!request.no_common_name).then(|| request.names[0].clone()),
        ..Subject::default()
    };
    Ok(subject.to_name()?)
}

/// Generates the key, here or in a token, and a CSR (DER) signed with it.
fn make(arguments: &Arguments, request: &RequestArguments, subject: &Name) -> Result<(NewKey, Vec<u8>)> {
    if let (Some(module), Some(token)) = (&request.key_module, &request.key_token) {
        let pin = match request.key_pin.as_deref() {
            Some(file) if file.as_os_str() != "-" => PassphraseSource::File(file.to_owned()),
            _ => PassphraseSource::Given(local_authority::ask(("PIN of the token", false))?),
        };
        let algorithm = algorithm(request.key)
            .try_into()
            .map_err(|_| anyhow::anyhow!("tokens make RSA, P-256, P-384 and P-521 keys"))?;
        let token = Token::start(TokenConfig {
            module: module.clone(),
            token: token.clone(),
            pin,
            sessions: 1,
        })?;
        let key = chancery_local::block_on(TokenClientKey::create(
            &token,
            &KeyName(request.names[0].clone()),
            algorithm,
        ))?;
        let csr = chancery_local::block_on(key.request(subject, &[]))?;
        return Ok((NewKey::OnToken, csr));
    }
    if let Some(under) = &request.key_kms {
        return make_in_kms(arguments, request, subject, under);
    }
    let key = ClientKey::generate(algorithm(request.key))?;
    let csr = key.request(subject, &[])?;
    Ok((NewKey::Here(key), csr))
}

#[cfg(feature = "aws")]
fn make_in_kms(
    arguments: &Arguments,
    request: &RequestArguments,
    subject: &Name,
    under: &str,
) -> Result<(NewKey, Vec<u8>)> {
    if !arguments.aws.aws {
        bail!("--key-kms is for a deployment on AWS: give --aws, --project and --env, too");
    }
    let common_name = subject.attributes().common_name.unwrap_or_default();
    let generated = kms::generate(arguments, algorithm(request.key), under, &common_name)?;
    let csr = generated.key.request(subject, &[])?;
    let made = if request.kms_sealed {
        NewKey::Sealed(generated.sealed)
    } else {
        NewKey::Here(generated.key)
    };
    Ok((made, csr))
}

#[cfg(not(feature = "aws"))]
fn make_in_kms(_: &Arguments, _: &RequestArguments, _: &Name, _: &str) -> Result<(NewKey, Vec<u8>)> {
    Err(backend::without_aws())
}

fn algorithm(choice: KeyChoice) -> ClientKeyAlgorithm {
    match choice {
        KeyChoice::P256 => ClientKeyAlgorithm::P256,
        KeyChoice::P384 => ClientKeyAlgorithm::P384,
        KeyChoice::P521 => ClientKeyAlgorithm::P521,
        KeyChoice::Ed25519 => ClientKeyAlgorithm::Ed25519,
        KeyChoice::Rsa2048 => ClientKeyAlgorithm::Rsa2048,
        KeyChoice::Rsa3072 => ClientKeyAlgorithm::Rsa3072,
        KeyChoice::Rsa4096 => ClientKeyAlgorithm::Rsa4096,
        KeyChoice::MlDsa44 => ClientKeyAlgorithm::MlDsa44,
        KeyChoice::MlDsa65 => ClientKeyAlgorithm::MlDsa65,
        KeyChoice::MlDsa87 => ClientKeyAlgorithm::MlDsa87,
    }
}

/// Whether a key is of the chosen kind.
fn is_of(choice: KeyChoice, kind: KeyKind) -> bool {
    match kind {
        KeyKind::P256 => matches!(choice, KeyChoice::P256),
        KeyKind::P384 => matches!(choice, KeyChoice::P384),
        KeyKind::P521 => matches!(choice, KeyChoice::P521),
        KeyKind::Ed25519 => matches!(choice, KeyChoice::Ed25519),
        KeyKind::Rsa { bits: 2048 } => matches!(choice, KeyChoice::Rsa2048),
        KeyKind::Rsa { bits: 3072 } => matches!(choice, KeyChoice::Rsa3072),
        KeyKind::Rsa { bits: 4096 } => matches!(choice, KeyChoice::Rsa4096),
        KeyKind::Rsa { .. } => false,
        KeyKind::MlDsa44 => matches!(choice, KeyChoice::MlDsa44),
        KeyKind::MlDsa65 => matches!(choice, KeyChoice::MlDsa65),
        KeyKind::MlDsa87 => matches!(choice, KeyChoice::MlDsa87),
    }
}
