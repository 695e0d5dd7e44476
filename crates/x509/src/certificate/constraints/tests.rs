use hex_literal::hex;
use proptest::prelude::*;

use super::*;
use crate::certificate::testing::{alt_name, alt_names};
use crate::san::AltName;

/// A subtree written as `dns:…`, `ip:…/…`, `email:…`, `uri:…` or `dn:…`.
fn parsed(text: &str) -> Subtree {
    let (kind, value) = text.split_once(':').unwrap();
    match kind {
        "dns" => Subtree::Dns(value.to_owned()),
        "email" => Subtree::Email(value.to_owned()),
        "uri" => Subtree::Uri(value.to_owned()),
        "dn" => Subtree::Directory(Name::from_rfc4514(value).unwrap()),
        "ip" => {
            let (address, prefix) = value.split_once('/').unwrap();
            Subtree::Ip {
                address: address.parse().unwrap(),
                prefix: prefix.parse().unwrap(),
            }
        }
        other => panic!("{other}"),
    }
}

fn permits(subtree: &str, subject: &str, names: &[AltName]) -> bool {
    let constraints = NameConstraints {
        permitted: vec![parsed(subtree)],
        excluded: Vec::new(),
    };
    check(&constraints, &Name::from_rfc4514(subject).unwrap(), names, false).is_ok()
}

fn excludes(subtree: &str, subject: &str, names: &[AltName]) -> bool {
    let constraints = NameConstraints {
        permitted: Vec::new(),
        excluded: vec![parsed(subtree)],
    };
    check(&constraints, &Name::from_rfc4514(subject).unwrap(), names, false).is_err()
}

/// Subtree, name, whether the name is within: so a permitted subtree lets it pass and an excluded one does not.
const CLEAR: [(&str, &str, bool); 42] = [
    ("dns:example.com", "dns:example.com", true),
    ("dns:example.com", "dns:a.b.example.com", true),
    ("dns:EXAMPLE.com", "dns:a.example.COM", true),
    ("dns:example.com", "dns:*.example.com", true),
    ("dns:example.com", "dns:badexample.com", false),
    ("dns:example.com", "dns:com", false),
    ("dns:example.com", "dns:example.com.org", false),
    ("dns:.example.com", "dns:a.example.com", true),
    ("dns:.example.com", "dns:example.com", false),
    ("dns:", "dns:example.com", true),
    ("ip:192.0.2.0/24", "ip:192.0.2.255", true),
    ("ip:192.0.2.0/24", "ip:192.0.3.0", false),
    ("ip:192.0.2.0/24", "ip:2001:db8::1", false),
    ("ip:0.0.0.0/0", "ip:192.0.2.1", true),
    ("ip:0.0.0.0/0", "ip:::1", false),
    ("ip:192.0.2.1/32", "ip:192.0.2.1", true),
    ("ip:192.0.2.1/32", "ip:192.0.2.2", false),
    ("ip:2001:db8::/33", "ip:2001:db8:7fff::1", true),
    ("ip:2001:db8::/33", "ip:2001:db8:8000::1", false),
    ("ip:::/0", "ip:::1", true),
    ("email:a@example.com", "email:a@EXAMPLE.com", true),
    ("email:a@example.com", "email:A@example.com", false),
    ("email:a@example.com", "email:b@example.com", false),
    ("email:example.com", "email:a@example.com", true),
    ("email:example.com", "email:a@b.example.com", false),
    ("email:.example.com", "email:a@b.example.com", true),
    ("email:.example.com", "email:a@example.com", false),
    ("uri:example.com", "uri:https://u@example.com:8443/a", true),
    ("uri:example.com", "uri:https://a.example.com/", false),
    ("uri:example.com", "uri:https://example.org/example.com", false),
    ("uri:example.com", "uri:https://example.com@example.org/", false),
    ("uri:.example.com", "uri:https://A.EXAMPLE.com", true),
    ("uri:.example.com", "uri:https://example.com/", false),
    ("dn:C=GB", "dn:CN=a,C=GB", true),
    ("dn:O=acme  inc,C=gb", "dn:CN=a,O=Acme Inc,C=GB", true),
    ("dn:O=Acme,C=GB", "dn:C=GB,O=Acme", false),
    ("dn:O=Acme,C=GB", "dn:C=GB", false),
    ("dn:C=GB", "dn:C=FR", false),
    ("dn:CN=a+O=b", "dn:O=B+CN=A", true),
    ("dn:CN=a", "dn:O=b+CN=a", false),
    ("dn:CN=a+O=b", "dn:CN=a", false),
    ("dn:", "dn:CN=a", true),
];

#[test]
fn names_are_within_or_without() {
    for (subtree, name, within) in CLEAR {
        let names = [alt_name(name)];
        assert_eq!(permits(subtree, "", &names), within, "permitted {subtree}, {name}");
        assert_eq!(excludes(subtree, "", &names), within, "excluded {subtree}, {name}");
    }
}

