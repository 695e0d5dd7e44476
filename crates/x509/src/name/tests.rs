use hex_literal::hex;
use proptest::prelude::*;

use super::*;

/// Names as Python's `cryptography` 50 encodes them and formats them as RFC 4514 text.
const FROM_PYTHON: [(&[u8], &str); 6] = [
    (
        &hex!(
            "3066310a300806035504030c0161310b30090603550406130247423112301006092a864886f70d0109011603614062310a300806035504070c016c"
            "31133011060355040a0c0a41636d652c20496e632e310a3008060355040b0c0175310a300806035504080c0173"
        ),
        r"ST=s,OU=u,O=Acme\, Inc.,L=l,1.2.840.113549.1.9.1=a@b,C=GB,CN=a",
    ),
    (
        &hex!("30193117301506035504030c0e202361222b2c3b3c3e5c3d006220"),
        r#"CN=\ #a\"\+\,\;\<\>\\=\00b\ "#,
    ),
    (&hex!("300c310a300806035504030c0120"), r"CN=\ "),
    (&hex!("300c310a300806035504030c0123"), r"CN=\#"),
    (
        &hex!(
            "3067311f300b06035504030c045a6fc3ab3010060a0992268993f22c6401010c02753131173015060a0992268993f22c64011916076578616d"
            "706c653110300e06035504090c0748696768205374310b3009060355040513023132310c300a06032a03040c036f6464"
        ),
        "1.2.3.4=odd,2.5.4.5=12,STREET=High St,DC=example,CN=Zoë+UID=u1",
    ),
    (
        &hex!(
            "30413113301106035504031e0a005a006f00eb002020ac310d300b060355040a1c040001d518310e300c06035504071305785f79402a310b30"
            "09060355040b14026f6b"
        ),
        "OU=ok,L=x_y@*,O=𝔘,CN=Zoë €",
    ),
];

#[test]
fn names_are_told_as_python_cryptography_tells_them() {
    for (der, text) in FROM_PYTHON {
        let name = Name::from_der(der).unwrap();
        assert_eq!(name.to_rfc4514(), text);
        assert_eq!(name.as_der(), der);
    }
}

#[test]
fn text_is_parsed_into_the_der_that_python_cryptography_writes() {
    // The second contains a NUL, which is formatted but never encoded; the last has string types that are no longer
    // encoded.
    for index in [0, 2, 3, 4] {
        let (der, text) = FROM_PYTHON[index];
        assert_eq!(Name::from_rfc4514(text).unwrap().as_der(), der, "{text}");
    }
}

#[test]
fn text_may_have_spaces_hex_values_and_names_in_any_case() {
    let plain = Name::from_rfc4514(r"CN=a b\20,O=Zo\C3\AB\2c+OU=x,1.2.3=#0c0161").unwrap();
    let loose = Name::from_rfc4514(r"  cn = a b\   , ou=x + o=Zoë\, , 1.2.3 = #0C0161 ").unwrap();
    assert_eq!(plain, loose);
    assert_eq!(plain.to_rfc4514(), r"CN=a b\ ,OU=x+O=Zoë\,,1.2.3=a");
    assert_eq!(Name::from_rfc4514("E=a@b"), Name::from_rfc4514("emailaddress=a@b"));
    assert!(Name::from_rfc4514("").unwrap().is_empty());
}

