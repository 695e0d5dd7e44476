//! Attribute types: their names, their bounds (RFC 5280 appendix A), and the strings that hold their values.

use std::borrow::Cow;

use const_oid::ObjectIdentifier;

use super::{NameError, is_invisible};
use crate::tlv::{Writer, tag};

pub(super) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
pub(super) const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
pub(super) const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");
pub(super) const LOCALITY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.7");
pub(super) const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
pub(super) const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
pub(super) const STATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.8");

/// A known attribute type.
#[derive(Debug)]
pub(super) struct AttributeType {
    pub(super) oid: ObjectIdentifier,
    /// The name in errors: the request's field name where it has one.
    pub(super) field: &'static str,
    /// Names that are accepted in RFC 4514 text, in any case; the first one is written if `written` is set.
    names: &'static [&'static str],
    /// Whether RFC 4514 section 3 has a short name for it.
    written: bool,
    /// Most characters of a value.
    limit: usize,
    string: StringType,
}

/// The string type that a value is encoded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StringType {
    Utf8,
    Printable,
    Ia5,
    /// `PKCS9String` (RFC 2985 section 5.4.1): IA5String if possible, else UTF8String.
    Ia5OrUtf8,
}

/// In the order of the drop-in contract, then the others that are accepted from a CSR: those that RFC 5280 section
/// 4.1.2.4 lists, and those that directories (RFC 4519) and routers (RFC 2985) use.
static TYPES: [AttributeType; 20] = [
    known(COMMON_NAME, "common_name", &["CN"], true, 64, StringType::Utf8),
    known(COUNTRY, "country", &["C"], true, 2, StringType::Printable),
    known(
        EMAIL_ADDRESS,
        "email_address",
        &["emailAddress", "E"],
        false,
        255,
        StringType::Ia5,
    ),
    known(LOCALITY, "locality", &["L"], true, 128, StringType::Utf8),
    known(ORGANIZATION, "organization", &["O"], true, 64, StringType::Utf8),
    known(
        ORGANIZATIONAL_UNIT,
        "organizational_unit",
        &["OU"],
        true,
        64,
        StringType::Utf8,
    ),
    known(STATE, "state", &["ST"], true, 128, StringType::Utf8),
    known(oid("2.5.4.9"), "street", &["STREET"], true, 128, StringType::Utf8),
    known(
        oid("0.9.2342.19200300.100.1.25"),
        "domain_component",
        &["DC"],
        true,
        63,
        StringType::Ia5,
    ),
    known(
        oid("0.9.2342.19200300.100.1.1"),
        "user_id",
        &["UID"],
        true,
        256,
        StringType::Utf8,
    ),
    unwritten("2.5.4.5", "serial_number", &["serialNumber"], 64, StringType::Printable),
    unwritten("2.5.4.46", "dn_qualifier", &["dnQualifier"], 64, StringType::Printable),
    unwritten("2.5.4.12", "title", &["title"], 64, StringType::Utf8),
    unwritten("2.5.4.4", "surname", &["surname"], 32_768, StringType::Utf8),
    unwritten("2.5.4.42", "given_name", &["givenName"], 32_768, StringType::Utf8),
    unwritten("2.5.4.43", "initials", &["initials"], 32_768, StringType::Utf8),
    unwritten(
        "2.5.4.44",
        "generation_qualifier",
        &["generationQualifier"],
        32_768,
        StringType::Utf8,
    ),
    unwritten("2.5.4.65", "pseudonym", &["pseudonym"], 128, StringType::Utf8),
    unwritten("2.5.4.17", "postal_code", &["postalCode"], 40, StringType::Utf8),
    unwritten(
        "1.2.840.113549.1.9.2",
        "unstructured_name",
        &["unstructuredName"],
        255,
        StringType::Ia5OrUtf8,
    ),
];

/// A type without a short name in RFC 4514 section 3.
const fn unwritten(
    dotted: &str,
    field: &'static str,
    names: &'static [&'static str],
    limit: usize,
    string: StringType,
) -> AttributeType {
    known(oid(dotted), field, names, false, limit, string)
}

const fn known(
    oid: ObjectIdentifier,
    field: &'static str,
    names: &'static [&'static str],
    written: bool,
    limit: usize,
    string: StringType,
) -> AttributeType {
    AttributeType {
        oid,
        field,
        names,
        written,
        limit,
        string,
    }
}

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

/// The short name for writing RFC 4514 text.
pub(super) fn short_name(oid: &ObjectIdentifier) -> Option<&'static str> {
    TYPES
        .iter()
        .find(|each| each.oid == *oid && each.written)?
        .names
        .first()
        .copied()
}

/// The name of a type, whether or not it is used for writing RFC 4514 text.
pub(super) fn any_name(oid: &ObjectIdentifier) -> Option<&'static str> {
    TYPES.iter().find(|each| each.oid == *oid)?.names.first().copied()
}

/// The field name of a type that subjects may have.
pub(super) fn field(oid: &ObjectIdentifier) -> Option<&'static str> {
    TYPES.iter().find(|each| each.oid == *oid).map(|each| each.field)
}

