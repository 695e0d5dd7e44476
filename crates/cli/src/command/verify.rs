//! `chancery verify`: verifies a certificate against its chain and CRLs, with webpki.

mod crls;
mod path;

use std::cell::RefCell;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_x509::certificate::Certificate;
use chancery_x509::san::AltName;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use serde_json::json;
use webpki::{
    EndEntityCert, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
    anchor_from_trusted_cert,
};

use super::{input, issue_request};
use crate::arguments::{Arguments, PurposeChoice, VerifyArguments};
use crate::{local_authority, show};
use crls::Lists;

/// Reports whether the certificate verifies; so does the exit code.
pub(crate) fn run(arguments: &Arguments, verify: &VerifyArguments) -> Result<ExitCode> {
    let leaf = input::certificate(&verify.certificate)?;
    let mut chain = Vec::new();
    for file in &verify.chain {
        chain.extend(input::certificates(file)?);
    }
    let mut crls = Vec::new();
    for file in &verify.crl {
        crls.extend(input::crls(file)?);
    }
    let name = verify.name.as_deref().map(parsed_name).transpose()?;
    let trust = trust(arguments, verify, &chain)?;
    let asked_for_crls = !crls.is_empty();
    let now = chancery_x509::time::UnixTime(jiff::Timestamp::now().as_second());
    let lists = Lists::new(crls, now);
    let verdict = judge(&Verification {
        leaf: &leaf,
        chain: &chain,
        lists: asked_for_crls.then_some(&lists),
        trust: &trust,
        name: name.as_ref(),
        purpose: verify.purpose,
        now,
    });
    let root = verdict.as_ref().ok();
    if arguments.json {
        let root = root.map(
            |root| json!({ "subject": root.subject().to_rfc4514(), "sha256": fingerprint(root), "from": trust.source }),
        );
        show::json(&match &verdict {
            Ok(_) => json!({ "verified": true, "root": root, "notes": lists.left_out }),
            Err(reason) => {
                json!({ "verified": false, "reason": reason, "trusted": trust.source, "notes": lists.left_out })
            }
        })?;
    } else {
        match &verdict {
            Ok(_) if !asked_for_crls => println!("Verified. Revocation was not checked: give CRLs with --crl."),
            Ok(_) => println!("Verified, and not revoked."),
            Err(reason) => println!(
                "Not verified: {}. Trusted was the root {}.",
                show::visible(reason),
                trust.source
            ),
        }
        for note in &lists.left_out {
            println!("Note: {}.", show::visible(note));
        }
        if let Some(root) = root {
            println!(
                "Root: {}, SHA-256 {}, {}.",
                show::visible(&root.subject().to_rfc4514()),
                fingerprint(root),
                trust.source
            );
        }
    }
    Ok(if verdict.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Roots, and their source.
struct Trust {
    roots: Vec<Certificate>,
    source: String,
}

/// The given roots; else those of the local or selected authority; else the self-signed CAs of the chain, which only
/// proves that the files belong together.
fn trust(arguments: &Arguments, verify: &VerifyArguments, chain: &[Certificate]) -> Result<Trust> {
    if !verify.root.is_empty() {
        let mut roots = Vec::new();
        for file in &verify.root {
            for root in input::certificates(file)? {
                root.check_trust_anchor()
                    .with_context(|| format!("{} cannot be trusted as a root", file.display()))?;
                roots.push(root);
            }
        }
        let source = "given with --root".to_owned();
        return Ok(Trust { roots, source });
    }
    if let Some((roots, source)) = known_roots(arguments)? {
        return Ok(Trust { roots, source });
    }
    let roots: Vec<Certificate> = chain
        .iter()
        .filter(|certificate| certificate.check_trust_anchor().is_ok())
        .cloned()
        .collect();
    if roots.is_empty() {
        bail!(
            "there is no root to trust: give one with --root FILE, name an authority with --dir, or put the self-signed CA \
             certificate into --chain"
        );
    }
    Ok(Trust {
        roots,
        source: "as --chain has it: whoever wrote that file chose it; --root names one of yours".to_owned(),
    })
}

/// The roots of the authority that the arguments or the environment select, or of the one in the default folder.
fn known_roots(arguments: &Arguments) -> Result<Option<(Vec<Certificate>, String)>> {
    if arguments.aws.aws {
        return on_aws(arguments).map(Some);
    }
    if arguments.url.is_some() {
        let Some(file) = &arguments.ca else { return Ok(None) };
        let mut roots = input::certificates(file)?;
        roots.retain(|root| root.check_trust_anchor().is_ok());
        let source = format!("from {}", file.display());
        return Ok((!roots.is_empty()).then_some((roots, source)));
    }
    let Some(path) = local_authority::path_if_there(arguments) else {
        return Ok(None);
    };
    let context = || {
        format!(
            "the root of the authority in {} cannot be read; give the root to trust with --root FILE",
            path.display()
        )
    };
    let roots = local_authority::roots(&path).with_context(context)?;
    if roots.is_empty() {
        return Ok(None);
    }
    Ok(Some((roots, format!("of the authority in {}", path.display()))))
}

#[cfg(feature = "aws")]
fn on_aws(arguments: &Arguments) -> Result<(Vec<Certificate>, String)> {
    let deployed = crate::deployment::Deployed::open(arguments)?;
    let opened = deployed.authority()?;
    let cas = opened.authority.cas();
    let roots = cas.iter().filter(|ca| ca.record.parent.is_none());
    let roots = roots.map(|ca| ca.certificate().clone()).collect();
    let source = format!("of the deployment {}-{}", arguments.aws.project, arguments.aws.env);
    Ok((roots, source))
}

#[cfg(not(feature = "aws"))]
fn on_aws(_: &Arguments) -> Result<(Vec<Certificate>, String)> {
    Err(crate::backend::without_aws())
}

/// SHA-256 of a certificate's DER, as `openssl x509 -fingerprint` prints it.
pub(super) fn fingerprint(certificate: &Certificate) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.as_der());
    let octets: Vec<String> = digest.as_ref().iter().map(|octet| format!("{octet:02X}")).collect();
    octets.join(":")
}

