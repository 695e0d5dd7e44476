//! Items of both tables: attributes by name, with typed reads and writes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chancery_x509::time::UnixTime;

/// An item, or an item's key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Item(pub(crate) HashMap<String, AttributeValue>);

/// An attribute that is missing, of the wrong type, or not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribute {attribute} {wrong}")]
pub(crate) struct Malformed {
    pub(crate) attribute: &'static str,
    pub(crate) wrong: String,
}

impl Item {
    /// A key in the journal table.
    pub(crate) fn journal_key(key: impl Into<String>, sort: impl Into<String>) -> Self {
        Self::default().text("Key", key).text("Sort", sort)
    }

    /// A key in the certificate table.
    pub(crate) fn row_key(common_name: impl Into<String>, serial: impl Into<String>) -> Self {
        Self::default()
            .text("CommonName", common_name)
            .text("SerialNumber", serial)
    }

    pub(crate) fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.with(name, AttributeValue::S(value.into()))
    }

    pub(crate) fn optional_text(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// A map from names to lists of texts; left out where it is empty.
    pub(crate) fn optional_texts(self, name: &str, values: &BTreeMap<String, Vec<String>>) -> Self {
        if values.is_empty() {
            return self;
        }
        let list = |texts: &[String]| AttributeValue::L(texts.iter().cloned().map(AttributeValue::S).collect());
        let map = values.iter().map(|(name, texts)| (name.clone(), list(texts)));
        self.with(name, AttributeValue::M(map.collect()))
    }

    pub(crate) fn number(self, name: &str, value: impl Display) -> Self {
        self.with(name, AttributeValue::N(format!("{value}")))
    }

    pub(crate) fn optional_number(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    pub(crate) fn time(self, name: &str, value: UnixTime) -> Self {
        self.number(name, value.0)
    }

    pub(crate) fn octets(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.with(name, AttributeValue::B(Blob::new(value)))
    }

    pub(crate) fn optional_octets(self, name: &str, value: Option<impl Into<Vec<u8>>>) -> Self {
        match value {
            Some(value) => self.octets(name, value),
            None => self,
        }
    }

    pub(crate) fn flag(self, name: &str, value: bool) -> Self {
        self.with(name, AttributeValue::Bool(value))
    }

    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn as_text(&self, name: &'static str) -> Result<&str, Malformed> {
        match self.0.get(name) {
            Some(AttributeValue::S(value)) => Ok(value),
            other => Err(wrong(name, other, "a string")),
        }
    }

    pub(crate) fn as_number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, Malformed> {
        match self.0.get(name) {
            Some(AttributeValue::N(value)) => value.parse().map_err(|_| Malformed {
                attribute: name,
                wrong: format!("is out of range: {value}"),
            }),
            other => Err(wrong(name, other, "a number")),
        }
    }

    pub(crate) fn as_time(&self, name: &'static str) -> Result<UnixTime, Malformed> {
        self.as_number(name).map(UnixTime)
    }

    pub(crate) fn as_octets(&self, name: &'static str) -> Result<&[u8], Malformed> {
        match self.0.get(name) {
            Some(AttributeValue::B(value)) => Ok(value.as_ref()),
            other => Err(wrong(name, other, "binary")),
        }
    }

    pub(crate) fn as_flag(&self, name: &'static str) -> Result<bool, Malformed> {
        match self.0.get(name) {
            Some(AttributeValue::Bool(value)) => Ok(*value),
            other => Err(wrong(name, other, "a boolean")),
        }
    }

    pub(crate) fn as_list(&self, name: &'static str) -> Result<&[AttributeValue], Malformed> {
        match self.0.get(name) {
            Some(AttributeValue::L(values)) => Ok(values),
            other => Err(wrong(name, other, "a list")),
        }
    }

    pub(crate) fn as_texts(&self, name: &'static str) -> Result<BTreeMap<String, Vec<String>>, Malformed> {
        let value = self.0.get(name);
        let not_texts = || wrong(name, value, "a map of lists of strings");
        let map = value.and_then(|value| value.as_m().ok()).ok_or_else(not_texts)?;
        map.iter()
            .map(|(key, list)| {
                let texts = list.as_l().ok().and_then(|list| {
                    list.iter()
                        .map(|text| text.as_s().ok().cloned())
                        .collect::<Option<Vec<_>>>()
                });
                Ok((key.clone(), texts.ok_or_else(not_texts)?))
            })
            .collect()
    }

    /// Parses a string attribute.
    pub(crate) fn parse<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Malformed> {
        parse(self.as_text(name)?).map_err(|error| Malformed {
            attribute: name,
            wrong: format!("cannot be read: {error}"),
        })
    }

    /// Reads an attribute that may be missing; if it is there, it must be valid.
    pub(crate) fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Self, &'static str) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.has(name) {
            read(self, name).map(Some)
        } else {
            Ok(None)
        }
    }
}

fn wrong(attribute: &'static str, value: Option<&AttributeValue>, wanted: &str) -> Malformed {
    let wrong = match value {
        None => "is missing".to_owned(),
        Some(_) => format!("is not {wanted}"),
    };
    Malformed { attribute, wrong }
}
