//! Parses JSON into a typed request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::issue::{CsrFile, CsrFileName, FoundCsr, ListedNames, TlsPurpose};
use chancery_x509::extension::extended_key_usage;
use chancery_x509::name::Subject;
use const_oid::ObjectIdentifier;
use serde_json::{Map, Value};

use super::field::{shortened, warn_of_unknown, wrong_type};
use super::{CsrSource, Malformed, RequestedExtension, TlsCertRequest, budget, purpose_named, sans};

/// Fields of a request. Clients of the former authority send `passphrase`, which has no effect; front ends that support
/// it read `idempotency_token`.
const FIELDS: [&str; 24] = [
    "base64_csr_data",
    "ca_chain_only",
    "cert_bundle",
    "common_name",
    "country",
    "csr_file",
    "email_address",
    "extended_key_usages",
    "extensions",
    "force_issue",
    "idempotency_token",
    "lifetime",
    "locality",
    "no_common_name",
    "notify_expiry",
    "notify_issued",
    "organization",
    "organizational_unit",
    "passphrase",
    "profile",
    "purposes",
    "sans",
    "sans_from_csr",
    "state",
];

/// Fields of a custom extension.
const EXTENSION_FIELDS: [&str; 3] = ["critical", "oid", "value_b64"];

/// Most unknown fields of a request that are named (one for an alternative name or extension); the rest are only
/// counted.
const NAMED_UNKNOWN_FIELDS: usize = 8;

/// Parses a request's JSON text into a value, within [`budget::REQUEST`].
pub fn request_value(text: &[u8]) -> Result<Value, Malformed> {
    if text.len() > budget::REQUEST {
        return Err(Malformed::TooLong {
            actual: text.len(),
            limit: budget::REQUEST,
        });
    }
    serde_json::from_slice(text).map_err(|error| Malformed::NotJson {
        detail: error.to_string(),
    })
}

impl TlsCertRequest {
    /// Parses a request's JSON text.
    pub fn from_json(text: &[u8]) -> Result<Self, Malformed> {
        Self::from_value(&request_value(text)?)
    }

    /// Parses a request. The front end must bound the size of the value.
    pub fn from_value(value: &Value) -> Result<Self, Malformed> {
        let object = value.as_object().ok_or(Malformed::NotAnObject)?;
        // The other fields of a request for the chain are ignored.
        if flag(object, "ca_chain_only")? == Some(true) {
            return Ok(Self {
                ca_chain_only: true,
                ..Self::default()
            });
        }
        let mut warnings = Vec::new();
        warn_of_unknown(object, &FIELDS, "", NAMED_UNKNOWN_FIELDS, &mut warnings);
        let subject = subject(object)?;
        let profile = text(object, "profile")?;
        let no_common_name = flag(object, "no_common_name")?.unwrap_or(false);
        match (&subject.common_name, no_common_name) {
            (Some(_), true) => return Err(Malformed::CommonNameAndNone),
            (None, false) if profile.is_none() => return Err(Malformed::NoCommonName),
            _ => {}
        }
        Ok(Self {
            subject,
            lifetime_days: lifetime(object)?,
            purposes: purposes(object, &mut warnings)?,
            extended_key_usages: extended_key_usages(object)?,
            no_common_name,
            alt_names: sans::parse(object.get("sans"), &mut warnings)?,
            sans_from_csr: flag(object, "sans_from_csr")?.unwrap_or(false),
            extensions: extensions(object, &mut warnings)?,
            csr: Some(csr(object)?),
            profile,
            force_issue: flag(object, "force_issue")?.unwrap_or(false),
            cert_bundle: flag(object, "cert_bundle")?.unwrap_or(false),
            ca_chain_only: false,
            notify_expiry: flag(object, "notify_expiry")?,
            notify_issued: flag(object, "notify_issued")?,
            notices_by_default: false,
            warnings,
        })
    }
}

/// The names in an entry of an operator's list, parsed like those of a request. Invalid ones are left out as well.
pub fn listed_names(value: &Value) -> Result<ListedNames, Malformed> {
    let object = value.as_object().ok_or(Malformed::NotAnObject)?;
    Ok(ListedNames {
        subject: subject(object)?,
        alt_names: sans::parse(object.get("sans"), &mut Vec::new())?,
    })
}

fn subject(object: &Map<String, Value>) -> Result<Subject, Malformed> {
    Ok(Subject {
        common_name: text(object, "common_name")?,
        country: text(object, "country")?,
        email_address: text(object, "email_address")?,
        locality: text(object, "locality")?,
        organization: text(object, "organization")?,
        organizational_unit: text(object, "organizational_unit")?,
        state: text(object, "state")?,
    })
}

fn lifetime(object: &Map<String, Value>) -> Result<Option<u64>, Malformed> {
    let number = match object.get("lifetime") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number,
        Some(other) => return Err(wrong_type("lifetime", "a whole number of days", other)),
    };
    if let Some(days) = number.as_u64().filter(|&days| days > 0) {
        return Ok(Some(days));
    }
    match number.as_i64() {
        Some(days) => Err(Malformed::LifetimeTooShort { days }),
        None => Err(Malformed::WrongType {
            field: "lifetime".into(),
            expected: "a whole number of days",
            found: "a fraction or a number too great",
        }),
    }
}