#[test]
fn in_doubt_nothing_is_issued() {
    for (subtree, name) in [
        // The wildcard also matches what is excluded, and what is not permitted.
        ("dns:a.example.com", "dns:*.example.com"),
        // The host is not a domain name.
        ("uri:example.com", "uri:urn:uuid:1"),
        ("uri:example.com", "uri:https://192.0.2.1/"),
        ("uri:example.com", "uri:https://[2001:db8::1]/"),
    ] {
        let names = [alt_name(name)];
        assert!(!permits(subtree, "", &names), "permitted {subtree}, {name}");
        assert!(excludes(subtree, "", &names), "excluded {subtree}, {name}");
    }
    // A wildcard matches one label, no more.
    assert!(!excludes("dns:b.a.example.com", "", &[alt_name("dns:*.example.com")]));
    assert!(!excludes("dns:.a.example.com", "", &[alt_name("dns:*.example.com")]));
    assert!(excludes("dns:.example.com", "", &[alt_name("dns:*.example.com")]));
}

#[test]
fn types_without_a_subtree_are_free() {
    let subtrees = [
        "dns:example.com",
        "ip:10.0.0.0/8",
        "email:example.com",
        "uri:example.com",
        "dn:C=GB",
    ];
    let names = [
        "dns:a.example.org",
        "ip:192.0.2.1",
        "email:a@example.org",
        "uri:https://example.org",
        "dn:C=FR",
    ];
    for (row, subtree) in subtrees.iter().enumerate() {
        for (column, name) in names.iter().enumerate() {
            assert_eq!(
                permits(subtree, "", &[alt_name(name)]),
                row != column,
                "{subtree}, {name}"
            );
        }
    }
}

#[test]
fn an_excluded_subtree_wins_and_one_permitted_is_enough() {
    let constraints = NameConstraints {
        permitted: vec![parsed("dns:example.com"), parsed("dns:example.org")],
        excluded: vec![parsed("dns:secret.example.com"), parsed("dns:example.net")],
    };
    let empty = Name::from_rfc4514("").unwrap();
    let passes = |name: &str| check(&constraints, &empty, &[alt_name(name)], false).is_ok();
    assert!(passes("dns:a.example.com") && passes("dns:a.example.org"));
    assert!(!passes("dns:a.secret.example.com") && !passes("dns:a.example.net") && !passes("dns:other.example"));
}

#[test]
fn the_subject_counts_too() {
    assert!(permits("dn:C=GB", "CN=a,C=GB", &[]));
    assert!(!permits("dn:C=GB", "CN=a,C=FR", &[]));
    assert!(!permits("dn:C=GB", "CN=a", &alt_names(&["dn:C=GB"])));

    assert!(permits("email:example.com", "emailAddress=a@example.com", &[]));
    assert!(!permits("email:example.com", "emailAddress=a@example.org", &[]));
    assert!(!permits(
        "email:example.com",
        "E=a@example.com,E=b@example.org",
        &alt_names(&["email:a@example.com"])
    ));
    assert!(!permits("email:example.com", "emailAddress=nobody", &[]));
    assert!(excludes("email:example.com", "emailAddress=nobody", &[]));
    assert!(excludes("email:example.com", "1.2.840.113549.1.9.1=#0500", &[]));

    // A common name that parses as a DNS name is one if no alternative name is.
    assert!(!permits("dns:example.com", "CN=www.example.org", &[]));
    assert!(!permits(
        "dns:example.com",
        "CN=WWW.example.org",
        &alt_names(&["ip:192.0.2.1"])
    ));
    assert!(!permits("dns:example.com", "CN=*.example.org", &[]));
    assert!(!permits(
        "dns:example.com",
        "CN=www.example.com,CN=www.example.org",
        &[]
    ));
    assert!(permits("dns:example.com", "CN=www.example.com", &[]));
    assert!(permits(
        "dns:example.com",
        "CN=www.example.org",
        &alt_names(&["dns:www.example.com"])
    ));
    assert!(permits("dns:example.com", "CN=Jane Doe", &[]));
}

