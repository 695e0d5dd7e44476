//! The lists that operators write: JSON, read entry by entry, so that a damaged entry does not affect the others.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::value::RawValue;

/// The error for a file that is not a JSON list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is no JSON list: {detail}")]
pub struct NoList {
    /// The file's name.
    pub name: &'static str,
    /// The parser's message, with the position.
    pub detail: String,
}

/// Most descriptions of damaged entries.
const DESCRIBED: usize = 100;

/// The JSON texts of a list's entries, valid or not.
pub fn entries<'a>(name: &'static str, octets: &'a [u8]) -> Result<Vec<&'a RawValue>, NoList> {
    serde_json::from_slice(octets).map_err(|error| NoList {
        name,
        detail: error.to_string(),
    })
}

/// Parses one entry of a list of objects; the error is text.
pub(super) fn entry<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, String> {
    let text = value.get();
    // Serde would accept an array as the values of an entry's fields, in order.
    if text.starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        Err("it is no object".to_owned())
    }
}

/// The entries of a list, and descriptions of invalid ones (at most 100). Nothing else is kept in memory, since two
/// octets are enough for an entry.
pub(super) fn parse<'a, T: Deserialize<'a>>(
    name: &'static str,
    octets: &'a [u8],
) -> Result<(Vec<T>, Vec<String>), NoList> {
    let no_list = |error: serde_json::Error| NoList {
        name,
        detail: error.to_string(),
    };
    let mut json = serde_json::Deserializer::from_slice(octets);
    let read = json.deserialize_seq(OneByOne {
        name,
        entry: PhantomData,
    });
    let parsed = read.map_err(no_list)?;
    json.end().map_err(no_list)?;
    Ok(parsed)
}

/// Reads a list entry by entry.
struct OneByOne<T> {
    name: &'static str,
    entry: PhantomData<T>,
}

impl<'a, T: Deserialize<'a>> Visitor<'a> for OneByOne<T> {
    type Value = (Vec<T>, Vec<String>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut entries, mut damaged) = (Vec::new(), Vec::new());
        let mut index = 0_usize;
        while let Some(value) = list.next_element::<&RawValue>()? {
            match entry(value) {
                Ok(entry) => entries.push(entry),
                Err(error) if damaged.len() < DESCRIBED => {
                    damaged.push(format!("entry {index} of {} cannot be used: {error}", self.name));
                }
                Err(_) => {}
            }
            index += 1;
        }
        Ok((entries, damaged))
    }
}