/// The OID for a name that is accepted in RFC 4514 text.
pub(super) fn named(name: &str) -> Option<ObjectIdentifier> {
    let matches = |each: &&AttributeType| each.names.iter().any(|known| known.eq_ignore_ascii_case(name));
    TYPES.iter().find(matches).map(|each| each.oid)
}

/// Writes one `AttributeTypeAndValue`, its value checked against the type's bounds.
pub(super) fn write(writer: &mut Writer, oid: &ObjectIdentifier, value: &str) -> Result<(), NameError> {
    let string = match TYPES.iter().find(|each| each.oid == *oid) {
        Some(known) => {
            check(known, value)?;
            known.string
        }
        None => StringType::Utf8,
    };
    let tag = match string {
        StringType::Printable => tag::PRINTABLE_STRING,
        StringType::Ia5 => tag::IA5_STRING,
        StringType::Ia5OrUtf8 if value.is_ascii() => tag::IA5_STRING,
        StringType::Utf8 | StringType::Ia5OrUtf8 => tag::UTF8_STRING,
    };
    writer.nested(tag::SEQUENCE, |pair| {
        pair.oid(oid);
        pair.value(tag, value.as_bytes());
    });
    Ok(())
}

fn check(known: &AttributeType, value: &str) -> Result<(), NameError> {
    let attribute = known.field;
    let invalid = |detail| Err(NameError::Invalid { attribute, detail });
    if value.is_empty() {
        return invalid("it is empty");
    }
    if known.oid == COUNTRY && !(value.len() == 2 && value.bytes().all(|octet| octet.is_ascii_alphabetic())) {
        return invalid("a country is written as two letters (ISO 3166)");
    }
    let actual = value.chars().count();
    if actual > known.limit {
        return Err(NameError::TooLong {
            attribute,
            actual,
            limit: known.limit,
        });
    }
    if value.chars().any(char::is_control) {
        return invalid("it has control characters");
    }
    match known.string {
        StringType::Ia5 if !value.is_ascii() => invalid("only ASCII characters can stand here"),
        StringType::Printable if !value.bytes().all(is_printable) => {
            invalid("only letters, digits, spaces and '()+,-./:=? can stand here")
        }
        _ => Ok(()),
    }
}

/// Refuses values that can make one name look like another in an issued certificate: invisible characters, and leading
/// or trailing spaces. Names of existing CAs are not checked.
pub(super) fn check_visible(oid: &ObjectIdentifier, value: &str) -> Result<(), NameError> {
    let attribute = field(oid).unwrap_or("distinguished_name");
    let invalid = |detail| Err(NameError::Invalid { attribute, detail });
    if value.chars().any(is_invisible) {
        return invalid("it has characters that cannot be seen, or that turn the order of others");
    }
    if value.trim() != value {
        return invalid("it begins or ends with a blank");
    }
    Ok(())
}

/// PrintableString's characters (X.680 section 41.4).
fn is_printable(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet)
}

/// The name of a string type, with its article.
pub(super) fn string_name(tag: u8) -> &'static str {
    match tag {
        tag::UTF8_STRING => "a UTF8String",
        tag::PRINTABLE_STRING => "a PrintableString",
        tag::IA5_STRING => "an IA5String",
        tag::VISIBLE_STRING => "a VisibleString",
        tag::NUMERIC_STRING => "a NumericString",
        tag::TELETEX_STRING => "a TeletexString",
        tag::BMP_STRING => "a BMPString",
        tag::UNIVERSAL_STRING => "a UniversalString",
        _ => "a string",
    }
}

/// The text of a string value. Printable, IA5, visible and numeric strings are treated as ASCII, since many contain
/// characters outside their type; `TeletexString`, which in practice is not T.61, as UTF-8 or Latin-1.
pub(super) fn text(tag: u8, content: &[u8]) -> Option<Cow<'_, str>> {
    match tag {
        tag::UTF8_STRING => std::str::from_utf8(content).ok().map(Cow::Borrowed),
        tag::PRINTABLE_STRING | tag::IA5_STRING | tag::VISIBLE_STRING | tag::NUMERIC_STRING => {
            std::str::from_utf8(content)
                .ok()
                .filter(|text| text.is_ascii())
                .map(Cow::Borrowed)
        }
        tag::TELETEX_STRING => Some(match std::str::from_utf8(content) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(content.iter().copied().map(char::from).collect()),
        }),
        tag::BMP_STRING => {
            let (units, []) = content.as_chunks::<2>() else {
                return None;
            };
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            char::decode_utf16(units)
                .collect::<Result<String, _>>()
                .ok()
                .map(Cow::Owned)
        }
        tag::UNIVERSAL_STRING => {
            let (points, []) = content.as_chunks::<4>() else {
                return None;
            };
            points
                .iter()
                .map(|point| char::from_u32(u32::from_be_bytes(*point)))
                .collect::<Option<String>>()
                .map(Cow::Owned)
        }
        _ => None,
    }
}
