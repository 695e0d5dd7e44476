//! The tree of an inspection, which can be shown as text and converted to JSON without loss.

use std::borrow::Cow;

/// A labelled value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// For programs: camelCase, unique among its siblings.
    pub key: &'static str,
    /// For people, e.g. `Serial number`.
    pub label: &'static str,
    /// The value.
    pub value: Value,
}

/// A value of an inspection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Text, with control characters escaped.
    Text(String),
    /// A count or a size.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// Several values, in order.
    List {
        /// The items shown.
        items: Vec<Value>,
        /// The number of items omitted.
        omitted: usize,
    },
    /// Named values: an object in JSON.
    Group(Vec<Field>),
    /// An extension.
    Extension(Box<ExtensionValue>),
}

/// An extension of a certificate, a request or a CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionValue {
    /// Its object identifier, in dotted form.
    pub oid: String,
    /// The standards' identifier, e.g. `keyUsage`; the object identifier if there is none.
    pub name: String,
    /// For people, e.g. `Key usage`.
    pub label: String,
    /// Whether it is critical.
    pub critical: bool,
    /// Its decoded value; octets in hexadecimal if it is unknown or malformed.
    pub value: Value,
}

impl Field {
    pub(super) fn new(key: &'static str, label: &'static str, value: impl Into<Value>) -> Self {
        Self {
            key,
            label,
            value: value.into(),
        }
    }
}

impl Value {
    /// The first `limit` of the values; the rest is only counted.
    pub(super) fn list<T>(values: impl Iterator<Item = T>, limit: usize, mut make: impl FnMut(T) -> Self) -> Self {
        let mut items = Vec::new();
        let mut omitted = 0;
        for value in values {
            if items.len() < limit {
                items.push(make(value));
            } else {
                omitted += 1;
            }
        }
        Self::List { items, omitted }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(match clean(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(cleaned) => cleaned,
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(clean(text).into_owned())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Vec<Field>> for Value {
    fn from(fields: Vec<Field>) -> Self {
        Self::Group(fields)
    }
}

/// Escapes characters that could move a terminal's cursor or reverse the text direction: names in certificates are
/// untrusted.
fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            cleaned.extend(character.escape_unicode());
        } else {
            cleaned.push(character);
        }
    }
    Cow::Owned(cleaned)
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `AB:CD:…`, as in certificate viewers.
pub(super) fn colons(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 3);
    for (index, octet) in octets.iter().enumerate() {
        if index > 0 {
            text.push(':');
        }
        text.push_str(&data_encoding::HEXUPPER.encode(&[*octet]));
    }
    text
}

/// Hexadecimal of at most `limit` octets, followed by the total length if there are more.
pub(super) fn shortened(octets: &[u8], limit: usize) -> String {
    match octets.get(..limit) {
        Some(first) if octets.len() > limit => format!("{}… ({} octets)", colons(first), octets.len()),
        _ => colons(octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(
            Value::from("a\u{1b}[2Jb\u{202e}c"),
            Value::Text("a\\u{1b}[2Jb\\u{202e}c".to_owned())
        );
        assert_eq!(Value::from("Grüße, 世界"), Value::Text("Grüße, 世界".to_owned()));
    }

    #[test]
    fn long_octets_are_shortened() {
        assert_eq!(shortened(&[1, 2, 0xab], 3), "01:02:AB");
        assert_eq!(shortened(&[1, 2, 0xab], 2), "01:02… (3 octets)");
        assert_eq!(shortened(&[], 0), "");
    }

    #[test]
    fn lists_count_what_they_leave_out() {
        let list = Value::list(1_u64..=5, 2, Value::from);
        let items = vec![Value::Number(1), Value::Number(2)];
        assert_eq!(list, Value::List { items, omitted: 3 });
    }
}
