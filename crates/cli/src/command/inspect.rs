//! `chancery inspect`: shows what is in a file, and the findings of the lints.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use chancery_lint::{Finding, Severity, lint_certificate, lint_crl};
use chancery_x509::inspect::{self, ExtensionValue, Field, InspectLimits, Inspection, ObjectKind, Value as FieldValue};
use serde_json::{Map, Value, json};

use crate::arguments::Arguments;
use crate::{bounded, show, visible};

/// Shows every object in the file. The exit code tells whether there are findings or errors.
pub(crate) fn run(arguments: &Arguments, file: &Path) -> Result<ExitCode> {
    let octets = read(arguments, file)?;
    let inspections = inspect::inspect(&octets, &InspectLimits::default())
        .with_context(|| format!("{} cannot be parsed", file.display()))?;
    let objects: Vec<(Inspection, Vec<Finding>)> = inspections
        .iter()
        .map(|inspection| (inspection.clone(), findings(inspection, &inspections)))
        .collect();
    if arguments.json {
        let objects: Vec<Value> = objects
            .iter()
            .map(|(inspection, findings)| object(inspection, findings))
            .collect();
        show::json(&json!({ "objects": objects }))?;
    } else {
        for (index, (inspection, findings)) in objects.iter().enumerate() {
            if index > 0 {
                println!();
            }
            print!("{}", visible::lines(&inspection.to_string()));
            for finding in findings {
                println!(
                    "{}: {} [{}, {}]",
                    severity(finding.severity),
                    show::visible(&finding.message),
                    finding.rule,
                    finding.citation
                );
            }
        }
    }
    let bad = objects.iter().any(|(inspection, findings)| {
        !inspection.problems.is_empty() || findings.iter().any(|finding| finding.severity == Severity::Error)
    });
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(arguments: &Arguments, file: &Path) -> Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        return bounded::standard_input(bounded::CRLS);
    }
    if arguments.aws.aws {
        return from_buckets(arguments, file);
    }
    bounded::read(file, bounded::CRLS)
}

#[cfg(feature = "aws")]
fn from_buckets(arguments: &Arguments, file: &Path) -> Result<Vec<u8>> {
    let name = file.to_str().context("objects in a bucket have names in UTF-8")?;
    crate::deployment::Deployed::open(arguments)?.object(name, bounded::CRLS)
}

#[cfg(not(feature = "aws"))]
fn from_buckets(_: &Arguments, _: &Path) -> Result<Vec<u8>> {
    Err(crate::backend::without_aws())
}

/// Runs the lints, with the issuer's certificate where it is in the same file.
fn findings(inspection: &Inspection, all: &[Inspection]) -> Vec<Finding> {
    let issuer = issuer(inspection, all);
    match inspection.kind {
        ObjectKind::Certificate => lint_certificate(&inspection.der, issuer),
        ObjectKind::RevocationList => lint_crl(&inspection.der, issuer),
        _ => Vec::new(),
    }
}

fn issuer<'a>(inspection: &Inspection, all: &'a [Inspection]) -> Option<&'a [u8]> {
    use chancery_x509::certificate::Certificate;
    use chancery_x509::crl::RevocationList;
    let name = match inspection.kind {
        ObjectKind::Certificate => Certificate::parse(&inspection.der).ok()?.issuer().clone(),
        ObjectKind::RevocationList => RevocationList::parse(&inspection.der).ok()?.issuer().clone(),
        _ => return None,
    };
    let certificates = all.iter().filter(|other| other.kind == ObjectKind::Certificate);
    certificates
        .map(|other| other.der.as_slice())
        .find(|der| Certificate::parse(der).is_ok_and(|other| *other.subject() == name))
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn object(inspection: &Inspection, findings: &[Finding]) -> Value {
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "rule": finding.rule, "severity": severity(finding.severity), "citation": finding.citation, "message": finding.message,
            })
        })
        .collect();
    json!({
        "kind": inspection.kind.key(), "fields": fields(&inspection.fields), "problems": inspection.problems, "findings": findings,
    })
}

fn fields(fields: &[Field]) -> Value {
    Value::Object(
        fields
            .iter()
            .map(|field| (field.key.to_owned(), value(&field.value)))
            .collect(),
    )
}

fn value(field: &FieldValue) -> Value {
    match field {
        FieldValue::Text(text) => json!(text),
        FieldValue::Number(number) => json!(number),
        FieldValue::Flag(flag) => json!(flag),
        FieldValue::List { items, omitted: 0 } => items.iter().map(value).collect(),
        FieldValue::List { items, omitted } => {
            json!({ "items": items.iter().map(value).collect::<Vec<_>>(), "omitted": omitted })
        }
        FieldValue::Group(group) => fields(group),
        FieldValue::Extension(extension) => self::extension(extension),
        // A kind of value that only a later version of the library has: show its debug text.
        other => json!(format!("{other:?}")),
    }
}

fn extension(extension: &ExtensionValue) -> Value {
    let mut object = Map::new();
    object.insert("oid".to_owned(), json!(extension.oid));
    object.insert("name".to_owned(), json!(extension.name));
    object.insert("critical".to_owned(), json!(extension.critical));
    object.insert("value".to_owned(), value(&extension.value));
    Value::Object(object)
}