#[test]
fn text_that_is_no_name_is_refused() {
    let bad = [
        "a",
        "CN",
        "CN=",
        "=a",
        "CN=a,",
        "CN=a+",
        ",CN=a",
        "XX=a",
        "1=a",
        "CN=a\"",
        "CN=a;b",
        "CN=<a",
        r"CN=a\",
        r"CN=a\x",
        r"CN=\ff",
        "CN=#0c02",
        "CN=#0c016",
        "CN=#",
        "CN=#0c0161 0c",
        "C=GBR",
        "E=ë@b",
        "CN=a\u{0}",
        "CN=a\nb",
    ];
    for text in bad {
        assert!(Name::from_rfc4514(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_first_value_counts_wherever_it_stands() {
    let name = Name::from_rfc4514("CN=second,O=o+CN=first,C=GB").unwrap();
    let subject = name.attributes();
    assert_eq!(subject.common_name.as_deref(), Some("first"));
    assert_eq!(subject.organization.as_deref(), Some("o"));
    assert_eq!(subject.country.as_deref(), Some("GB"));
}

#[test]
fn values_that_are_no_text_are_told_as_hex() {
    let name = Name::from_der(&hex!("300b 3109 3007 0603550403 0500")).unwrap();
    assert_eq!(name.to_rfc4514(), "CN=#0500");
    assert_eq!(name.attributes(), Subject::default());
    let lone_surrogate = Name::from_der(&hex!("300d 310b 3009 0603550403 1e02d800")).unwrap();
    assert_eq!(lone_surrogate.to_rfc4514(), "CN=#1e02d800");
}

#[test]
fn what_is_no_der_name_is_refused() {
    let bad: [&[u8]; 8] = [
        &[],
        &hex!("3000 00"),
        &hex!("3002 3100"),
        &hex!("3002 3000"),
        &hex!("3009 3107 3005 0603550403"),
        &hex!("300d 310b 3009 0603550403 0500 0500"),
        &hex!("300b 3109 3007 0603550483 0500"),
        &hex!("3080 0000"),
    ];
    for der in bad {
        assert_eq!(Name::from_der(der), Err(NameError::Malformed), "{der:02x?}");
    }
    assert!(Name::from_der(&hex!("3000")).unwrap().is_empty());
}

#[test]
fn upper_bounds_are_counted_in_characters() {
    let common_name = |text: String| {
        Subject {
            common_name: Some(text),
            ..Subject::default()
        }
        .to_name()
    };
    assert!(common_name("ë".repeat(64)).is_ok());
    assert_eq!(
        common_name("a".repeat(65)),
        Err(NameError::TooLong {
            attribute: "common_name",
            actual: 65,
            limit: 64
        })
    );
    assert!(matches!(
        common_name(String::new()),
        Err(NameError::Invalid {
            attribute: "common_name",
            ..
        })
    ));
    assert!(common_name("a\u{7f}".to_owned()).is_err());
    assert!(common_name("a\u{85}b".to_owned()).is_err());
}

#[test]
fn every_attribute_keeps_its_own_rules() {
    type Setter = fn(&mut Subject, Option<String>);

    let with = |set: Setter, value: &str| {
        let mut subject = Subject::default();
        set(&mut subject, Some(value.to_owned()));
        subject.to_name().is_ok()
    };
    for (value, fine) in [
        ("GB", true),
        ("gb", true),
        ("G", false),
        ("GBR", false),
        ("G1", false),
        ("", false),
        ("é", false),
    ] {
        assert_eq!(
            with(|subject, value| subject.country = value, value),
            fine,
            "country {value:?}"
        );
    }
    for (value, fine) in [("a@example.com", true), ("ä@example.com", false), ("", false)] {
        assert_eq!(
            with(|subject, value| subject.email_address = value, value),
            fine,
            "e-mail address {value:?}"
        );
    }
    let bounded: [(Setter, usize); 5] = [
        (|subject, value| subject.email_address = value, 255),
        (|subject, value| subject.locality = value, 128),
        (|subject, value| subject.organization = value, 64),
        (|subject, value| subject.organizational_unit = value, 64),
        (|subject, value| subject.state = value, 128),
    ];
    for (set, limit) in bounded {
        assert!(with(set, &"x".repeat(limit)));
        assert!(!with(set, &"x".repeat(limit + 1)));
        assert!(!with(set, ""));
    }
}

fn optional_text(limit: usize) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(proptest::collection::vec(any::<char>(), 0..=limit).prop_map(|text| {
        let seen = |character: &char| !character.is_control() && !is_invisible(*character);
        text.into_iter().filter(seen).collect::<String>().trim().to_owned()
    }))
}

proptest! {
    #[test]
    fn every_subject_that_is_encoded_is_read_back(
        common_name in optional_text(66),
        country in proptest::option::of("[A-Za-z]{2}"),
        email_address in proptest::option::of("[ -~]{0,30}"),
        locality in optional_text(20),
        organization in optional_text(20),
        organizational_unit in optional_text(20),
        state in optional_text(20),
    ) {
        let subject = Subject { common_name, country, email_address, locality, organization, organizational_unit, state };
        if let Ok(name) = subject.to_name() {
            prop_assert_eq!(&name.attributes(), &subject);
            prop_assert_eq!(Name::from_der(name.as_der()), Ok(name.clone()));
            prop_assert_eq!(Name::from_rfc4514(&name.to_rfc4514()), Ok(name));
        }
    }

    #[test]
    fn reading_der_never_panics(der in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(name) = Name::from_der(&der) {
            let _ = (name.to_rfc4514(), name.attributes());
        }
    }

    #[test]
    fn reading_bent_names_never_panics(which in 0_usize..6, at in any::<prop::sample::Index>(), bits in 1_u8..) {
        let mut der = FROM_PYTHON[which].0.to_vec();
        let at = at.index(der.len());
        der[at] ^= bits;
        if let Ok(name) = Name::from_der(&der) {
            let _ = (name.to_rfc4514(), name.attributes());
        }
    }

    #[test]
    fn reading_text_never_panics(text in r#"([a-zA-Z0-9=,+#\\" ;.ë]|CN=|\PC){0,60}"#) {
        let _ = Name::from_rfc4514(&text);
    }
}
