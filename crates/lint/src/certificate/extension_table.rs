//! The rules of certificates that differ only in the extension that they look for, and in what they demand of it: that it is
//! there, or not; that it is critical, or not.

use crate::extension_rule::{Certificates, Demand, demand};
use crate::view::oid;
use crate::{Check, Rule, Severity};

pub(super) const AKI_CRITICAL: Rule = Rule {
    name: "aki_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.1",
    summary: "authorityKeyIdentifier is not critical.",
    check: Check::CertificateExtension(
        Certificates::All,
        demand(
            &[oid::AUTHORITY_KEY_IDENTIFIER],
            Demand::NotCritical,
            "authorityKeyIdentifier is critical",
        ),
    ),
};

pub(super) const AKI_MISSING: Rule = Rule {
    name: "aki_missing",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.1",
    summary: "A certificate that is not self-signed has authorityKeyIdentifier.",
    check: Check::CertificateExtension(
        Certificates::NotSelfIssued,
        demand(
            &[oid::AUTHORITY_KEY_IDENTIFIER],
            Demand::Present,
            "there is no authorityKeyIdentifier",
        ),
    ),
};

pub(super) const AUTHORITY_INFO_ACCESS_CRITICAL: Rule = Rule {
    name: "authority_info_access_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.2.1",
    summary: "authorityInfoAccess is not critical.",
    check: Check::CertificateExtension(
        Certificates::All,
        demand(
            &[oid::AUTHORITY_INFO_ACCESS],
            Demand::NotCritical,
            "authorityInfoAccess is critical",
        ),
    ),
};

pub(super) const BASIC_CONSTRAINTS_NOT_CRITICAL: Rule = Rule {
    name: "basic_constraints_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.9",
    summary: "A CA's basicConstraints are critical.",
    check: Check::CertificateExtension(
        Certificates::Ca,
        demand(
            &[oid::BASIC_CONSTRAINTS],
            Demand::Critical,
            "a CA's basicConstraints are not critical",
        ),
    ),
};

pub(super) const DISTRIBUTION_POINTS_CRITICAL: Rule = Rule {
    name: "distribution_points_critical",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.13",
    summary: "cRLDistributionPoints is not critical.",
    check: Check::CertificateExtension(
        Certificates::All,
        demand(
            &[oid::CRL_DISTRIBUTION_POINTS],
            Demand::NotCritical,
            "cRLDistributionPoints is critical",
        ),
    ),
};

pub(super) const KEY_USAGE_MISSING_IN_CA: Rule = Rule {
    name: "key_usage_missing_in_ca",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.3",
    summary: "A CA's certificate has keyUsage.",
    check: Check::CertificateExtension(
        Certificates::Ca,
        demand(&[oid::KEY_USAGE], Demand::Present, "a CA's certificate has no keyUsage"),
    ),
};

pub(super) const KEY_USAGE_NOT_CRITICAL: Rule = Rule {
    name: "key_usage_not_critical",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.3",
    summary: "keyUsage is critical.",
    check: Check::CertificateExtension(
        Certificates::All,
        demand(&[oid::KEY_USAGE], Demand::Critical, "keyUsage is not critical"),
    ),
};

pub(super) const NAME_CONSTRAINTS_IN_END_ENTITY: Rule = Rule {
    name: "name_constraints_in_end_entity",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.10",
    summary: "nameConstraints is in CAs' certificates only.",
    check: Check::CertificateExtension(
        Certificates::EndEntity,
        demand(
            &[oid::NAME_CONSTRAINTS],
            Demand::Absent,
            "nameConstraints is in an end entity's certificate",
        ),
    ),
};

pub(super) const NAME_CONSTRAINTS_NOT_CRITICAL: Rule = Rule {
    name: "name_constraints_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.10",
    summary: "nameConstraints is critical.",
    check: Check::CertificateExtension(
        Certificates::All,
        demand(
            &[oid::NAME_CONSTRAINTS],
            Demand::Critical,
            "nameConstraints is not critical",
        ),
    ),
};

