//! Distinguished names (RFC 5280 section 4.1.2.4), and the seven attributes that a request can set.

mod attribute;
mod characters;
mod composed;
mod rfc4514;
mod subject;

use std::borrow::Cow;

use const_oid::ObjectIdentifier;

pub use characters::is_invisible;
pub use composed::{Composed, LeftOut};
pub use subject::Subject;

use crate::tlv::{NotDer, Reader, Tlv, tag};

/// A distinguished name, as the DER from which it was parsed or into which it was built.
///
/// The DER is kept because names are compared and copied as octets where it matters: a certificate's issuer must equal
/// its CA's subject byte for byte.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    der: Vec<u8>,
}

/// Why bytes are not a name, or values do not make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not a DER Name.
    #[error("the distinguished name is malformed")]
    Malformed,
    /// A value longer than X.520's upper bound (RFC 5280 appendix A).
    #[error("{attribute} has {actual} characters, at most {limit} are allowed")]
    TooLong {
        /// The attribute's field name, e.g. `common_name`.
        attribute: &'static str,
        /// Characters given.
        actual: usize,
        /// The upper bound.
        limit: usize,
    },
    /// Octets that are not valid for their string type (X.680, RFC 5280 appendix A.1).
    #[error(
        "{label} ({attribute}) cannot be read: its octets are not those of {string}; give it with the request in its \
         place, or make the CSR anew"
    )]
    Unreadable {
        /// The attribute's field name.
        attribute: &'static str,
        /// Its short name, e.g. `O`.
        label: &'static str,
        /// The string type, with its article.
        string: &'static str,
    },
    /// A value that is invalid for its attribute: an empty one, a country that is not two letters, control characters,
    /// …
    #[error("{attribute} is invalid: {detail}")]
    Invalid {
        /// The attribute's field name; `distinguished_name` for faults of a text as a whole.
        attribute: &'static str,
        /// What is wrong.
        detail: &'static str,
    },
}

/// One `AttributeTypeAndValue` of a name.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// The attribute's type.
    pub oid: ObjectIdentifier,
    value: Tlv<'a>,
}

impl<'a> Attribute<'a> {
    /// The value as text, if it is of a string type and well-formed for it.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        attribute::text(self.value.tag, self.value.content)
    }

    /// The value's DER.
    pub fn value_der(&self) -> &'a [u8] {
        self.value.raw
    }

    /// The type's short name (`CN`, `O`, …), or its dotted OID.
    pub fn label(&self) -> Cow<'static, str> {
        match attribute::short_name(&self.oid) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(self.oid.to_string()),
        }
    }
}

impl Name {
    /// Parses a DER Name: a SEQUENCE of non-empty SETs of type and value. Values of any type are accepted.
    pub fn from_der(der: &[u8]) -> Result<Self, NameError> {
        check(der).map_err(|_: NotDer| NameError::Malformed)?;
        Ok(Self { der: der.to_vec() })
    }

    /// Parses RFC 4514 text, whose last RDN comes first in the DER. Spaces around separators are ignored, as in RFC
    /// 2253; types are short names in any case (`CN`, `O`, …, also `emailAddress` and `E`) or dotted OIDs.
    ///
    /// Values of the seven attributes have the same bounds as in [`Subject::to_name`].
    pub fn from_rfc4514(text: &str) -> Result<Self, NameError> {
        rfc4514::parse(text)
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// RFC 4514 text: last RDN first, escaped; the `Subject` in the API's answers.
    ///
    /// Types without a short name in RFC 4514 are written as dotted OIDs, as Python's `cryptography` does.
    pub fn to_rfc4514(&self) -> String {
        rfc4514::format(self)
    }

    /// The first value of each of the seven attributes, at any position (multi-valued RDNs included).
    pub fn attributes(&self) -> Subject {
        Subject::of(self)
    }

    /// Whether the name has no RDN at all.
    pub fn is_empty(&self) -> bool {
        self.der == [tag::SEQUENCE, 0]
    }

    /// Every attribute, in the order of the DER.
    pub fn iter(&self) -> impl Iterator<Item = Attribute<'_>> {
        self.rdns().flatten()
    }

    /// The relative distinguished names, in the order of the DER, each as its attributes.
    pub fn rdns(&self) -> impl Iterator<Item = impl Iterator<Item = Attribute<'_>>> {
        // The structure was checked when the name was made: no value can be lost to an error here.
        let rdns = Reader::only(&self.der, tag::SEQUENCE).unwrap_or(Reader::new(&[]));
        values(rdns).map(|rdn| values(rdn.reader()).filter_map(|pair| attribute(&pair).ok()))
    }

    /// Whether a value has invisible characters, or ones that change the order of others.
    pub(crate) fn has_invisible_text(&self) -> bool {
        self.iter()
            .filter_map(|each| each.text())
            .any(|text| text.chars().any(is_invisible))
    }

    /// The texts of every emailAddress attribute.
    pub(crate) fn email_addresses(&self) -> impl Iterator<Item = Option<Cow<'_, str>>> {
        self.iter()
            .filter(|each| each.oid == attribute::EMAIL_ADDRESS)
            .map(|each| each.text())
    }

    /// The texts of every commonName attribute; `None` for one that is not text.
    pub fn common_names(&self) -> impl Iterator<Item = Option<Cow<'_, str>>> {
        self.iter()
            .filter(|each| each.oid == attribute::COMMON_NAME)
            .map(|each| each.text())
    }

    /// A name from DER that this module just wrote.
    fn from_written(der: Vec<u8>) -> Self {
        Self { der }
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Name({:?})", self.to_rfc4514())
    }
}

impl std::fmt::Display for Name {
    /// [`Name::to_rfc4514`].
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_rfc4514())
    }
}

fn check(der: &[u8]) -> Result<(), NotDer> {
    let mut rdns = Reader::only(der, tag::SEQUENCE)?;
    while !rdns.is_empty() {
        let mut pairs = rdns.expect(tag::SET)?.reader();
        loop {
            attribute(&pairs.expect(tag::SEQUENCE)?)?;
            if pairs.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

fn attribute<'a>(pair: &Tlv<'a>) -> Result<Attribute<'a>, NotDer> {
    let mut fields = pair.reader();
    let oid = fields.read()?.oid()?;
    let value = fields.read()?;
    fields.finish()?;
    Ok(Attribute { oid, value })
}

fn values(mut reader: Reader<'_>) -> impl Iterator<Item = Tlv<'_>> {
    std::iter::from_fn(move || reader.read().ok())
}

#[cfg(test)]
mod tests;
