use proptest::prelude::*;

use super::*;

fn parsed(kind: AltNameType, value: &str) -> Option<String> {
    AltName::parse(kind, value).ok().map(|name| name.to_string())
}

#[test]
fn dns_names() {
    let long_label = "a".repeat(63);
    let long_name = format!("{long_label}.{long_label}.{long_label}.{}", "a".repeat(61));
    for name in [
        "example.com",
        "a",
        "localhost",
        "*.example.com",
        "r3---sn-x.example",
        "1.example",
        "a1",
        &long_name,
    ] {
        assert_eq!(parsed(AltNameType::Dns, name).as_deref(), Some(name));
    }
    for (name, canonical) in [
        ("EXAMPLE.com", "example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
    ] {
        assert_eq!(parsed(AltNameType::Dns, name).as_deref(), Some(canonical), "{name}");
    }
    let too_long_label = format!("{}.example", "a".repeat(64));
    let too_long_name = format!("{long_name}a");
    let too_long_wildcard = format!("*.{}", &long_name[1..]);
    for name in [
        "",
        ".",
        "*",
        "*.",
        "a.",
        ".a",
        "a..b",
        "a b",
        "-a.b",
        "a-.b",
        "a_b.c",
        "*a.b",
        "a.*.b",
        "*.*.b",
        "192.0.2.1",
        "a.1",
        "123",
        "a/b",
        "a:1",
        "a\0.b",
        "*.com",
        "*.example",
        "*.bücher",
        "xn--a.example",
        "xn--zz--.example",
        "ex\u{ad}..a",
        "\u{2028}.a",
        "::1",
        &too_long_label,
        &too_long_name,
        &too_long_wildcard,
    ] {
        assert_eq!(parsed(AltNameType::Dns, name), None, "{name:?}");
    }
}

#[test]
fn ip_addresses_are_no_blocks() {
    for address in ["192.0.2.1", "2001:db8::1", "::"] {
        assert_eq!(parsed(AltNameType::Ip, address).as_deref(), Some(address));
    }
    for address in [
        "192.0.2.0/24",
        "192.0.2",
        "192.0.2.01",
        "fe80::1%eth0",
        "[::1]",
        "::ffff:10.1.1.1",
        "::ffff:a01:101",
        "a",
        "",
        " ::1",
    ] {
        assert_eq!(parsed(AltNameType::Ip, address), None, "{address:?}");
    }
}

/// A message tells the requester what is wrong with a name.
#[test]
fn what_is_wrong_with_a_name_is_said() {
    for (kind, value, said) in [
        (AltNameType::Dns, "my_host.corp.example", "underscore"),
        (AltNameType::Dns, "www.corp.example.", "ends with a dot"),
        (AltNameType::Dns, "[2001:db8::7]", "brackets"),
        (AltNameType::Dns, "https://www.corp.example/", "scheme"),
        (AltNameType::Dns, "www.corp.example:443", "port"),
        (AltNameType::Dns, "jane@corp.example", "e-mail"),
        (AltNameType::Dns, "*.com", "public suffix"),
        (AltNameType::Dns, "a.*.example", "leftmost"),
        (AltNameType::Dns, "Jane Doe", "blanks"),
        (AltNameType::Dns, " a.example", "blanks"),
        (AltNameType::Dns, "-a.example", "hyphen"),
        (AltNameType::Dns, "a..example", "empty"),
        (AltNameType::Dns, "10.1.2.3", "IPv4"),
        (AltNameType::Dns, "xn--a.example", "IDNA"),
        (AltNameType::Dns, "a$.example", "letters"),
        (AltNameType::Dns, "", "empty"),
        (AltNameType::Ip, "[2001:db8::7]", "brackets"),
        (AltNameType::Ip, "10.0.0.0/8", "block"),
        (AltNameType::Ip, "::ffff:10.1.1.1", "mapped"),
        (AltNameType::Ip, "fe80::1%eth0", "zone"),
        (AltNameType::Ip, "a", "192.0.2.1"),
        (AltNameType::Email, "jörg@corp.example", "ASCII"),
        (AltNameType::Email, "jane", "no @"),
        (AltNameType::Uri, "www.example.com", "absolute"),
        (AltNameType::Directory, "Jane", "RDNs"),
    ] {
        let message = AltName::parse(kind, value).unwrap_err().to_string();
        assert!(
            message.contains(said) && message.contains(kind.words()),
            "{value:?}: {message}"
        );
    }
}

#[test]
fn email_addresses() {
    for (address, canonical) in [
        ("a@example.com", "a@example.com"),
        ("First.Last+tag@Example.COM", "First.Last+tag@example.com"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("root@localhost", "root@localhost"),
    ] {
        assert_eq!(parsed(AltNameType::Email, address).as_deref(), Some(canonical));
    }
    let long = format!("{}@example.com", "a".repeat(65));
    for address in [
        "",
        "@",
        "a@",
        "@b",
        "a.@b",
        ".a@b",
        "a..b@c",
        "a b@c",
        "\"a b\"@c",
        "ä@b",
        "a@b@c",
        "a@[192.0.2.1]",
        "a@*.b",
        "a@b\n",
        "a <a@b>",
        &long,
    ] {
        assert_eq!(parsed(AltNameType::Email, address), None, "{address:?}");
    }
}

#[test]
fn uris() {
    for uri in [
        "https://example.com/a?b=c#d",
        "http://192.0.2.1:8080/",
        "https://[2001:db8::1]:443/a",
        "urn:uuid:f81d4fae",
        "spiffe://trust_domain.example/a",
        "ldap://h/dc=x?y",
        "https://u@h/%41",
        "mailto:a@b",
    ] {
        assert_eq!(parsed(AltNameType::Uri, uri).as_deref(), Some(uri));
    }
    let long = format!("https://h/{}", "a".repeat(2048));
    for uri in [
        "",
        "a",
        "/a",
        "//h/a",
        "http:",
        "http:a",
        "http:///a",
        "https://",
        "https://:80/",
        "https://h:8x/",
        "1a://h",
        "a b:c",
        "https://h/ ",
        "https://h/é",
        "https://h/%4",
        "https://h/%zz",
        "https://h/<>",
        "https://h/\"",
        "file:///etc/x",
        "https://a..b/",
        "https://[::1/",
        "https://[x]/",
        "https://1.2.3/",
        "https://a_b.example/",
        "ldap://a_b.example/",
        "https://h/\n",
        &long,
    ] {
        assert_eq!(parsed(AltNameType::Uri, uri), None, "{uri:?}");
    }
}

#[test]
fn distinguished_names() {
    assert_eq!(parsed(AltNameType::Directory, "CN=a, O=b").as_deref(), Some("CN=a,O=b"));
    for name in ["", "a", "CN=", "CN=a\u{202e}b", "1.2.3=\u{200b}"] {
        assert_eq!(parsed(AltNameType::Directory, name), None, "{name:?}");
    }
}

#[test]
fn a_bad_value_is_shown_shortened() {
    let error = AltName::parse(AltNameType::Ip, &"é".repeat(1000)).unwrap_err();
    assert_eq!(
        error,
        AltNameError::Invalid {
            kind: "IP address",
            value: "é".repeat(100),
            detail: "write it as 192.0.2.1 or 2001:db8::1"
        }
    );
}

#[test]
fn common_names_that_are_domain_names() {
    for name in [
        "example.com",
        "a.b.example",
        "bücher.example",
        "xn--bcher-kva.example",
        "1.example",
        "a.b1c",
    ] {
        assert!(is_domain_name(name), "{name:?}");
    }
    for name in [
        "localhost",
        "*.example.com",
        "Jane Doe",
        "a.b",
        "a.c1",
        "192.0.2.1",
        "a_b.example",
        "example.com.",
        "",
        ".",
    ] {
        assert!(!is_domain_name(name), "{name:?}");
    }
}

#[test]
fn types_have_the_contracts_names_and_short_ones() {
    let all = [
        AltNameType::Dns,
        AltNameType::Ip,
        AltNameType::Email,
        AltNameType::Uri,
        AltNameType::Directory,
    ];
    for (kind, short) in all.into_iter().zip(["dns", "ip", "Email", "uri", "dn"]) {
        assert_eq!(AltNameType::from_name(kind.name()), Some(kind));
        assert_eq!(AltNameType::from_name(short), Some(kind));
    }
    assert_eq!(AltNameType::from_name("OTHER"), None);
}

#[test]
fn names_are_read_as_they_were_written_and_other_types_left_out() {
    let names = vec![
        AltName::Dns("example.com".to_owned()),
        AltName::Ip("192.0.2.1".parse().unwrap()),
        AltName::Ip("2001:db8::1".parse().unwrap()),
        AltName::Email("a@example.com".to_owned()),
        AltName::Uri("urn:a".to_owned()),
        AltName::Directory(Name::from_rfc4514("CN=a").unwrap()),
    ];
    let mut writer = crate::tlv::Writer::default();
    write_all(&mut writer, &names);
    let mut der = writer.finish();
    assert_eq!(from_der(&der).as_ref(), Ok(&names));
    // Followed by a registeredID.
    der.extend([0x88, 1, 0x2a]);
    der[1] += 3;
    assert_eq!(from_der(&der), Ok(names));
}

proptest! {
    #[test]
    fn what_is_parsed_parses_to_itself(text in r"(\*\.)?[a-zA-Z0-9ü.-]{1,40}") {
        if let Ok(AltName::Dns(name)) = AltName::parse(AltNameType::Dns, &text) {
            prop_assert_eq!(AltName::parse(AltNameType::Dns, &name), Ok(AltName::Dns(name)));
        }
    }

    #[test]
    fn no_text_panics(text in r"(\PC|[a@:/.*#%\[\]-]){0,50}") {
        for kind in [AltNameType::Dns, AltNameType::Ip, AltNameType::Email, AltNameType::Uri, AltNameType::Directory] {
            let _ = AltName::parse(kind, &text);
        }
        let _ = (is_domain_name(&text), uri_host(&text));
    }

    #[test]
    fn no_der_panics(der in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = from_der(&der);
    }
}