/// The inputs of the verification.
struct Verification<'a> {
    leaf: &'a Certificate,
    chain: &'a [Certificate],
    /// `None` where no CRL was given.
    lists: Option<&'a Lists>,
    trust: &'a Trust,
    name: Option<&'a AltName>,
    purpose: Option<PurposeChoice>,
    now: chancery_x509::time::UnixTime,
}

/// The root that the certificate chains to, or why it does not verify.
fn judge(verification: &Verification<'_>) -> Result<Certificate, String> {
    let Verification { leaf, chain, trust, .. } = *verification;
    let der = |certificate: &Certificate| CertificateDer::from(certificate.as_der().to_vec());
    let roots: Vec<CertificateDer<'_>> = trust.roots.iter().map(der).collect();
    let anchors: Vec<TrustAnchor<'_>> = roots
        .iter()
        .map(anchor_from_trusted_cert)
        .collect::<Result<_, _>>()
        .map_err(|error| message_of(&error))?;
    // Certificates with the same subject and issuer may be a CA's own, under a former key.
    let intermediates: Vec<CertificateDer<'_>> = chain.iter().map(der).collect();
    let leaf_der = der(leaf);
    let end_entity = EndEntityCert::try_from(&leaf_der).map_err(|error| message_of(&error))?;

    // If CRLs were given, a current one must cover the certificate itself; the CAs above it are checked where their
    // issuer's CRL is given, since users seldom have the root's at hand.
    let rounds = verification.lists.map(|lists| {
        [
            (
                RevocationCheckDepth::EndEntity,
                UnknownStatusPolicy::Deny,
                lists.of(leaf),
                &chain[..0],
            ),
            (
                RevocationCheckDepth::Chain,
                UnknownStatusPolicy::Allow,
                lists.crls.iter().collect(),
                chain,
            ),
        ]
    });
    // Why this program refuses a path that webpki accepts: webpki then tries other paths, and has no error for it.
    let reason = RefCell::new(None);
    let take = |candidate: &VerifiedPath<'_>| {
        let root = anchors.iter().position(|anchor| anchor == candidate.anchor());
        let Some(root) = root.and_then(|root| trust.roots.get(root)) else {
            return Err(webpki::Error::UnknownIssuer);
        };
        match path::refused(candidate, root, verification.now) {
            None => Ok(()),
            Some(why) => {
                *reason.borrow_mut() = Some(why);
                Err(webpki::Error::UnknownIssuer)
            }
        }
    };
    let path = |revocation: Option<RevocationOptions<'_>>| {
        let verified = end_entity
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &intermediates,
                UnixTime::now(),
                Purpose(verification.purpose),
                revocation,
                Some(&take),
            )
            .map_err(|error| reason.take().unwrap_or_else(|| message_of(&error)))?;
        let anchor = anchors.iter().position(|anchor| anchor == verified.anchor());
        anchor.ok_or_else(|| "it chains to no root that is trusted".to_owned())
    };
    // Without CRLs first, so that errors of the chain itself are reported before theirs.
    let anchor = path(None)?;
    for (depth, unknown, lists, above) in rounds.into_iter().flatten() {
        let lists = lists
            .into_iter()
            .map(|crl| OwnedCertRevocationList::from_der(crl.as_der()).map(Into::into))
            .collect::<Result<Vec<webpki::CertRevocationList<'_>>, _>>()
            .map_err(|error| message_of(&error))?;
        let lists: Vec<&webpki::CertRevocationList<'_>> = lists.iter().collect();
        let options =
            RevocationOptionsBuilder::new(&lists).map_err(|_| message_of(&webpki::Error::UnknownRevocationStatus))?;
        let checked = path(Some(
            options
                .with_depth(depth)
                .with_status_policy(unknown)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build(),
        ));
        checked.map_err(|reason| {
            let revoked = verification.lists.filter(|_| reason == REVOKED);
            revoked
                .and_then(|lists| lists.revoked_among(std::iter::once(leaf).chain(above)))
                .unwrap_or(reason)
        })?;
    }
    if let Some(name) = verification.name {
        is_for(leaf, &end_entity, name)?;
    }
    let root = trust.roots.get(anchor);
    root.cloned().ok_or_else(|| "it was held against no root".to_owned())
}

