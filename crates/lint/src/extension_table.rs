//! Rules that differ only in the extension that they look for, and in what they demand of it: one table.
//!
//! What an extension's value has to be is in rules of their own files.

use crate::view::certificate::Certificate;
use crate::view::crl::{Crl, Entry};
use crate::view::extension::Extensions;
use crate::view::oid::{self, Oid};
use crate::{Check, Rule, Severity};

/// What is demanded of one or several extensions, each on its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtensionRule {
    pub(crate) holder: Holder,
    demand: Demand,
    extensions: &'static [Oid<'static>],
    /// What is said where it is not so.
    message: &'static str,
}

/// Where the extension is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Certificate,
    CaCertificate,
    EndEntityCertificate,
    /// One whose issuer is another than its subject.
    CertificateNotSelfIssued,
    /// One whose subject is not in subjectAltName alone.
    CertificateWithSubject,
    Crl,
    CrlEntry,
}

/// What has to be so; of duplicates, the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// Where it is, it is critical.
    Critical,
    /// Where it is, it is not critical.
    NotCritical,
}

macro_rules! table {
    ($($row:ident: $name:literal, $severity:ident, $citation:literal,
        $holder:ident $demand:ident [$($extension:ident),+],
        $summary:literal, $message:literal;)+) => {
        $(
            pub(crate) const $row: Rule = Rule {
                name: $name,
                severity: Severity::$severity,
                citation: $citation,
                summary: $summary,
                check: Check::Extension(ExtensionRule {
                    holder: Holder::$holder,
                    demand: Demand::$demand,
                    extensions: &[$(oid::$extension),+],
                    message: $message,
                }),
            };
        )+

        #[cfg(test)]
        const ALL: &[Rule] = &[$($row),+];
    };
}