/// OpenSSL, GnuTLS and Java interpret common names differently; the tests of the command run them.
#[test]
fn common_names_are_held_against_constraints_as_verifiers_read_them() {
    let held = |subtree: &str, subject: &str, names: &[&str], server: bool| {
        let constraints = NameConstraints {
            permitted: vec![parsed(subtree)],
            excluded: Vec::new(),
        };
        let subject = Name::from_rfc4514(subject).unwrap();
        check(&constraints, &subject, &alt_names(names), server).is_err()
    };
    for (subject, names, server) in [
        ("CN=10.1.2.3", &[][..], false),
        ("CN=10.1.2.3", &["ip:10.1.2.3"], false),
        ("CN=meter-2.1", &[], false),
        ("CN=my_host.corp.example", &["ip:10.1.2.3"], false),
        ("CN=worker-1", &[], false),
        ("CN=worker-1", &["email:a@example.com"], false),
        ("CN=worker-1", &["ip:10.1.2.3"], true),
        ("CN=Jane Doe", &["ip:10.1.2.3"], true),
        ("CN=Jane Doe,CN=worker-1", &[], false),
    ] {
        assert!(
            held("dns:example.com", subject, names, server),
            "{subject} {names:?} {server}"
        );
        assert!(
            !held("uri:example.com", subject, names, server),
            "{subject}: nothing is said of hosts"
        );
    }
    for (subject, names, server) in [
        ("CN=Jane Doe", &[][..], false),
        ("CN=my_host", &[], false),
        ("CN=worker-1", &["ip:10.1.2.3"], false),
        ("CN=worker-1", &["dns:a.example.com"], true),
        ("CN=10.1.2.3", &["dns:a.example.com"], true),
        ("CN=www.example.com", &[], true),
        ("CN=jane@example.org", &[], false),
    ] {
        assert!(
            !held("dns:example.com", subject, names, server),
            "{subject} {names:?} {server}"
        );
    }
    assert!(held("ip:192.0.2.0/24", "CN=10.1.2.3", &[], false));
    assert!(!held("ip:10.0.0.0/8", "CN=10.1.2.3", &[], false));
    for label in ["CN=worker-1", "CN=10.1.2.3", "CN=Jane Doe"] {
        assert!(
            !excludes("dns:example.com", label, &[]),
            "{label}: DNS names are only excluded"
        );
    }
    assert!(excludes("dns:worker-1", "CN=worker-1", &[]));
    assert!(excludes("ip:10.0.0.0/8", "CN=10.1.2.3", &[]));
}

#[test]
fn mapped_addresses_are_held_against_ipv4() {
    let mapped = [AltName::Ip("::ffff:10.1.1.1".parse().unwrap())];
    assert!(excludes("ip:10.0.0.0/8", "", &mapped));
    assert!(excludes("ip:::ffff:0:0/96", "", &mapped));
    assert!(!permits("ip:192.0.2.0/24", "", &mapped));
    assert!(excludes("ip:10.0.0.0/8", "CN=::ffff:10.1.1.1", &[]));
}

#[test]
fn extensions_that_are_not_rfc_5280s_are_refused() {
    let bad: [&[u8]; 9] = [
        &hex!("0500"),
        // Not a GeneralSubtree.
        &hex!("3004 a002 8200"),
        // A minimum of one, a maximum.
        &hex!("300a a008 3006 820161 800101"),
        &hex!("300a a008 3006 820161 810101"),
        // Addresses of seven octets; a mask with a hole.
        &hex!("300d a00b 3009 8707 0a000000ff0000"),
        &hex!("300e a00c 300a 8708 0a000000ff00ff00"),
        // A DNS name that is not ASCII; an invalid directory name.
        &hex!("3007 a005 3003 8201ff"),
        &hex!("3008 a006 3004 a4020500"),
        &hex!("3000 00"),
    ];
    for der in bad {
        assert!(from_der(der).is_err(), "{der:02x?}");
    }
    // An explicit minimum of zero, and an excluded otherName.
    let read = from_der(&hex!("3015 a008 3006 820161 800100 a109 3007 a005 06032a0304")).unwrap();
    assert_eq!(
        read,
        NameConstraints {
            permitted: vec![parsed("dns:a")],
            excluded: Vec::new()
        }
    );
}

fn subtree() -> impl Strategy<Value = Subtree> {
    prop_oneof![
        "[ -~]{0,20}".prop_map(Subtree::Dns),
        "[ -~]{0,20}".prop_map(Subtree::Email),
        "[ -~]{0,20}".prop_map(Subtree::Uri),
        "[a-z]{1,20}".prop_map(|text| parsed(&format!("dn:CN={text},C=GB"))),
        (any::<u32>(), 0_u8..=32).prop_map(|(address, prefix)| Subtree::Ip {
            address: std::net::Ipv4Addr::from(address & matching::mask_v4(prefix)).into(),
            prefix,
        }),
        (any::<u128>(), 0_u8..=128).prop_map(|(address, prefix)| Subtree::Ip {
            address: std::net::Ipv6Addr::from(address & matching::mask_v6(prefix)).into(),
            prefix,
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        permitted in proptest::collection::vec(subtree(), 0..5),
        excluded in proptest::collection::vec(subtree(), 0..5),
    ) {
        let constraints = NameConstraints { permitted, excluded };
        let mut writer = Writer::default();
        write(&mut writer, &constraints);
        prop_assert_eq!(from_der(&writer.finish()), Ok(constraints));
    }

    #[test]
    fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = from_der(&octets);
    }

    #[test]
    fn no_names_panic(base in subtree(), text in r"(\PC|[a.@:/*\[\]-]){0,30}") {
        let constraints = NameConstraints { permitted: vec![base.clone()], excluded: vec![base] };
        let names = [AltName::Dns(text.clone()), AltName::Email(text.clone()), AltName::Uri(text)];
        for name in &names {
            prop_assert!(check(&constraints, &Name::from_rfc4514("").unwrap(), std::slice::from_ref(name), false).is_err()
                || !matches!((&constraints.permitted[0], name),
                    (Subtree::Dns(_), AltName::Dns(_)) | (Subtree::Email(_), AltName::Email(_)) | (Subtree::Uri(_), AltName::Uri(_))));
        }
    }
}
