//! The attributes of a request's subject.

use const_oid::ObjectIdentifier;

use super::{Name, NameError, attribute};
use crate::tlv::{Writer, tag};

/// The attributes that a subject can have here. Encoded in the order of the drop-in contract: CN, C, emailAddress, L,
/// O, OU, ST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// CN, up to 64 characters.
    pub common_name: Option<String>,
    /// C, two letters.
    pub country: Option<String>,
    /// emailAddress, up to 255 characters, IA5String.
    pub email_address: Option<String>,
    /// L, up to 128 characters.
    pub locality: Option<String>,
    /// O, up to 64 characters.
    pub organization: Option<String>,
    /// OU, up to 64 characters.
    pub organizational_unit: Option<String>,
    /// ST, up to 128 characters.
    pub state: Option<String>,
}

impl Subject {
    /// Takes each value from `self` if present, else from `fallback`.
    #[must_use]
    pub fn or(self, fallback: Subject) -> Self {
        Self {
            common_name: self.common_name.or(fallback.common_name),
            country: self.country.or(fallback.country),
            email_address: self.email_address.or(fallback.email_address),
            locality: self.locality.or(fallback.locality),
            organization: self.organization.or(fallback.organization),
            organizational_unit: self.organizational_unit.or(fallback.organizational_unit),
            state: self.state.or(fallback.state),
        }
    }

    /// Encodes the subject: one attribute per RDN, PrintableString for C, IA5String for emailAddress, UTF8String
    /// otherwise.
    pub fn to_name(&self) -> Result<Name, NameError> {
        let mut writer = Writer::with_capacity(256);
        let mut outcome = Ok(());
        writer.nested(tag::SEQUENCE, |rdns| {
            outcome = self.present().try_for_each(|(oid, value)| {
                let mut written = Ok(());
                rdns.nested(tag::SET, |rdn| written = attribute::write(rdn, &oid, value));
                written
            });
        });
        outcome.map(|()| Name::from_written(writer.finish()))
    }

    /// The first value of each attribute of a name. A value that is not text is ignored.
    pub(super) fn of(name: &Name) -> Self {
        let mut subject = Self::default();
        for each in name.iter() {
            let Some(field) = subject.field(&each.oid) else {
                continue;
            };
            if field.is_none() {
                *field = each.text().map(std::borrow::Cow::into_owned);
            }
        }
        subject
    }

    pub(super) fn field(&mut self, oid: &ObjectIdentifier) -> Option<&mut Option<String>> {
        match *oid {
            attribute::COMMON_NAME => Some(&mut self.common_name),
            attribute::COUNTRY => Some(&mut self.country),
            attribute::EMAIL_ADDRESS => Some(&mut self.email_address),
            attribute::LOCALITY => Some(&mut self.locality),
            attribute::ORGANIZATION => Some(&mut self.organization),
            attribute::ORGANIZATIONAL_UNIT => Some(&mut self.organizational_unit),
            attribute::STATE => Some(&mut self.state),
            _ => None,
        }
    }

    /// The value of an attribute type.
    pub(super) fn value(&self, oid: &ObjectIdentifier) -> Option<&str> {
        self.present().find(|(each, _)| each == oid).map(|(_, value)| value)
    }

    /// The attributes that are present, in the order of the drop-in contract.
    pub(super) fn present(&self) -> impl Iterator<Item = (ObjectIdentifier, &str)> {
        [
            (attribute::COMMON_NAME, &self.common_name),
            (attribute::COUNTRY, &self.country),
            (attribute::EMAIL_ADDRESS, &self.email_address),
            (attribute::LOCALITY, &self.locality),
            (attribute::ORGANIZATION, &self.organization),
            (attribute::ORGANIZATIONAL_UNIT, &self.organizational_unit),
            (attribute::STATE, &self.state),
        ]
        .into_iter()
        .filter_map(|(oid, value)| Some((oid, value.as_deref()?)))
    }
}
