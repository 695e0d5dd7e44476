//! Fields of a JSON object: of the wrong type, and unknown ones.

use serde_json::{Map, Value};

use super::Malformed;

/// Warns of unknown fields, which the contract ignores: a misspelt field has no effect, so its author should know.
pub(super) fn warn_of_unknown(
    object: &Map<String, Value>,
    known: &[&str],
    within: &str,
    named: usize,
    warnings: &mut Vec<String>,
) {
    let mut unknown = object.keys().filter(|field| !known.contains(&field.as_str()));
    for field in unknown.by_ref().take(named) {
        warnings.push(format!(
            "field {:?}{within} is not known and was ignored",
            shortened(field)
        ));
    }
    match unknown.count() {
        0 => {}
        1 => warnings.push(format!("1 more field{within} is not known and was ignored")),
        more => warnings.push(format!("{more} more fields{within} are not known and were ignored")),
    }
}

pub(super) fn wrong_type(field: &str, expected: &'static str, found: &Value) -> Malformed {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Malformed::WrongType {
        field: field.to_owned(),
        expected,
        found,
    }
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