fn purposes(object: &Map<String, Value>, warnings: &mut Vec<String>) -> Result<Vec<TlsPurpose>, Malformed> {
    let mut purposes = Vec::new();
    for (index, value) in list(object, "purposes", budget::USAGES)?.iter().enumerate() {
        let name = element(value, "purposes", index)?;
        match purpose_named(name) {
            Some(purpose) if purposes.contains(&purpose) => {}
            Some(purpose) => purposes.push(purpose),
            None => warnings.push(format!("purpose {:?} is not known and was left out", shortened(name))),
        }
    }
    Ok(purposes)
}

fn extended_key_usages(object: &Map<String, Value>) -> Result<Vec<ObjectIdentifier>, Malformed> {
    let mut usages = Vec::new();
    for (index, value) in list(object, "extended_key_usages", budget::USAGES)?.iter().enumerate() {
        let name = element(value, "extended_key_usages", index)?;
        if name == "NONE" {
            continue;
        }
        let usage = extended_key_usage(name).ok_or_else(|| Malformed::ExtendedKeyUsage { value: shortened(name) })?;
        if !usages.contains(&usage) {
            usages.push(usage);
        }
    }
    Ok(usages)
}

fn extensions(object: &Map<String, Value>, warnings: &mut Vec<String>) -> Result<Vec<RequestedExtension>, Malformed> {
    let values = list(object, "extensions", budget::EXTENSIONS)?;
    values
        .iter()
        .enumerate()
        .map(|(index, value)| extension(index, value, warnings))
        .collect()
}

fn extension(index: usize, value: &Value, warnings: &mut Vec<String>) -> Result<RequestedExtension, Malformed> {
    let object = value.as_object().ok_or_else(|| {
        wrong_type(
            &format!("extensions[{index}]"),
            "an object with oid, value_b64 and critical",
            value,
        )
    })?;
    warn_of_unknown(
        object,
        &EXTENSION_FIELDS,
        &format!(" of extensions[{index}]"),
        1,
        warnings,
    );
    let required = |field: &'static str| match object.get(field) {
        None | Some(Value::Null) => Err(Malformed::ExtensionField { field }),
        Some(Value::String(text)) if text.is_empty() => Err(Malformed::ExtensionField { field }),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(wrong_type(&format!("extensions[{index}].{field}"), "a string", other)),
    };
    let oid = required("oid")?;
    if oid.len() > budget::TEXT {
        let field = format!("extensions[{index}].oid");
        return Err(Malformed::TextTooLong {
            field,
            actual: oid.len(),
            limit: budget::TEXT,
        });
    }
    let critical = match object.get("critical") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(critical)) => *critical,
        // `"false"` is a string, which a loosely typed language would treat as true.
        Some(other) => {
            return Err(wrong_type(
                &format!("extensions[{index}].critical"),
                "true or false",
                other,
            ));
        }
    };
    Ok(RequestedExtension {
        oid,
        value_b64: required("value_b64")?,
        critical,
    })
}

/// The named file, else the inline data.
fn csr(object: &Map<String, Value>) -> Result<CsrSource, Malformed> {
    if let Some(name) = text(object, "csr_file")? {
        return Ok(CsrSource::File(CsrFile {
            name: CsrFileName::new(&name)?,
            found: FoundCsr::Unread,
            listed: Vec::new(),
        }));
    }
    let encoded = match object.get("base64_csr_data") {
        None | Some(Value::Null) => return Err(Malformed::NoCsr),
        Some(Value::String(encoded)) if encoded.is_empty() => return Err(Malformed::NoCsr),
        Some(Value::String(encoded)) => encoded,
        Some(other) => return Err(wrong_type("base64_csr_data", "a string", other)),
    };
    decode_csr(encoded).map(CsrSource::Inline)
}

fn decode_csr(encoded: &str) -> Result<Vec<u8>, Malformed> {
    // Base64 is a third longer than its content, plus line breaks; twice as long is certainly too long.
    if encoded.len() > 2 * budget::CSR {
        return Err(Malformed::CsrTooLong {
            actual: encoded.len() / 4 * 3,
            limit: budget::CSR,
        });
    }
    let decoded = if encoded.bytes().any(|byte| byte.is_ascii_whitespace()) {
        let unbroken: Vec<u8> = encoded.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        STANDARD.decode(unbroken)
    } else {
        STANDARD.decode(encoded)
    };
    let octets = decoded.map_err(|_| Malformed::CsrBase64)?;
    if octets.len() > budget::CSR {
        return Err(Malformed::CsrTooLong {
            actual: octets.len(),
            limit: budget::CSR,
        });
    }
    Ok(octets)
}

/// A text; `None` where it is missing, null or empty.
fn text(object: &Map<String, Value>, field: &str) -> Result<Option<String>, Malformed> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text.len() > budget::TEXT => Err(Malformed::TextTooLong {
            field: field.to_owned(),
            actual: text.len(),
            limit: budget::TEXT,
        }),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(wrong_type(field, "a string", other)),
    }
}

fn flag(object: &Map<String, Value>, field: &str) -> Result<Option<bool>, Malformed> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(wrong_type(field, "true or false", other)),
    }
}

/// A list within its budget; empty where it is missing or null.
fn list<'a>(object: &'a Map<String, Value>, field: &'static str, limit: usize) -> Result<&'a [Value], Malformed> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(values)) if values.len() > limit => Err(Malformed::TooMany {
            field,
            actual: values.len(),
            limit,
        }),
        Some(Value::Array(values)) => Ok(values),
        Some(other) => Err(wrong_type(field, "a list", other)),
    }
}

fn element<'a>(value: &'a Value, field: &str, index: usize) -> Result<&'a str, Malformed> {
    value
        .as_str()
        .ok_or_else(|| wrong_type(&format!("{field}[{index}]"), "a string", value))
}
