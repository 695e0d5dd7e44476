//! The lists that operators write: JSON, read entry by entry, so that one that is damaged stops no other.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A file that is no list of anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is no JSON list: {detail}")]
pub struct NoList {
    /// The file.
    pub name: &'static str,
    /// Where and what.
    pub detail: String,
}

/// Descriptions of damaged entries that are kept.
const DESCRIBED: usize = 100;

/// The JSON texts of a list's entries, whatever they are.
pub fn entries<'a>(name: &'static str, octets: &'a [u8]) -> Result<Vec<&'a RawValue>, NoList> {
    serde_json::from_slice(octets).map_err(|error| NoList {
        name,
        detail: error.to_string(),
    })
}

/// One entry of a list of objects; in words why it is none.
pub(super) fn entry<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, String> {
    let text = value.get();
    // A list would be taken for the values of an entry's fields.
    if text.starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        Err("it is no object".to_owned())
    }
}

/// The entries of a list, and descriptions of those that are none (at most 100).
pub(super) fn parse<'a, T: Deserialize<'a>>(
    name: &'static str,
    octets: &'a [u8],
) -> Result<(Vec<T>, Vec<String>), NoList> {
    let values = entries(name, octets)?;
    let mut entries = Vec::with_capacity(values.len());
    let mut damaged = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        match entry(value) {
            Ok(entry) => entries.push(entry),
            Err(error) if damaged.len() < DESCRIBED => {
                damaged.push(format!("entry {index} of {name} cannot be used: {error}"));
            }
            Err(_) => {}
        }
    }
    Ok((entries, damaged))
}
