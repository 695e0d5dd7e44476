//! Names, and the small texts.

use chancery_x509::name::{Name, NameError, Subject};
use chancery_x509::san::{AltName, AltNameType, is_domain_name};
use chancery_x509::serial::Serial;

/// A DER Name is kept octet by octet, and what is shown of it is the same after it was read again.
pub fn name(octets: &[u8]) {
    let Ok(name) = Name::from_der(octets) else { return };
    assert_eq!(name.as_der(), octets);
    assert_eq!(name.is_empty(), name.iter().next().is_none());
    assert_eq!(name.rdns().map(Iterator::count).sum::<usize>(), name.iter().count());
    for attribute in name.iter() {
        let (_, _, value) = (attribute.label(), attribute.text(), attribute.value_der());
        assert!(value.len() >= 2, "a value has a tag and a length");
    }
    let _ = name.attributes();
    // A subject that is made of it is well-formed, and stays the same when it is made again.
    let all = name.compose(&Subject::default(), true);
    let fields = name.compose_fields(&Subject::default(), true);
    for composed in [all, fields].into_iter().flatten() {
        assert_eq!(Name::from_der(composed.name.as_der()).as_ref(), Ok(&composed.name));
        assert!(composed.name.iter().count() + composed.left_out.len() <= name.iter().count());
        let again = composed
            .name
            .compose(&Subject::default(), true)
            .expect("its values are fit");
        assert_eq!((&again.name, again.left_out.len()), (&composed.name, 0));
    }
    // Text cannot say which string type a value had, and refuses values that no request may have.
    if let Ok(read) = Name::from_rfc4514(&name.to_rfc4514()) {
        assert_settled(&read);
    }
}

/// RFC 4514 text makes a well-formed name, which is written as text that makes the same name.
pub fn rfc4514(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let Ok(name) = Name::from_rfc4514(text) else { return };
    assert_eq!(Name::from_der(name.as_der()).as_ref(), Ok(&name));
    if text.contains('#') {
        // A value in hexadecimal may be of another string type, or longer, than text makes it.
        if let Ok(read) = Name::from_rfc4514(&name.to_rfc4514()) {
            assert_settled(&read);
        }
    } else {
        assert_settled(&name);
    }
}

/// A name made from text comes back from text, unless escapes make it too long for one.
fn assert_settled(name: &Name) {
    match Name::from_rfc4514(&name.to_rfc4514()) {
        Ok(again) => assert_eq!(again, *name),
        Err(NameError::TooLong { .. }) => {}
        // A value in hexadecimal that happens to be text is held to what text is held to.
        Err(error) => assert!(name.to_rfc4514().contains('#'), "{name} is refused: {error}"),
    }
}

const ALT_NAME_TYPES: [AltNameType; 5] = [
    AltNameType::Dns,
    AltNameType::Ip,
    AltNameType::Email,
    AltNameType::Uri,
    AltNameType::Directory,
];

/// What is accepted as an alternative name of a type is so in its canonical form too, and stays the same.
pub fn alt_names(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    for kind in ALT_NAME_TYPES {
        assert_eq!(AltNameType::from_name(kind.name()), Some(kind));
        let Ok(name) = AltName::parse(kind, text) else { continue };
        assert_eq!(name.kind(), kind);
        match &name {
            AltName::Directory(name) => assert!(!name.is_empty()),
            AltName::Dns(domain) => assert!(domain.len() <= 253 && is_ldh(domain), "{domain:?}"),
            AltName::Email(text) | AltName::Uri(text) => assert!(text.is_ascii(), "{text:?}"),
            AltName::Ip(_) => {}
        }
        if kind != AltNameType::Directory {
            assert_eq!(AltName::parse(kind, &name.to_string()), Ok(name));
        }
    }
    if is_domain_name(text) {
        assert!(AltName::parse(AltNameType::Dns, text).is_ok());
    }
    let _ = AltNameType::from_name(text);
}

fn is_ldh(domain: &str) -> bool {
    let labels = domain.strip_prefix("*.").unwrap_or(domain).split('.');
    labels.into_iter().all(|label| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// A serial number is the same in decimal, in hexadecimal and as octets, and nothing but digits is one.
pub fn serial(octets: &[u8]) {
    if let Ok(serial) = Serial::from_octets(octets) {
        assert_eq!(Serial::from_octets(serial.significant()), Ok(serial));
        assert_eq!(serial.to_string().parse(), Ok(serial));
        assert_eq!(format!("0x{}", serial.to_hex()).parse(), Ok(serial));
    }
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let Ok(serial) = text.parse::<Serial>() else { return };
    let digits = text.trim_start_matches("0x").trim_start_matches("0X");
    assert!(
        digits.bytes().all(|octet| octet.is_ascii_hexdigit() || octet == b':'),
        "{text:?}"
    );
    assert_eq!(serial.to_string().parse(), Ok(serial));
    assert!(serial.as_padded().iter().any(|&octet| octet != 0));
}
