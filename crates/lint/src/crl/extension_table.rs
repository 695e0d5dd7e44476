//! The rules of CRLs and of their entries that differ only in the extension that they look for, and in what they demand of it: that it is
//! there, or not; that it is critical, or not.

use crate::extension_rule::{Demand, demand};
use crate::view::oid;
use crate::{Check, Rule, Severity};

pub(super) const AKI_CRITICAL: Rule = Rule {
    name: "crl_aki_critical",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.1 and 5.2.1",
    summary: "authorityKeyIdentifier is not critical.",
    check: Check::CrlExtension(demand(
        &[oid::AUTHORITY_KEY_IDENTIFIER],
        Demand::NotCritical,
        "authorityKeyIdentifier is critical",
    )),
};

pub(super) const DELTA_NOT_CRITICAL: Rule = Rule {
    name: "crl_delta_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.4",
    summary: "deltaCRLIndicator is critical.",
    check: Check::CrlExtension(demand(
        &[oid::DELTA_CRL_INDICATOR],
        Demand::Critical,
        "deltaCRLIndicator is not critical",
    )),
};

pub(super) const IDP_NOT_CRITICAL: Rule = Rule {
    name: "crl_idp_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.5",
    summary: "issuingDistributionPoint is critical.",
    check: Check::CrlExtension(demand(
        &[oid::ISSUING_DISTRIBUTION_POINT],
        Demand::Critical,
        "issuingDistributionPoint is not critical",
    )),
};

pub(super) const NUMBER_CRITICAL: Rule = Rule {
    name: "crl_number_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.3",
    summary: "cRLNumber is not critical.",
    check: Check::CrlExtension(demand(&[oid::CRL_NUMBER], Demand::NotCritical, "cRLNumber is critical")),
};

pub(super) const NUMBER_MISSING: Rule = Rule {
    name: "crl_number_missing",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.3",
    summary: "There is cRLNumber.",
    check: Check::CrlExtension(demand(&[oid::CRL_NUMBER], Demand::Present, "there is no cRLNumber")),
};

pub(super) const INVALIDITY_DATE_CRITICAL: Rule = Rule {
    name: "crl_invalidity_date_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.3.2",
    summary: "invalidityDate is not critical.",
    check: Check::EntryExtension(demand(
        &[oid::INVALIDITY_DATE],
        Demand::NotCritical,
        "its invalidityDate is critical",
    )),
};

pub(super) const REASON_CRITICAL: Rule = Rule {
    name: "crl_reason_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.3.1",
    summary: "reasonCode is not critical.",
    check: Check::EntryExtension(demand(
        &[oid::REASON_CODE],
        Demand::NotCritical,
        "its reasonCode is critical",
    )),
};

#[cfg(test)]
const ALL: &[Rule] = &[
    AKI_CRITICAL,
    DELTA_NOT_CRITICAL,
    IDP_NOT_CRITICAL,
    NUMBER_CRITICAL,
    NUMBER_MISSING,
    INVALIDITY_DATE_CRITICAL,
    REASON_CRITICAL,
];

#[cfg(test)]
mod tests;
