//! The content of a certificate, and its TBSCertificate once every lint has passed.

use chancery_lint::{Finding, Severity, lint_certificate_under};
use chancery_x509::certificate::{BasicConstraints, CertificateTemplate, KeyUsage, TbsCertificate};
use chancery_x509::extension::CustomExtension;
use chancery_x509::key::{KeyKind, SubjectPublicKey};
use chancery_x509::name::Name;
use chancery_x509::san::AltName;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use const_oid::ObjectIdentifier;

use super::{Refusal, throwaway};
use crate::ca::Ca;
use crate::config::Config;
use crate::port::ledger::CrlScope;
use crate::profile::Profile;

/// basicConstraints of a leaf.
const END_ENTITY: BasicConstraints = BasicConstraints {
    ca: false,
    path_len: None,
};

/// The fields that differ between certificates of one profile.
pub(super) struct CertificateFields {
    pub(super) serial: Serial,
    pub(super) subject: Name,
    pub(super) public_key: SubjectPublicKey,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) extended_key_usages: Vec<ObjectIdentifier>,
    pub(super) alt_names: Vec<AltName>,
    pub(super) custom_extensions: Vec<CustomExtension>,
}

/// Lints that a profile breaks deliberately; the consequences are documented at the profile's key.
#[derive(Clone, Copy, Debug)]
pub(super) struct LintExceptions {
    ec_key_encipherment: bool,
}

impl LintExceptions {
    pub(super) fn of(profile: &Profile) -> Self {
        Self {
            ec_key_encipherment: profile.ec_key_encipherment(),
        }
    }

    /// Whether a lint's error is exactly what the profile chose.
    fn covers(self, template: &CertificateTemplate, finding: &Finding) -> bool {
        let beyond = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::CONTENT_COMMITMENT | KeyUsage::KEY_AGREEMENT;
        self.ec_key_encipherment
            && finding.is_key_usage_unfit_for_key()
            && matches!(
                template.public_key.kind(),
                KeyKind::P256 | KeyKind::P384 | KeyKind::P521
            )
            && (beyond | KeyUsage::KEY_ENCIPHERMENT).contains(template.key_usage)
    }
}

/// The whole content of a certificate: its own fields, and what the profile, the CA and the configuration add.
pub(super) fn template(
    config: &Config,
    profile: &Profile,
    ca: &Ca,
    shard: Option<u16>,
    fields: CertificateFields,
) -> CertificateTemplate {
    let key_usage = profile.key_usage(fields.public_key.kind());
    CertificateTemplate {
        serial: fields.serial,
        subject: fields.subject,
        public_key: fields.public_key,
        not_before: fields.not_before,
        not_after: fields.not_after,
        basic_constraints: profile.basic_constraints().then_some(END_ENTITY),
        key_usage,
        subject_key_identifier: None,
        extended_key_usages: fields.extended_key_usages,
        alt_names: fields.alt_names,
        policies: profile.policies().to_vec(),
        name_constraints: None,
        crl_distribution_points: crl_url(config, ca, shard),
        ca_issuers: config.crt_url(ca.name()).into_iter().collect(),
        ocsp: Vec::new(),
        custom_extensions: fields.custom_extensions,
    }
}

/// The TBSCertificate under the CA, if the final bytes, with a placeholder signature, pass every lint; and the findings
/// that are not errors.
pub(super) fn build(
    template: &CertificateTemplate,
    ca: &Ca,
    lint_exceptions: LintExceptions,
) -> Result<(TbsCertificate, Vec<Finding>), Refusal> {
    let tbs = template.issued_by(&ca.issuer)?;
    let linted = tbs.assemble(&throwaway::signature(ca.issuer.public_key().algorithm()));
    let mut findings = lint_certificate_under(&linted, &ca.lint_view);
    let forbids = |finding: &Finding| finding.severity == Severity::Error && !lint_exceptions.covers(template, finding);
    if let Some(error) = findings.iter().position(forbids) {
        let error = findings.swap_remove(error);
        return Err(Refusal::Lint {
            rule: error.rule,
            citation: error.citation,
            detail: error.message,
        });
    }
    Ok((tbs, findings))
}

/// The distribution point that a certificate of that shard gets.
pub(super) fn crl_url(config: &Config, ca: &Ca, shard: Option<u16>) -> Vec<String> {
    config
        .crl_url(&CrlScope {
            issuer: ca.name().clone(),
            shard,
        })
        .into_iter()
        .collect()
}
