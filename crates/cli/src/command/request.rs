//! `chancery request`: key, CSR, certificate, chain, in one go.

#[cfg(feature = "aws")]
mod kms;
mod names;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_authority::port::KeyName;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm, TokenClientKey};
use chancery_local::keys::passphrase::PassphraseSource;
use chancery_local::keys::token::{Token, TokenConfig};
use chancery_x509::name::{Name, Subject};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::pkcs12::{self, Protection};
use super::wanted;
use crate::arguments::{Arguments, KeyChoice, RequestArguments};
use crate::{desk, house, show};

/// A key that was made, wherever it is.
enum Made {
    Here(ClientKey),
    OnToken,
    /// As KMS sealed it, and nowhere else.
    #[cfg(feature = "aws")]
    Sealed(Vec<u8>),
}

/// Makes the key, asks for the certificate, writes both. A refused request leaves nothing behind but, on a token, its key.
pub(crate) fn run(arguments: &Arguments, request: &RequestArguments) -> Result<ExitCode> {
    let files = ["key.pem", "cert.pem", "chain.pem", "identity.p12", "key.kms"].map(|name| request.out.join(name));
    if let Some(taken) = files.iter().find(|file| file.exists()).filter(|_| !request.overwrite) {
        bail!(
            "{} exists already; take another folder, or --overwrite",
            taken.display()
        );
    }
    let common_name = &request.names[0];
    let body = body(request)?;
    // Secrets are asked for before anything is made.
    let seal = request
        .seal_key
        .then(|| house::ask(("Passphrase for the new key", true)))
        .transpose()?;
    let password = request.pkcs12.as_deref().map(pkcs12::password).transpose()?;
    if request.pkcs12.is_some() && request.key_module.is_some() {
        bail!("a key in a token cannot be written to a PKCS #12 file: leave --pkcs12 out");
    }

    let desk = desk::open(arguments)?;
    let progress = show::Progress::start("Making the key");
    let (made, csr) = make(arguments, request, common_name)?;
    progress.say("Asking for the certificate");
    let mut body = body;
    wanted::with_csr(&mut body, &chancery_x509::pem::encode("CERTIFICATE REQUEST", &csr));
    let answer = desk
        .issue(&Value::Object(body), request.wanted.idempotency_token.as_deref())
        .map_err(wanted::advised)?;
    drop(progress);

    std::fs::create_dir_all(&request.out)
        .with_context(|| format!("cannot make the folder {}", request.out.display()))?;
    let [key_file, cert_file, chain_file, p12_file, _] = &files;
    let certificate = wanted::pem(&answer, "/Base64Certificate")?;
    let chain = wanted::pem(&answer, "/Base64CaChain")?;
    #[cfg(feature = "aws")]
    if let Made::Sealed(sealed) = &made {
        wanted::write(&files[4], sealed, true, request.overwrite)?;
    }
    if let Made::Here(key) = &made {
        let pem = match &seal {
            Some(passphrase) => Zeroizing::new(key.to_sealed_pem(passphrase)?),
            None => key.to_pem()?,
        };
        wanted::write(key_file, pem.as_bytes(), true, request.overwrite)?;
        if let Some(password) = &password {
            let protection = if request.pkcs12_legacy {
                Protection::Legacy
            } else {
                Protection::Strong
            };
            let octets = pkcs12::encode(key, &certificate, &chain, common_name, password, protection)?;
            wanted::write(p12_file, &octets, true, request.overwrite)?;
        }
    }
    wanted::write(cert_file, certificate.as_bytes(), false, request.overwrite)?;
    wanted::write(chain_file, chain.as_bytes(), false, request.overwrite)?;
    told(arguments, request, &answer)?;
    Ok(ExitCode::SUCCESS)
}

fn told(arguments: &Arguments, request: &RequestArguments, answer: &Value) -> Result<()> {
    if arguments.json {
        return show::json(answer);
    }
    wanted::told(answer);
    if let Some(profile) = names::default_profile(request)? {
        println!("Profile {profile}: {}", names::why(profile));
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
fn body(request: &RequestArguments) -> Result<serde_json::Map<String, Value>> {
    let mut body = wanted::request(&request.wanted)?;
    let first = &request.names[0];
    if request.no_common_name {
        body.insert("no_common_name".to_owned(), json!(true));
    } else if first.chars().count() > COMMON_NAME_LIMIT {
        bail!(
            "{first:?} is too long for a common name, which has at most {COMMON_NAME_LIMIT} characters; leave that out \
             with --no-common-name, and the name is an alternative name alone"
        );
    } else {
        body.insert("common_name".to_owned(), json!(first));
    }
    if let Some(profile) = names::default_profile(request)? {
        body.insert("profile".to_owned(), json!(profile));
    }
    let mut sans = names::alt_names(request)?;
    if let Some(Value::Array(given)) = body.remove("sans") {
        sans.extend(given.into_iter().filter(|san| !sans.contains(san)).collect::<Vec<_>>());
    }
    if !sans.is_empty() {
        body.insert("sans".to_owned(), Value::Array(sans));
    }
    Ok(body)
}

/// Characters of a common name at most (RFC 5280 appendix A.1).
const COMMON_NAME_LIMIT: usize = 64;

/// The key, here or in a token, and a CSR (DER) signed with it.
fn make(arguments: &Arguments, request: &RequestArguments, common_name: &str) -> Result<(Made, Vec<u8>)> {
    let subject = Subject {
        common_name: (!request.no_common_name).then(|| common_name.to_owned()),
        ..Subject::default()
    }
    .to_name()?;
    if let (Some(module), Some(token)) = (&request.key_module, &request.key_token) {
        let pin = match request.key_pin.as_deref() {
            Some(file) if file.as_os_str() != "-" => PassphraseSource::File(file.to_owned()),
            _ => PassphraseSource::Given(house::ask(("PIN of the token", false))?),
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
        let key = chancery_local::wait(TokenClientKey::create(
            &token,
            &KeyName(common_name.to_owned()),
            algorithm,
        ))?;
        let csr = chancery_local::wait(key.request(&subject, &[]))?;
        return Ok((Made::OnToken, csr));
    }
    if let Some(under) = &request.key_kms {
        return make_in_kms(arguments, request, &subject, under);
    }
    let key = ClientKey::generate(algorithm(request.key))?;
    let csr = key.request(&subject, &[])?;
    Ok((Made::Here(key), csr))
}

#[cfg(feature = "aws")]
fn make_in_kms(
    arguments: &Arguments,
    request: &RequestArguments,
    subject: &Name,
    under: &str,
) -> Result<(Made, Vec<u8>)> {
    if !arguments.aws.aws {
        bail!("--key-kms is for a deployment on AWS: give --aws, --project and --env, too");
    }
    let common_name = subject.attributes().common_name.unwrap_or_default();
    let generated = kms::generate(arguments, algorithm(request.key), under, &common_name)?;
    let csr = generated.key.request(subject, &[])?;
    let made = if request.kms_sealed {
        Made::Sealed(generated.sealed)
    } else {
        Made::Here(generated.key)
    };
    Ok((made, csr))
}

#[cfg(not(feature = "aws"))]
fn make_in_kms(_: &Arguments, _: &RequestArguments, _: &Name, _: &str) -> Result<(Made, Vec<u8>)> {
    Err(desk::without_aws())
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