// Row: the rule's name, severity and source; where it looks, what it demands, of which extensions; what has to be so, and
// what is said where it is not (of an entry as "its …").
table! {
    AKI_CRITICAL: "aki_critical", Error, "RFC 5280 section 4.2.1.1",
        Certificate NotCritical [AUTHORITY_KEY_IDENTIFIER],
        "authorityKeyIdentifier is not critical.", "authorityKeyIdentifier is critical";

    AKI_MISSING: "aki_missing", Error, "RFC 5280 section 4.2.1.1",
        CertificateNotSelfIssued Present [AUTHORITY_KEY_IDENTIFIER],
        "A certificate that is not self-signed has authorityKeyIdentifier.", "there is no authorityKeyIdentifier";

    AUTHORITY_INFO_ACCESS_CRITICAL: "authority_info_access_critical", Error, "RFC 5280 section 4.2.2.1",
        Certificate NotCritical [AUTHORITY_INFO_ACCESS],
        "authorityInfoAccess is not critical.", "authorityInfoAccess is critical";

    BASIC_CONSTRAINTS_NOT_CRITICAL: "basic_constraints_not_critical", Error, "RFC 5280 section 4.2.1.9",
        CaCertificate Critical [BASIC_CONSTRAINTS],
        "A CA's basicConstraints are critical.", "a CA's basicConstraints are not critical";

    DISTRIBUTION_POINTS_CRITICAL: "distribution_points_critical", Warning, "RFC 5280 section 4.2.1.13",
        Certificate NotCritical [CRL_DISTRIBUTION_POINTS],
        "cRLDistributionPoints is not critical.", "cRLDistributionPoints is critical";

    KEY_USAGE_MISSING_IN_CA: "key_usage_missing_in_ca", Error, "RFC 5280 section 4.2.1.3",
        CaCertificate Present [KEY_USAGE],
        "A CA's certificate has keyUsage.", "a CA's certificate has no keyUsage";

    KEY_USAGE_NOT_CRITICAL: "key_usage_not_critical", Warning, "RFC 5280 section 4.2.1.3",
        Certificate Critical [KEY_USAGE],
        "keyUsage is critical.", "keyUsage is not critical";

    NAME_CONSTRAINTS_IN_END_ENTITY: "name_constraints_in_end_entity", Error, "RFC 5280 section 4.2.1.10",
        EndEntityCertificate Absent [NAME_CONSTRAINTS],
        "nameConstraints is in CAs' certificates only.", "nameConstraints is in an end entity's certificate";

    NAME_CONSTRAINTS_NOT_CRITICAL: "name_constraints_not_critical", Error, "RFC 5280 section 4.2.1.10",
        Certificate Critical [NAME_CONSTRAINTS],
        "nameConstraints is critical.", "nameConstraints is not critical";

    POLICY_CONSTRAINTS_NOT_CRITICAL: "policy_constraints_not_critical", Error, "RFC 5280 sections 4.2.1.11 and 4.2.1.14",
        Certificate Critical [POLICY_CONSTRAINTS, INHIBIT_ANY_POLICY],
        "policyConstraints and inhibitAnyPolicy are critical.", "policyConstraints or inhibitAnyPolicy is not critical";

    POLICY_EXTENSIONS_IN_END_ENTITY: "policy_extensions_in_end_entity", Error, "RFC 5280 sections 4.2.1.5, 4.2.1.11 and 4.2.1.14",
        EndEntityCertificate Absent [POLICY_MAPPINGS, POLICY_CONSTRAINTS, INHIBIT_ANY_POLICY],
        "policyMappings, policyConstraints and inhibitAnyPolicy are in CAs' certificates only.", "policyMappings, policyConstraints or inhibitAnyPolicy is in an end entity's certificate";

    SAN_CRITICAL_BESIDE_SUBJECT: "san_critical_beside_subject", Warning, "RFC 5280 section 4.2.1.6",
        CertificateWithSubject NotCritical [SUBJECT_ALT_NAME],
        "Where there is a subject, subjectAltName is not critical.", "subjectAltName is critical although there is a subject";

    SKI_CRITICAL: "ski_critical", Error, "RFC 5280 section 4.2.1.2",
        Certificate NotCritical [SUBJECT_KEY_IDENTIFIER],
        "subjectKeyIdentifier is not critical.", "subjectKeyIdentifier is critical";

    SKI_MISSING: "ski_missing", Warning, "RFC 5280 section 4.2.1.2",
        EndEntityCertificate Present [SUBJECT_KEY_IDENTIFIER],
        "An end entity's certificate has subjectKeyIdentifier.", "there is no subjectKeyIdentifier";

    SKI_MISSING_IN_CA: "ski_missing_in_ca", Error, "RFC 5280 section 4.2.1.2",
        CaCertificate Present [SUBJECT_KEY_IDENTIFIER],
        "A CA's certificate has subjectKeyIdentifier.", "a CA's certificate has no subjectKeyIdentifier";

    CRL_AKI_CRITICAL: "crl_aki_critical", Error, "RFC 5280 sections 4.2.1.1 and 5.2.1",
        Crl NotCritical [AUTHORITY_KEY_IDENTIFIER],
        "authorityKeyIdentifier is not critical.", "authorityKeyIdentifier is critical";

    CRL_DELTA_NOT_CRITICAL: "crl_delta_not_critical", Error, "RFC 5280 section 5.2.4",
        Crl Critical [DELTA_CRL_INDICATOR],
        "deltaCRLIndicator is critical.", "deltaCRLIndicator is not critical";

    CRL_IDP_NOT_CRITICAL: "crl_idp_not_critical", Error, "RFC 5280 section 5.2.5",
        Crl Critical [ISSUING_DISTRIBUTION_POINT],
        "issuingDistributionPoint is critical.", "issuingDistributionPoint is not critical";

    CRL_NUMBER_CRITICAL: "crl_number_critical", Error, "RFC 5280 section 5.2.3",
        Crl NotCritical [CRL_NUMBER],
        "cRLNumber is not critical.", "cRLNumber is critical";

    CRL_NUMBER_MISSING: "crl_number_missing", Error, "RFC 5280 section 5.2.3",
        Crl Present [CRL_NUMBER],
        "There is cRLNumber.", "there is no cRLNumber";

    CRL_INVALIDITY_DATE_CRITICAL: "crl_invalidity_date_critical", Error, "RFC 5280 section 5.3.2",
        CrlEntry NotCritical [INVALIDITY_DATE],
        "invalidityDate is not critical.", "its invalidityDate is critical";

    CRL_REASON_CRITICAL: "crl_reason_critical", Error, "RFC 5280 section 5.3.1",
        CrlEntry NotCritical [REASON_CODE],
        "reasonCode is not critical.", "its reasonCode is critical";
}

impl ExtensionRule {
    pub(crate) fn check_certificate(&self, certificate: &Certificate<'_>) -> Option<String> {
        let concerned = match self.holder {
            Holder::Certificate => true,
            Holder::CaCertificate => certificate.is_ca(),
            Holder::EndEntityCertificate => !certificate.is_ca(),
            Holder::CertificateNotSelfIssued => !certificate.is_self_issued(),
            Holder::CertificateWithSubject => !certificate.subject.is_empty(),
            Holder::Crl | Holder::CrlEntry => false,
        };
        self.check(concerned, certificate.extensions.as_ref())
    }

    pub(crate) fn check_crl(&self, crl: &Crl<'_>) -> Option<String> {
        self.check(self.holder == Holder::Crl, crl.extensions.as_ref())
    }

    pub(crate) fn check_entry(&self, entry: &Entry<'_>) -> Option<String> {
        self.check(self.holder == Holder::CrlEntry, entry.extensions.as_ref())
    }

    fn check(&self, concerned: bool, extensions: Option<&Extensions<'_>>) -> Option<String> {
        let is_broken = |oid: &Oid<'static>| {
            let critical = extensions.and_then(|extensions| extensions.criticality(*oid));
            match self.demand {
                Demand::Present => critical.is_none(),
                Demand::Absent => critical.is_some(),
                Demand::Critical => critical == Some(false),
                Demand::NotCritical => critical == Some(true),
            }
        };
        let broken = concerned && self.extensions.iter().any(is_broken);
        broken.then(|| self.message.to_owned())
    }
}

#[cfg(test)]
mod tests;
