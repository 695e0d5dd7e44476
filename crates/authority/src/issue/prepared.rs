//! A certificate that may be issued.

use std::sync::Arc;

use chancery_lint::Finding;
use chancery_x509::algorithm::SigningInput;
use chancery_x509::certificate::{CertificateTemplate, TbsCertificate};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::name::Name;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::Refusal;
use super::template::{LintExceptions, build, crl_url};
use crate::ca::Ca;
use crate::config::Config;
use crate::port::ledger::{
    AttemptId, AttemptOrigin, CertificateIntent, CrlScope, IdempotencyToken, IntentId, Kind, TokenOrigin,
};
use crate::principal::Principal;

/// A certificate that may be issued, with every octet decided except its signature. Consumed by
/// [`issue_prepared`](crate::Authority::issue_prepared).
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent wishes of the request, each named"
)]
pub struct Prepared {
    pub(super) ca: Arc<Ca>,
    pub(super) tbs: TbsCertificate,
    /// Findings of lints that do not forbid it.
    pub(super) findings: Vec<Finding>,
    pub(super) template: CertificateTemplate,
    pub(super) lint_exceptions: LintExceptions,
    pub(super) common_name: String,
    pub(super) profile: String,
    pub(super) shard: Option<u16>,
    pub(super) principal: Principal,
    pub(super) token: Option<IdempotencyToken>,
    pub(super) token_origin: TokenOrigin,
    pub(super) request_digest: [u8; 32],
    /// The certificate that it renews.
    pub(super) renews: Option<IntentId>,
    pub(super) allow_key_reuse: bool,
    pub(super) at: UnixTime,
    /// The id of the first attempt to sign it.
    pub(super) attempt: AttemptId,
    /// The id of the request that the process works on.
    pub(super) request_id: Option<String>,
    pub(super) notify_expiry: bool,
    pub(super) notify_issued: bool,
    /// Whether the CSR came from a file, which stays the same from request to request.
    pub(super) from_csr_file: bool,
    pub(super) warnings: Vec<String>,
}

/// The key that a certificate claims, and whether it may be certified already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyClaim {
    /// The key.
    pub key: KeyFingerprint,
    /// The common name that it is claimed for.
    pub common_name: String,
    /// Whether it may already be certified for that name.
    pub allow_reuse: bool,
    /// Whether the CSR came from a file, which stays the same from request to request.
    pub from_csr_file: bool,
}

impl KeyClaim {
    /// The refusal, if the key is certified for `holder` already and may not be certified again.
    pub fn refused_for(&self, holder: &str) -> Option<Refusal> {
        match (holder == self.common_name, self.allow_reuse) {
            (true, true) => None,
            (true, false) if self.from_csr_file => Some(Refusal::AlreadyIssued),
            _ => Some(Refusal::KeyInUse),
        }
    }
}

impl Prepared {
    /// The TBSCertificate to be signed.
    pub fn tbs(&self) -> &TbsCertificate {
        &self.tbs
    }

    /// The input for the CA key's signature.
    pub fn signing_input(&self) -> SigningInput {
        self.tbs.signing_input(self.ca.issuer.public_key())
    }

    /// The CA that will sign.
    pub fn ca(&self) -> &Arc<Ca> {
        &self.ca
    }

    /// The profile's name.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// All fields, as decided.
    pub fn template(&self) -> &CertificateTemplate {
        &self.template
    }

    /// The certificate with that signature.
    pub fn assemble(&self, signature: &[u8]) -> Vec<u8> {
        self.tbs.assemble(signature)
    }

    pub(super) fn id(&self) -> IntentId {
        IntentId {
            issuer: self.ca.name().clone(),
            serial: self.template.serial,
        }
    }

    /// The CRL that would list its revocation, and the URL of that CRL in the certificate.
    pub(super) fn crl(&self) -> (CrlScope, Option<&str>) {
        let scope = CrlScope {
            issuer: self.ca.name().clone(),
            shard: self.shard,
        };
        (scope, self.template.crl_distribution_points.first().map(String::as_str))
    }

    /// Who requested it.
    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The common name that it will be recorded under.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// What was left out of the request, or changed, as text.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Lint findings on the final bytes, none of them an error: that would have been a refusal.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The claim that it makes on its key.
    pub fn key_claim(&self) -> KeyClaim {
        KeyClaim {
            key: self.template.public_key.fingerprint(),
            common_name: self.common_name.clone(),
            allow_reuse: self.allow_key_reuse,
            from_csr_file: self.from_csr_file,
        }
    }

    pub(super) fn into_subject(self) -> (Name, Vec<String>) {
        (self.template.subject, self.warnings)
    }

    /// The same certificate under another serial number, with the shard and the distribution point that follow from it.
    pub(super) fn with_serial(mut self, serial: Serial, config: &Config) -> Result<Self, Refusal> {
        self.template.serial = serial;
        self.shard = config
            .ca(self.ca.name())
            .and_then(|configured| configured.shard_of(serial));
        self.template.crl_distribution_points = crl_url(config, &self.ca, self.shard);
        (self.tbs, self.findings) = build(&self.template, &self.ca, self.lint_exceptions)?;
        Ok(self)
    }

    /// The intent that is recorded before it is signed, without its authentication code.
    pub fn intent(&self) -> CertificateIntent {
        CertificateIntent {
            id: self.id(),
            kind: Kind::Leaf,
            common_name: self.common_name.clone(),
            profile: self.profile.clone(),
            renews: self.renews.clone(),
            key: self.template.public_key.fingerprint(),
            allow_key_reuse: self.allow_key_reuse,
            tbs: self.tbs.as_der().to_vec(),
            signing_input: self.signing_input().as_bytes().to_vec(),
            attempt: AttemptOrigin {
                id: self.attempt,
                key: self.ca.record.key.clone(),
                request_id: self.request_id.clone(),
            },
            not_before: self.template.not_before,
            not_after: self.template.not_after,
            shard: self.shard,
            principal: self.principal.clone(),
            token: self.token.clone(),
            token_origin: self.token_origin,
            request_digest: self.request_digest,
            notify_expiry: self.notify_expiry,
            at: self.at,
            authentication: None,
        }
    }
}
