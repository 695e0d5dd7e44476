//! `chancery verify`: a certificate against its chain and CRLs, judged by webpki.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationList;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use serde_json::json;
use webpki::{
    EndEntityCert, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

use crate::arguments::{Arguments, PurposeChoice, VerifyArguments};
use crate::show;

/// Answers whether the certificate verifies; the exit code says the same.
pub(crate) fn run(arguments: &Arguments, verify: &VerifyArguments) -> Result<ExitCode> {
    let leaf = certificate_file(&verify.certificate)?;
    let mut chain = Vec::new();
    for file in &verify.chain {
        chain.extend(certificate_files(file)?);
    }
    let crls = verify
        .crl
        .iter()
        .map(|file| crl_file(file))
        .collect::<Result<Vec<_>>>()?;
    let verdict = judge(&leaf, &chain, &crls, verify);
    if arguments.json {
        show::json(&match &verdict {
            Ok(()) => json!({ "verified": true }),
            Err(reason) => json!({ "verified": false, "reason": reason }),
        })?;
    } else {
        match &verdict {
            Ok(()) if crls.is_empty() => println!("Verified. Revocation was not checked: give CRLs with --crl."),
            Ok(()) => println!("Verified, and not revoked."),
            Err(reason) => println!("Not verified: {reason}."),
        }
    }
    Ok(if verdict.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn judge(
    leaf: &Certificate,
    chain: &[Certificate],
    crls: &[RevocationList],
    verify: &VerifyArguments,
) -> Result<(), String> {
    let (roots, intermediates): (Vec<&Certificate>, Vec<&Certificate>) = chain
        .iter()
        .partition(|certificate| certificate.subject() == certificate.issuer());
    if roots.is_empty() {
        return Err("the chain holds no self-signed certificate to trust".to_owned());
    }
    let der = |certificate: &Certificate| CertificateDer::from(certificate.as_der().to_vec());
    let roots: Vec<CertificateDer<'_>> = roots.into_iter().map(der).collect();
    let anchors: Vec<TrustAnchor<'_>> = roots
        .iter()
        .map(anchor_from_trusted_cert)
        .collect::<Result<_, _>>()
        .map_err(|error| told(&error))?;
    let intermediates: Vec<CertificateDer<'_>> = intermediates.into_iter().map(der).collect();
    let leaf_der = der(leaf);
    let end_entity = EndEntityCert::try_from(&leaf_der).map_err(|error| told(&error))?;
    let lists = crls
        .iter()
        .map(|crl| OwnedCertRevocationList::from_der(crl.as_der()).map(Into::into))
        .collect::<Result<Vec<webpki::CertRevocationList<'_>>, _>>()
        .map_err(|error| told(&error))?;
    let lists: Vec<&webpki::CertRevocationList<'_>> = lists.iter().collect();

    // The certificate itself must be covered by a current CRL if any were given; the CAs above it where their issuer's is
    // among them, since people seldom have the root's at hand.
    let rounds: &[(RevocationCheckDepth, UnknownStatusPolicy)] = if lists.is_empty() {
        &[]
    } else {
        &[
            (RevocationCheckDepth::EndEntity, UnknownStatusPolicy::Deny),
            (RevocationCheckDepth::Chain, UnknownStatusPolicy::Allow),
        ]
    };
    let path = |revocation| {
        end_entity
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &intermediates,
                UnixTime::now(),
                Purpose(verify.purpose),
                revocation,
                None,
            )
            .map(|_| ())
            .map_err(|error| told(&error))
    };
    if rounds.is_empty() {
        path(None)?;
    }
    for (depth, unknown) in rounds {
        let options = RevocationOptionsBuilder::new(&lists).map_err(|_| "no CRL was given".to_owned())?;
        path(Some(
            options
                .with_depth(*depth)
                .with_status_policy(*unknown)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build(),
        ))?;
    }
    if let Some(name) = &verify.name {
        let name = ServerName::try_from(name.as_str())
            .map_err(|_| format!("{name:?} is neither a DNS name nor an IP address"))?;
        end_entity
            .verify_is_valid_for_subject_name(&name)
            .map_err(|error| told(&error))?;
    }
    Ok(())
}

/// A purpose that is demanded, or none: then any will do.
struct Purpose(Option<PurposeChoice>);

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        match self.0 {
            Some(PurposeChoice::Server) => KeyUsage::server_auth().validate(purposes),
            Some(PurposeChoice::Client) => KeyUsage::client_auth().validate(purposes),
            // Still read to its end: a malformed extension is refused whatever is demanded.
            None => purposes.into_iter().try_for_each(|purpose| purpose.map(|_| ())),
        }
    }
}

/// Webpki's reasons in words; those that people do not meet keep its own.
fn told(error: &webpki::Error) -> String {
    use webpki::Error;
    match error {
        Error::CertExpired { not_after, .. } => format!("a certificate in the chain ended at {}", time(*not_after)),
        Error::CertNotValidYet { not_before, .. } => {
            format!("a certificate in the chain begins only at {}", time(*not_before))
        }
        Error::CertRevoked => "a certificate in the chain is revoked".to_owned(),
        Error::CertNotValidForName(_) => "the certificate is not for that name".to_owned(),
        Error::CrlExpired { next_update, .. } => format!("a CRL was due for renewal at {}", time(*next_update)),
        Error::UnknownIssuer => "no certificate in the chain issued it, or the chain leads to no root".to_owned(),
        Error::UnknownRevocationStatus => "none of the CRLs covers it".to_owned(),
        Error::InvalidSignatureForPublicKey => "a signature in the chain does not verify".to_owned(),
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

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn certificate_file(file: &Path) -> Result<Certificate> {
    // A file with its chain behind it is taken for its first certificate.
    certificate_files(file)?
        .into_iter()
        .next()
        .with_context(|| format!("{} holds no certificate", file.display()))
}

fn certificate_files(file: &Path) -> Result<Vec<Certificate>> {
    Certificate::parse_all(&read(file)?).with_context(|| format!("{} cannot be used", file.display()))
}

fn crl_file(file: &Path) -> Result<RevocationList> {
    RevocationList::parse(&read(file)?).with_context(|| format!("{} cannot be used", file.display()))
}
