//! Composes a certificate's subject from a request's: which attributes are kept, replaced, or left out.

use std::fmt;

use const_oid::ObjectIdentifier;

use super::rfc4514::encode_rdn;
use super::{Attribute, Name, NameError, Subject, attribute};
use crate::tlv::{Writer, tag};

/// A subject, and the attributes of the request that it lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// The subject; it may be empty.
    pub name: Name,
    /// Attributes of the request that were left out, in order.
    pub left_out: Vec<LeftOut>,
}

/// An attribute that was left out. Displayed by name, with its OID if the name is uncommon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    attribute: String,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    NotPermitted,
    Empty,
    OneEach,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.reason {
            Reason::NotPermitted => "certificates here do not have attributes of that type",
            Reason::Empty => "it is empty",
            Reason::OneEach => "one value of each type is taken, the first",
        };
        write!(f, "subject attribute {} was left out: {why}", self.attribute)
    }
}

impl Name {
    /// Composes the subject of a certificate from this name in a request: every attribute of a permitted type, in its
    /// order and multiplicity (names match in order: RFC 5280 section 7.1), each with the string type of appendix A.1.
    /// A multi-valued RDN stays one.
    ///
    /// An attribute of `fixed` replaces all values of its type, at the position of the first one, or else at the end;
    /// so an unreadable value does not matter if another one is fixed. Without `common_name`, all common names are
    /// dropped.
    pub fn compose(&self, fixed: &Subject, common_name: bool) -> Result<Composed, NameError> {
        let mut left_out = Vec::new();
        let mut placed: Vec<ObjectIdentifier> = Vec::new();
        let mut rdns = Vec::new();
        for rdn in self.rdns() {
            let mut pairs = Vec::new();
            for each in rdn {
                if !common_name && each.oid == attribute::COMMON_NAME {
                    continue;
                }
                if let Some(value) = fixed.value(&each.oid) {
                    if !placed.contains(&each.oid) {
                        placed.push(each.oid);
                        pairs.push(pair(&each.oid, value)?);
                    }
                    continue;
                }
                match readable(&each)? {
                    Ok(value) => pairs.push(pair(&each.oid, &value)?),
                    Err(reason) => left_out.push(LeftOut::of(&each, reason)),
                }
            }
            if !pairs.is_empty() {
                rdns.push(encode_rdn(pairs));
            }
        }
        for (oid, value) in fixed.present().filter(|(oid, _)| !placed.contains(oid)) {
            rdns.push(encode_rdn(vec![pair(&oid, value)?]));
        }
        let mut writer = Writer::with_capacity(self.der.len() + 256);
        writer.nested(tag::SEQUENCE, |writer| rdns.iter().for_each(|rdn| writer.raw(rdn)));
        Ok(Composed {
            name: Self::from_written(writer.finish()),
            left_out,
        })
    }

    /// The same, limited to the seven attributes of the drop-in contract in its order, with only the first value of
    /// each.
    pub fn compose_fields(&self, fixed: &Subject, common_name: bool) -> Result<Composed, NameError> {
        let mut subject = fixed.clone();
        let mut left_out = Vec::new();
        for each in self.iter() {
            let dropped = !common_name && each.oid == attribute::COMMON_NAME;
            if dropped || fixed.value(&each.oid).is_some() {
                continue;
            }
            let Some(field) = subject.field(&each.oid) else {
                left_out.push(LeftOut::of(&each, Reason::NotPermitted));
                continue;
            };
            match readable(&each)? {
                Ok(value) if field.is_none() => *field = Some(value),
                Ok(_) => left_out.push(LeftOut::of(&each, Reason::OneEach)),
                Err(reason) => left_out.push(LeftOut::of(&each, reason)),
            }
        }
        for (oid, value) in subject.present() {
            attribute::check_visible(&oid, value)?;
        }
        Ok(Composed {
            name: subject.to_name()?,
            left_out,
        })
    }
}