/// Parses a name as `request` does: `TYPE:VALUE`, or by its form; hosts in Unicode, too.
fn parsed_name(text: &str) -> Result<AltName> {
    let given = format!("--name {text:?}");
    let (kind, value) = issue_request::typed(text, &given)?;
    AltName::parse(kind, value).with_context(|| format!("{given} cannot be used"))
}

/// Whether the certificate is for a name: hosts and addresses as TLS clients match them, other types if listed
/// literally.
fn is_for(leaf: &Certificate, end_entity: &EndEntityCert<'_>, name: &AltName) -> Result<(), String> {
    let host = match name {
        AltName::Dns(name) => ServerName::try_from(name.clone()).ok(),
        AltName::Ip(address) => Some(ServerName::from(*address)),
        _ => None,
    };
    let is_for = match host {
        Some(host) => end_entity.verify_is_valid_for_subject_name(&host).is_ok(),
        None => leaf.alt_names().contains(name),
    };
    if is_for { Ok(()) } else { Err(NOT_FOR_NAME.to_owned()) }
}

/// webpki does not say which one; [`Lists::revoked_among`] does.
const REVOKED: &str = "a certificate in the chain is revoked";

const NOT_FOR_NAME: &str = "the certificate is not for that name";

/// The required purpose; `None`: any.
struct Purpose(Option<PurposeChoice>);

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        match self.0 {
            Some(PurposeChoice::Server) => KeyUsage::server_auth().validate(purposes),
            Some(PurposeChoice::Client) => KeyUsage::client_auth().validate(purposes),
            // The extension is still parsed to its end: a malformed one is always refused.
            None => purposes.into_iter().try_for_each(|purpose| purpose.map(|_| ())),
        }
    }
}

/// webpki's common errors as text for users; rare ones keep webpki's own.
fn message_of(error: &webpki::Error) -> String {
    use webpki::Error;
    match error {
        Error::CertExpired { not_after, .. } => format!("a certificate in the chain ended at {}", time(*not_after)),
        Error::CertNotValidYet { not_before, .. } => {
            format!("a certificate in the chain begins only at {}", time(*not_before))
        }
        Error::CertRevoked => REVOKED.to_owned(),
        Error::CertNotValidForName(_) => NOT_FOR_NAME.to_owned(),
        Error::CrlExpired { next_update, .. } => format!("a CRL was due for renewal at {}", time(*next_update)),
        Error::UnknownIssuer => {
            "no certificate in the chain issued it, or the chain leads to no root that is trusted".to_owned()
        }
        Error::UnknownRevocationStatus => "none of the CRLs covers it".to_owned(),
        Error::InvalidSignatureForPublicKey => {
            "a signature in the chain does not verify: it was altered, or is by another CA of the same name".to_owned()
        }
        Error::InvalidCrlSignatureForPublicKey => "a CRL's signature does not verify".to_owned(),
        Error::NameConstraintViolation => "a name is outside a CA's name constraints".to_owned(),
        Error::PathLenConstraintViolated => "a CA's path length constraint does not allow this chain".to_owned(),
        Error::RequiredEkuNotFoundContext(_) => "the certificate is not for that purpose".to_owned(),
        Error::CaUsedAsEndEntity => "this is a CA's certificate; verify the certificates it issued".to_owned(),
        other => other.to_string(),
    }
}

fn time(time: UnixTime) -> String {
    i64::try_from(time.as_secs()).map_or_else(
        |_| "an unknown time".to_owned(),
        |seconds| chancery_x509::time::UnixTime(seconds).to_string(),
    )
}
