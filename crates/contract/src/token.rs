//! `idempotency_token`, with which callers repeat a request.

use serde_json::Value;

use super::Malformed;
use super::field::wrong_type;

/// Most characters of a caller's idempotency token.
const TOKEN: usize = 128;

/// A request's `idempotency_token`, if it has one: 1 to 128 printable ASCII characters.
pub fn caller_token(request: &Value) -> Result<Option<&str>, Malformed> {
    const FIELD: &str = "idempotency_token";
    const EXPECTED: &str = "a string of 1 to 128 printable ASCII characters";
    let text = match request.get(FIELD) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other) => return Err(wrong_type(FIELD, EXPECTED, other)),
    };
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if (1..=TOKEN).contains(&text.len()) && printable {
        return Ok(Some(text));
    }
    Err(Malformed::WrongType {
        field: FIELD.to_owned(),
        expected: EXPECTED,
        found: "another string",
    })
}