impl LeftOut {
    fn of(attribute: &Attribute<'_>, reason: Reason) -> Self {
        let oid = attribute.oid;
        let attribute = match attribute::any_name(&oid) {
            Some(name) => name.to_owned(),
            None => oid.to_string(),
        };
        Self { attribute, reason }
    }
}

/// The text of an attribute of a permitted type, or why it is left out; an error if it cannot be read.
fn readable(each: &Attribute<'_>) -> Result<Result<String, Reason>, NameError> {
    let Some(attribute) = attribute::field(&each.oid) else {
        return Ok(Err(Reason::NotPermitted));
    };
    let text = each.text().ok_or_else(|| NameError::Unreadable {
        attribute,
        label: attribute::any_name(&each.oid).unwrap_or(attribute),
        string: attribute::string_name(each.value.tag),
    })?;
    if text.trim().is_empty() {
        return Ok(Err(Reason::Empty));
    }
    Ok(Ok(text.into_owned()))
}

fn pair(oid: &ObjectIdentifier, value: &str) -> Result<Vec<u8>, NameError> {
    attribute::check_visible(oid, value)?;
    let mut writer = Writer::default();
    attribute::write(&mut writer, oid, value)?;
    Ok(writer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(rdns: &[&[(&str, u8, &[u8])]]) -> Name {
        let mut writer = Writer::default();
        writer.nested(tag::SEQUENCE, |name| {
            for rdn in rdns {
                name.nested(tag::SET, |set| {
                    for (oid, tag, value) in *rdn {
                        set.nested(tag::SEQUENCE, |pair| {
                            pair.oid(&ObjectIdentifier::new(oid).unwrap());
                            pair.value(*tag, value);
                        });
                    }
                });
            }
        });
        Name::from_der(&writer.finish()).unwrap()
    }

    const CN: &str = "2.5.4.3";
    const O: &str = "2.5.4.10";
    const OU: &str = "2.5.4.11";
    const DC: &str = "0.9.2342.19200300.100.1.25";
    const UID: &str = "0.9.2342.19200300.100.1.1";
    const SERIAL_NUMBER: &str = "2.5.4.5";

    fn directory() -> Name {
        name(&[
            &[(DC, tag::UTF8_STRING, b"example")],
            &[(DC, tag::IA5_STRING, b"corp")],
            &[(O, tag::PRINTABLE_STRING, b"One")],
            &[(O, tag::BMP_STRING, b"\0T\0w\0o")],
            &[
                (SERIAL_NUMBER, tag::UTF8_STRING, b"SN-1"),
                (UID, tag::TELETEX_STRING, b"u1"),
            ],
            &[(CN, tag::UTF8_STRING, b"pump")],
            &[("1.2.3.4", tag::UTF8_STRING, b"x")],
        ])
    }

    fn tags(name: &Name) -> Vec<u8> {
        name.iter().map(|each| each.value.tag).collect()
    }

    #[test]
    fn order_and_multiplicity_are_kept_with_the_right_string_types() {
        let composed = directory().compose(&Subject::default(), true).unwrap();
        let labels: Vec<_> = composed
            .name
            .iter()
            .map(|each| (each.label().into_owned(), each.text().unwrap().into_owned()))
            .collect();
        let expected = [
            ("DC", "example"),
            ("DC", "corp"),
            ("O", "One"),
            ("O", "Two"),
            ("2.5.4.5", "SN-1"),
            ("UID", "u1"),
            ("CN", "pump"),
        ];
        let mut got: Vec<(&str, &str)> = labels
            .iter()
            .map(|(label, text)| (label.as_str(), text.as_str()))
            .collect();
        // The elements of a SET are in the order of their DER.
        got[4..6].sort_unstable();
        assert_eq!(got, expected);
        assert_eq!(composed.name.rdns().count(), 6, "the multi-valued RDN is one");
        let [ia5, utf8, printable] = [tag::IA5_STRING, tag::UTF8_STRING, tag::PRINTABLE_STRING];
        let mut got = tags(&composed.name);
        got[4..6].sort_unstable();
        assert_eq!(got, [ia5, ia5, utf8, utf8, utf8, printable, utf8]);
        let left_out: Vec<String> = composed.left_out.iter().map(ToString::to_string).collect();
        assert_eq!(left_out.len(), 1);
        assert!(left_out[0].contains("1.2.3.4"), "{left_out:?}");
    }

    #[test]
    fn what_is_fixed_takes_the_place_of_all_values_of_its_type() {
        let fixed = Subject {
            organization: Some("Fixed".into()),
            country: Some("DE".into()),
            ..Subject::default()
        };
        let composed = directory().compose(&fixed, true).unwrap().name;
        let own = Name::from_rfc4514("C=DE,CN=pump,UID=u1+serialNumber=SN-1,O=Fixed,DC=corp,DC=example").unwrap();
        assert_eq!(composed, own);
        let without = directory().compose(&fixed, false).unwrap().name;
        assert_eq!(without.attributes().common_name, None);
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name_unless_it_is_replaced() {
        let latin1 = name(&[
            &[(O, tag::PRINTABLE_STRING, b"M\xfcller")],
            &[(CN, tag::UTF8_STRING, b"a")],
        ]);
        for refused in [
            latin1.compose(&Subject::default(), true),
            latin1.compose_fields(&Subject::default(), true),
        ] {
            let message = refused.unwrap_err().to_string();
            assert!(
                message.contains("organization") && message.contains('O') && message.contains("PrintableString"),
                "{message}"
            );
        }
        let fixed = Subject {
            organization: Some("Müller".into()),
            ..Subject::default()
        };
        for taken in [latin1.compose(&fixed, true), latin1.compose_fields(&fixed, true)] {
            assert_eq!(taken.unwrap().name.attributes().organization.as_deref(), Some("Müller"));
        }
        let odd = name(&[&[(CN, tag::BMP_STRING, b"\0a\0")]]);
        assert!(odd.compose(&Subject::default(), true).is_err());
        let number = name(&[&[(CN, tag::INTEGER, b"\x01")]]);
        assert!(number.compose(&Subject::default(), true).is_err());
        // An attribute that is left out anyway need not be readable.
        let unknown = name(&[&[("1.2.3.4", tag::UTF8_STRING, b"\xff")]]);
        assert_eq!(unknown.compose(&Subject::default(), true).unwrap().left_out.len(), 1);
    }

    #[test]
    fn what_is_checked_in_the_seven_is_checked_in_all() {
        for (oid, value) in [
            (CN, "a\u{202e}b"),
            (CN, " a"),
            (CN, "a\u{a0}"),
            (O, "a\u{200b}"),
            (OU, "a\u{7}b"),
            (UID, "a\nb"),
            (UID, "a\u{feff}"),
            (SERIAL_NUMBER, "a_b"),
            (DC, "ü"),
        ] {
            let requested = name(&[&[(oid, tag::UTF8_STRING, value.as_bytes())]]);
            let refused = requested.compose(&Subject::default(), true);
            assert!(
                matches!(refused, Err(NameError::Invalid { .. })),
                "{oid} {value:?}: {refused:?}"
            );
        }
        let long = "a".repeat(257);
        let requested = name(&[&[(UID, tag::UTF8_STRING, long.as_bytes())]]);
        assert!(matches!(
            requested.compose(&Subject::default(), true),
            Err(NameError::TooLong { .. })
        ));
    }

    #[test]
    fn empty_values_are_left_out_and_the_contract_takes_one_of_each() {
        let requested = name(&[
            &[(OU, tag::UTF8_STRING, b"")],
            &[(O, tag::UTF8_STRING, b"One")],
            &[(O, tag::UTF8_STRING, b"Two")],
            &[(CN, tag::UTF8_STRING, b"a")],
        ]);
        let all = requested.compose(&Subject::default(), true).unwrap();
        assert_eq!(all.name.to_rfc4514(), "CN=a,O=Two,O=One");
        assert_eq!(all.left_out.len(), 1);
        let fields = requested.compose_fields(&Subject::default(), true).unwrap();
        assert_eq!(fields.name.to_rfc4514(), "O=One,CN=a");
        assert_eq!(fields.left_out.len(), 2);
    }
}
