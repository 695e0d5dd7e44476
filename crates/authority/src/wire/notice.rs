//! Notices, with subjects and keys as in the contract (its section "SNS").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_x509::name::Subject;
use serde_json::{Value, json};

use super::answer::{CertificateInfo, subject_of};
use super::{AltNameText, Purpose, RequestedNames, TlsCertRequest, budget, contract_time};
use crate::port::Notice;
use crate::port::ledger::CertificateRecord;

/// `Certificate Issued`.
pub fn certificate_issued(record: &CertificateRecord) -> Notice {
    Notice {
        subject: "Certificate Issued",
        message: certificate(record),
    }
}

/// `Certificate Revoked`. A record without a revocation has an empty time.
pub fn certificate_revoked(record: &CertificateRecord) -> Notice {
    let revoked = record
        .revocation
        .as_ref()
        .map(|revocation| contract_time(revocation.at));
    Notice {
        subject: "Certificate Revoked",
        message: json!({
            "CommonName": record.common_name,
            "SerialNumber": record.id.serial.to_string(),
            "Revoked": revoked.unwrap_or_default(),
            "Subject": subject_of(record),
        }),
    }
}

/// `Certificate Expiry Warning`, with the whole days that remain.
pub fn expiry_warning(record: &CertificateRecord, days_remaining: i64) -> Notice {
    Notice {
        subject: "Certificate Expiry Warning",
        message: expiring(record, days_remaining),
    }
}

/// `Certificate Expired`; days remaining are zero or negative.
pub fn certificate_expired(record: &CertificateRecord, days_remaining: i64) -> Notice {
    Notice {
        subject: "Certificate Expired",
        message: expiring(record, days_remaining),
    }
}

/// `Certificate Request Rejected`, for a well-formed request. `subject` is the RFC 4514 text of the requested subject,
/// as far as it is known.
pub fn request_rejected(request: &TlsCertRequest, subject: &str, reason: &str) -> Notice {
    let purposes: Vec<&str> = request.purposes.iter().copied().map(Purpose::name).collect();
    let names: Vec<AltNameText> = match &request.alt_names {
        RequestedNames::FromCommonName => Vec::new(),
        RequestedNames::Listed(names) => names.iter().map(AltNameText::from).collect(),
    };
    // A CSR over the budget may have any length, and is left out.
    let csr = request.csr.as_ref().and_then(|csr| csr.octets());
    let csr = csr.filter(|csr| csr.len() <= budget::CSR);
    Notice {
        subject: "Certificate Request Rejected",
        message: json!({
            "CSRInfo": {
                "CommonName": request.subject.common_name,
                "Lifetime": request.lifetime_days,
                "Purposes": purposes,
                "SANs": names,
            },
            "Base64CSR": csr.map(|csr| STANDARD.encode(csr)).unwrap_or_default(),
            "Subject": subject,
            "Reason": reason,
        }),
    }
}

/// `Certificate Request Rejected`, for a request that is not well formed: contains its raw fields, except long ones.
pub fn malformed_request_rejected(request: &Value, reason: &str) -> Notice {
    let field = |name: &str| {
        request
            .get(name)
            .filter(|value| is_brief(value))
            .cloned()
            .unwrap_or(Value::Null)
    };
    let common_name = field("common_name");
    let subject = Subject {
        common_name: common_name.as_str().map(str::to_owned),
        ..Subject::default()
    };
    Notice {
        subject: "Certificate Request Rejected",
        message: json!({
            "CSRInfo": {
                "CommonName": common_name,
                "Lifetime": field("lifetime"),
                "Purposes": field("purposes"),
                "SANs": field("sans"),
            },
            "Base64CSR": field("base64_csr_data").as_str().unwrap_or_default(),
            "Subject": subject.to_name().map(|name| name.to_rfc4514()).unwrap_or_default(),
            "Reason": reason,
        }),
    }
}

/// People read notices, and services that carry them have low size limits: long values are left out.
fn is_brief(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= 16 * 1024,
        Value::Array(values) => {
            values.len() <= 64
                && values
                    .iter()
                    .all(|value| value.as_str().is_some_and(|text| text.len() <= 255))
        }
        Value::Object(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn certificate(record: &CertificateRecord) -> Value {
    let pem = chancery_x509::pem::encode("CERTIFICATE", &record.certificate);
    json!({
        "CertificateInfo": CertificateInfo::from(record),
        "Base64Certificate": STANDARD.encode(pem),
        "Subject": subject_of(record),
    })
}

fn expiring(record: &CertificateRecord, days_remaining: i64) -> Value {
    let mut message = certificate(record);
    message["DaysRemaining"] = days_remaining.into();
    message
}