pub(super) const POLICY_CONSTRAINTS_NOT_CRITICAL: Rule = Rule {
    name: "policy_constraints_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.11 and 4.2.1.14",
    summary: "policyConstraints and inhibitAnyPolicy are critical.",
    check: Check::CertificateExtension(
        Certificates::All,
        demand(
            &[oid::POLICY_CONSTRAINTS, oid::INHIBIT_ANY_POLICY],
            Demand::Critical,
            "policyConstraints or inhibitAnyPolicy is not critical",
        ),
    ),
};

pub(super) const POLICY_EXTENSIONS_IN_END_ENTITY: Rule = Rule {
    name: "policy_extensions_in_end_entity",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.5, 4.2.1.11 and 4.2.1.14",
    summary: "policyMappings, policyConstraints and inhibitAnyPolicy are in CAs' certificates only.",
    check: Check::CertificateExtension(
        Certificates::EndEntity,
        demand(
            &[oid::POLICY_MAPPINGS, oid::POLICY_CONSTRAINTS, oid::INHIBIT_ANY_POLICY],
            Demand::Absent,
            "policyMappings, policyConstraints or inhibitAnyPolicy is in an end entity's certificate",
        ),
    ),
};

pub(super) const SAN_CRITICAL_BESIDE_SUBJECT: Rule = Rule {
    name: "san_critical_beside_subject",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.6",
    summary: "Where there is a subject, subjectAltName is not critical.",
    check: Check::CertificateExtension(
        Certificates::WithSubject,
        demand(
            &[oid::SUBJECT_ALT_NAME],
            Demand::NotCritical,
            "subjectAltName is critical although there is a subject",
        ),
    ),
};

pub(super) const SKI_CRITICAL: Rule = Rule {
    name: "ski_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.2",
    summary: "subjectKeyIdentifier is not critical.",
    check: Check::CertificateExtension(
        Certificates::All,
        demand(
            &[oid::SUBJECT_KEY_IDENTIFIER],
            Demand::NotCritical,
            "subjectKeyIdentifier is critical",
        ),
    ),
};

pub(super) const SKI_MISSING: Rule = Rule {
    name: "ski_missing",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.2",
    summary: "An end entity's certificate has subjectKeyIdentifier.",
    check: Check::CertificateExtension(
        Certificates::EndEntity,
        demand(
            &[oid::SUBJECT_KEY_IDENTIFIER],
            Demand::Present,
            "there is no subjectKeyIdentifier",
        ),
    ),
};

pub(super) const SKI_MISSING_IN_CA: Rule = Rule {
    name: "ski_missing_in_ca",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.2",
    summary: "A CA's certificate has subjectKeyIdentifier.",
    check: Check::CertificateExtension(
        Certificates::Ca,
        demand(
            &[oid::SUBJECT_KEY_IDENTIFIER],
            Demand::Present,
            "a CA's certificate has no subjectKeyIdentifier",
        ),
    ),
};

#[cfg(test)]
const ALL: &[Rule] = &[
    AKI_CRITICAL,
    AKI_MISSING,
    AUTHORITY_INFO_ACCESS_CRITICAL,
    BASIC_CONSTRAINTS_NOT_CRITICAL,
    DISTRIBUTION_POINTS_CRITICAL,
    KEY_USAGE_MISSING_IN_CA,
    KEY_USAGE_NOT_CRITICAL,
    NAME_CONSTRAINTS_IN_END_ENTITY,
    NAME_CONSTRAINTS_NOT_CRITICAL,
    POLICY_CONSTRAINTS_NOT_CRITICAL,
    POLICY_EXTENSIONS_IN_END_ENTITY,
    SAN_CRITICAL_BESIDE_SUBJECT,
    SKI_CRITICAL,
    SKI_MISSING,
    SKI_MISSING_IN_CA,
];

#[cfg(test)]
mod tests;
