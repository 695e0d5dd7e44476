//! Notices: events with subjects and keys as in the contract (its section "SNS").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::event::{Event, MalformedRequest, RawField, RejectedRequest};
use chancery_authority::port::ledger::CertificateRecord;
use chancery_x509::name::Subject;
use serde_json::{Value, json};

use crate::answer::{CertificateInfo, subject_of};
use crate::{AltNameText, contract_time, purpose_name};

/// One notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The kind of event, e.g. `Certificate Issued`.
    pub subject: &'static str,
    /// The JSON payload.
    pub message: Value,
}

/// The notice of an event.
pub fn of(event: &Event) -> Notice {
    let (subject, message) = match event {
        Event::CertificateIssued(record) => ("Certificate Issued", certificate(record)),
        Event::CertificateRevoked(record) => ("Certificate Revoked", revoked(record)),
        Event::ExpiryWarning { certificate, days_left } => {
            ("Certificate Expiry Warning", expiring(certificate, *days_left))
        }
        Event::CertificateExpired(record) => ("Certificate Expired", expiring(record, 0)),
        Event::RequestRejected { request, reason } => ("Certificate Request Rejected", rejected(request, reason)),
        Event::MalformedRequestRejected { request, reason } => {
            ("Certificate Request Rejected", malformed(request, reason))
        }
    };
    Notice { subject, message }
}

/// A record without a revocation has an empty time.
fn revoked(record: &CertificateRecord) -> Value {
    let revoked = record
        .revocation
        .as_ref()
        .map(|revocation| contract_time(revocation.at));
    json!({
        "CommonName": record.common_name,
        "SerialNumber": record.id.serial.to_string(),
        "Revoked": revoked.unwrap_or_default(),
        "Subject": subject_of(record),
    })
}

fn rejected(request: &RejectedRequest, reason: &str) -> Value {
    let purposes: Vec<&str> = request.purposes.iter().copied().map(purpose_name).collect();
    let names: Vec<AltNameText> = request.alt_names.listed().iter().map(AltNameText::from).collect();
    json!({
        "CSRInfo": {
            "CommonName": request.subject.common_name,
            "Lifetime": request.lifetime_days,
            "Purposes": purposes,
            "SANs": names,
        },
        "Base64CSR": STANDARD.encode(&request.csr),
        "Subject": subject_text(&request.subject),
        "Reason": reason,
    })
}

fn malformed(request: &MalformedRequest, reason: &str) -> Value {
    let common_name = value(&request.common_name);
    let subject = Subject {
        common_name: common_name.as_str().map(str::to_owned),
        ..Subject::default()
    };
    json!({
        "CSRInfo": {
            "CommonName": common_name,
            "Lifetime": value(&request.lifetime),
            "Purposes": value(&request.purposes),
            "SANs": value(&request.alt_names),
        },
        "Base64CSR": request.csr,
        "Subject": subject_text(&subject),
        "Reason": reason,
    })
}

/// The JSON value that a field was.
fn value(field: &RawField) -> Value {
    match field {
        RawField::Missing => Value::Null,
        RawField::Flag(flag) => Value::Bool(*flag),
        RawField::Number(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        RawField::Text(text) => Value::String(text.clone()),
        RawField::List(texts) => texts.iter().cloned().map(Value::String).collect(),
    }
}

/// The requested subject as RFC 4514 text; empty if it does not make a valid name.
fn subject_text(subject: &Subject) -> String {
    subject.to_name().map(|name| name.to_rfc4514()).unwrap_or_default()
}

fn certificate(record: &CertificateRecord) -> Value {
    let pem = chancery_x509::pem::encode("CERTIFICATE", &record.certificate);
    json!({
        "CertificateInfo": CertificateInfo::from(record),
        "Base64Certificate": STANDARD.encode(pem),
        "Subject": subject_of(record),
    })
}

fn expiring(record: &CertificateRecord, days_left: i64) -> Value {
    let mut message = certificate(record);
    message["DaysRemaining"] = days_left.into();
    message
}
