//! `sans`, in every form that the contract accepts.

use chancery_authority::issue::RequestedNames;
use chancery_x509::san::{AltName, AltNameType};
use serde::Serialize;
use serde_json::Value;

use super::field::{shortened, warn_of_unknown, wrong_type};
use super::{Malformed, budget};

const SHAPES: &str = "a string, a list of strings, a map from type to values, or a list of {type, value}";

/// Parses `sans`: nothing; a DNS name; a list of DNS names; a map from type to one value or a list; a list of `{type,
/// value}`. Strings and objects may be mixed. Invalid names and unknown types are left out with a warning.
pub(super) fn parse(value: Option<&Value>, warnings: &mut Vec<String>) -> Result<RequestedNames, Malformed> {
    let mut given = GivenNames {
        names: Vec::new(),
        count: 0,
        warnings,
    };
    match value {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if text.is_empty() => {}
        Some(Value::String(text)) => given.add("DNS_NAME", text)?,
        Some(Value::Array(elements)) => {
            within_budget(elements.len())?;
            for (index, element) in elements.iter().enumerate() {
                given.add_element(index, element)?;
            }
        }
        Some(Value::Object(map)) => {
            for (kind, values) in map {
                given.add_values(kind, values)?;
            }
        }
        Some(other) => return Err(wrong_type("sans", SHAPES, other)),
    }
    if given.count == 0 {
        return Ok(RequestedNames::FromCommonName);
    }
    Ok(RequestedNames::Listed(given.names))
}

struct GivenNames<'a> {
    names: Vec<AltName>,
    /// Number of given names, valid or not.
    count: usize,
    warnings: &'a mut Vec<String>,
}

impl GivenNames<'_> {
    fn add_element(&mut self, index: usize, element: &Value) -> Result<(), Malformed> {
        match element {
            Value::String(value) => self.add("DNS_NAME", value),
            Value::Object(object) => {
                let field = |name: &str| format!("sans[{index}].{name}");
                warn_of_unknown(
                    object,
                    &["type", "value"],
                    &format!(" of sans[{index}]"),
                    1,
                    self.warnings,
                );
                let kind = match object.get("type") {
                    None | Some(Value::Null) => "DNS_NAME",
                    Some(Value::String(kind)) => kind,
                    Some(other) => return Err(wrong_type(&field("type"), "a string", other)),
                };
                match object.get("value") {
                    Some(Value::String(value)) => self.add(kind, value),
                    Some(other) => Err(wrong_type(&field("value"), "a string", other)),
                    None => Err(wrong_type(&field("value"), "a string", &Value::Null)),
                }
            }
            other => Err(wrong_type(
                &format!("sans[{index}]"),
                "a string or an object with type and value",
                other,
            )),
        }
    }

    fn add_values(&mut self, kind: &str, values: &Value) -> Result<(), Malformed> {
        match values {
            Value::Null => Ok(()),
            Value::String(value) => self.add(kind, value),
            Value::Array(values) => {
                within_budget(self.count + values.len())?;
                for (index, value) in values.iter().enumerate() {
                    let Some(value) = value.as_str() else {
                        return Err(wrong_type(
                            &format!("sans.{}[{index}]", shortened(kind)),
                            "a string",
                            value,
                        ));
                    };
                    self.add(kind, value)?;
                }
                Ok(())
            }
            other => Err(wrong_type(
                &format!("sans.{}", shortened(kind)),
                "a string or a list of strings",
                other,
            )),
        }
    }

    fn add(&mut self, kind: &str, value: &str) -> Result<(), Malformed> {
        self.count += 1;
        within_budget(self.count)?;
        let Some(known) = AltNameType::from_name(kind) else {
            self.warnings.push(format!(
                "alternative name {:?} was left out: its type {:?} is not known",
                shortened(value),
                shortened(kind)
            ));
            return Ok(());
        };
        match AltName::parse(known, value) {
            Ok(name) if self.names.contains(&name) => {}
            Ok(name) => self.names.push(name),
            Err(error) => self.warnings.push(format!("alternative name {error}; it was left out")),
        }
        Ok(())
    }
}

fn within_budget(actual: usize) -> Result<(), Malformed> {
    if actual > budget::ALT_NAMES {
        return Err(Malformed::TooMany {
            field: "sans",
            actual,
            limit: budget::ALT_NAMES,
        });
    }
    Ok(())
}

/// An alternative name in the form of requests and notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AltNameText {
    /// `DNS_NAME`, `IP_ADDRESS`, `EMAIL_ADDRESS`, `URL`, `DN`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The value; for a DN its RFC 4514 text.
    pub value: String,
}

impl From<&AltName> for AltNameText {
    fn from(name: &AltName) -> Self {
        let (kind, value) = match name {
            AltName::Dns(name) => ("DNS_NAME", name.clone()),
            AltName::Ip(address) => ("IP_ADDRESS", address.to_string()),
            AltName::Email(address) => ("EMAIL_ADDRESS", address.clone()),
            AltName::Uri(uri) => ("URL", uri.clone()),
            AltName::Directory(name) => ("DN", name.to_rfc4514()),
        };
        Self { kind, value }
    }
}
