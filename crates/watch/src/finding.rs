//! What is reported: a rule, how bad it is, what shows it, and what to do.

use std::collections::BTreeMap;

use chancery_x509::time::UnixTime;
use serde::{Serialize, Serializer};

use crate::rules::{Rule, Severity};

/// What a rule found: one for each cause, however often it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub title: String,
    /// The CA whose key it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// How often.
    pub count: u64,
    /// What shows it: the first [`EVIDENCE`] pieces.
    pub evidence: Vec<Evidence>,
    /// What to do in the first minute; the documentation of the rule has the rest.
    pub remedy: &'static str,
}

/// Pieces of evidence that are kept for one finding.
pub const EVIDENCE: usize = 20;

/// One piece of evidence. What is empty is not known, or says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// When, by whoever recorded it.
    #[serde(serialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub time: Option<UnixTime>,
    /// CloudTrail's id of its record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub event_id: String,
    /// The key store's id of the request, or the receipt in the journal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// The invocation, as the journal has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub invocation: String,
    /// The attempt in the journal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub attempt: String,
    /// What was, or was to be, signed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The call.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub call: String,
    /// Who called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub principal: String,
    /// From where.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_ip: String,
    /// In which region.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Anything else.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Serialises a time as RFC 3339 has it.
#[expect(clippy::ref_option, reason = "serde calls it so")]
pub(crate) fn time<S: Serializer>(time: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

/// Causes that are kept; further ones are counted with the last one of their rule.
const CAUSES: usize = 1_000;

/// Findings in the making, one for each cause.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    found: BTreeMap<Cause, Finding>,
}

/// What makes findings one: the rule, the CA, and what else the rule tells causes apart by.
type Cause = (&'static str, Option<String>, String);

impl Causes {
    /// Adds a piece of evidence to the finding of that cause; `title` is asked for the first time.
    pub(crate) fn add(
        &mut self,
        rule: &'static Rule,
        ca: Option<&str>,
        cause: &str,
        title: impl FnOnce() -> String,
        evidence: impl FnOnce() -> Evidence,
    ) -> &mut Finding {
        let mut key = (rule.id, ca.map(str::to_owned), cause.to_owned());
        if self.found.len() >= CAUSES && !self.found.contains_key(&key) {
            key.1 = None;
            "others".clone_into(&mut key.2);
        }
        let finding = self.found.entry(key).or_insert_with(|| Finding {
            rule: rule.id,
            severity: rule.severity,
            title: title(),
            ca: ca.map(str::to_owned),
            count: 0,
            evidence: Vec::new(),
            remedy: rule.remedy,
        });
        finding.count += 1;
        if finding.evidence.len() < EVIDENCE {
            finding.evidence.push(evidence());
        }
        finding
    }

    /// Raises the findings of a rule that were made more often than `most`.
    pub(crate) fn raise(&mut self, rule: &'static Rule, severity: Severity, most: u64) {
        let findings = self.found.values_mut().filter(|finding| finding.rule == rule.id);
        for finding in findings.filter(|finding| finding.count > most) {
            finding.severity = finding.severity.max(severity);
        }
    }

    /// The findings, the worst first.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.found.into_values().collect();
        sort(&mut findings);
        findings
    }
}

/// Sorts findings, the worst first.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|one, other| (other.severity, one.rule).cmp(&(one.severity, other.rule)));
}
