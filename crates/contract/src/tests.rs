use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::event::Event;
use chancery_authority::issue::Refusal;
use chancery_x509::san::AltName;
use serde_json::{Value, json};

/// A request with only the required fields; the CSR's content is not parsed here.
fn minimal() -> Value {
    json!({ "common_name": "server.example.com", "base64_csr_data": STANDARD.encode("a CSR") })
}

fn with(field: &str, value: Value) -> Value {
    let mut request = minimal();
    request[field] = value;
    request
}

fn parsed(request: &Value) -> TlsCertRequest {
    TlsCertRequest::from_value(request).unwrap()
}

fn dns(name: &str) -> AltName {
    AltName::Dns(name.to_owned())
}

fn listed(sans: Value) -> (Vec<AltName>, Vec<String>) {
    let request = parsed(&with("sans", sans));
    match request.alt_names {
        RequestedNames::Listed(names) => (names, request.warnings),
        RequestedNames::FromCommonName => panic!("names were given"),
    }
}

#[test]
fn defaults_are_the_contract_s() {
    let request = parsed(&minimal());
    assert_eq!(request.subject.common_name.as_deref(), Some("server.example.com"));
    assert_eq!(request.csr, Some(CsrSource::Inline(b"a CSR".to_vec())));
    let rest = TlsCertRequest {
        subject: Subject::default(),
        csr: None,
        ..request
    };
    assert_eq!(rest, TlsCertRequest::default());
}

#[test]
fn every_field_is_read() {
    let request = parsed(&json!({
        "common_name": "c", "country": "GB", "state": "London", "locality": "Soho", "organization": "Acme, Inc.",
        "organizational_unit": "Ops", "email_address": "a@example.com", "lifetime": 90,
        "purposes": ["server_auth", "client_auth", "server_auth"],
        "extended_key_usages": ["CODE_SIGNING", "NONE", "1.3.6.1.5.5.7.3.3", "1.3.6.1.4.1.311.20.2.2"],
        "sans": ["a.example.com"],
        "extensions": [{ "oid": "1.3.6.1.4.1.55555.1", "value_b64": "BAA=", "critical": true }],
        "csr_file": "server.csr", "force_issue": true, "cert_bundle": true, "ca_chain_only": false,
        "notify_expiry": true, "notify_issued": false, "profile": "device",
        "passphrase": "ignored", "colour": { "also": "ignored" },
    }));
    assert_eq!(request.subject.organization.as_deref(), Some("Acme, Inc."));
    assert_eq!(request.subject.email_address.as_deref(), Some("a@example.com"));
    assert_eq!(request.lifetime_days, Some(90));
    assert_eq!(request.purposes, [TlsPurpose::ServerAuth, TlsPurpose::ClientAuth]);
    let usages: Vec<String> = request.extended_key_usages.iter().map(ToString::to_string).collect();
    assert_eq!(usages, ["1.3.6.1.5.5.7.3.3", "1.3.6.1.4.1.311.20.2.2"]);
    assert_eq!(request.csr_file().unwrap().as_str(), "server.csr");
    assert_eq!(
        (request.force_issue, request.cert_bundle, request.ca_chain_only),
        (true, true, false)
    );
    assert_eq!(
        (request.notify_expiry, request.notify_issued),
        (Some(true), Some(false))
    );
    assert_eq!(request.profile.as_deref(), Some("device"));
    assert!(request.extensions[0].critical);
    // The contract ignores unknown fields; `passphrase` was a field of the former clients.
    assert_eq!(request.warnings, ["field \"colour\" is not known and was ignored"]);
}

#[test]
fn unknown_fields_are_named_within_bounds() {
    let mut request = with("profil\u{202e}\n", json!("tls-server"));
    request["sans"] = json!([{ "typ": "EMAIL_ADDRESS", "value": "a.example.com" }]);
    request["extensions"] = json!([{ "oid": "1.3.6.1.4.1.55555.1", "value_b64": "BAA=", "critcal": true, "x": 1 }]);
    let warnings = parsed(&request).warnings;
    assert_eq!(
        warnings,
        [
            "field \"profil\\u{202e}\\n\" is not known and was ignored",
            "field \"typ\" of sans[0] is not known and was ignored",
            "field \"critcal\" of extensions[0] is not known and was ignored",
            "1 more field of extensions[0] is not known and was ignored",
        ]
    );
    let mut many = with(&"x".repeat(10_000), json!(1));
    for number in 0..1000 {
        many[format!("field-{number}")] = json!(1);
    }
    let warnings = parsed(&many).warnings;
    assert_eq!(warnings.len(), 9);
    assert_eq!(warnings[8], "993 more fields are not known and were ignored");
    assert!(warnings.iter().all(|warning| warning.len() < 200));
}

#[test]
fn names_come_in_every_shape() {
    let one = vec![dns("a.example.com")];
    assert_eq!(listed(json!("a.example.com")).0, one);
    assert_eq!(listed(json!(["a.example.com"])).0, one);
    assert_eq!(listed(json!({ "DNS_NAME": "a.example.com" })).0, one);
    assert_eq!(listed(json!({ "DNS_NAME": ["a.example.com"] })).0, one);
    assert_eq!(listed(json!([{ "type": "DNS_NAME", "value": "a.example.com" }])).0, one);
    assert_eq!(
        listed(json!([{ "value": "a.example.com" }])).0,
        one,
        "the type is DNS_NAME where none is given"
    );
    assert_eq!(listed(json!(["a.example.com", "a.example.com"])).0, one, "each once");

    let (names, warnings) = listed(json!([
        { "type": "DNS_NAME", "value": "a.example.com" }, { "type": "IP_ADDRESS", "value": "10.0.0.1" },
        { "type": "EMAIL_ADDRESS", "value": "a@example.com" }, { "type": "URL", "value": "https://example.com/x" },
        { "type": "DN", "value": "CN=a,O=Example" },
    ]));
    assert_eq!(warnings, [""; 0]);
    let texts: Vec<AltNameText> = names.iter().map(AltNameText::from).collect();
    assert_eq!(
        serde_json::to_value(texts).unwrap(),
        json!([
            { "type": "DNS_NAME", "value": "a.example.com" }, { "type": "IP_ADDRESS", "value": "10.0.0.1" },
            { "type": "EMAIL_ADDRESS", "value": "a@example.com" }, { "type": "URL", "value": "https://example.com/x" },
            { "type": "DN", "value": "CN=a,O=Example" },
        ])
    );
    for nothing in [json!(null), json!(""), json!([]), json!({}), json!({ "DNS_NAME": [] })] {
        assert_eq!(parsed(&with("sans", nothing)).alt_names, RequestedNames::FromCommonName);
    }
}

#[test]
fn invalid_names_and_unknown_purposes_are_left_out_with_a_warning() {
    let (names, warnings) = listed(json!(["not a domain", "b.example.com"]));
    assert_eq!(names, [dns("b.example.com")]);
    assert_eq!(warnings.len(), 1);
    let (names, warnings) = listed(json!({ "IP_ADDRESS": "999.1.1.1", "FAX_NUMBER": "1" }));
    assert!(
        names.is_empty(),
        "names were given, so the common name does not stand in for them"
    );
    assert_eq!(warnings.len(), 2);

    let request = parsed(&with("purposes", json!(["fly", "server_auth"])));
    assert_eq!(request.purposes, [TlsPurpose::ServerAuth]);
    assert_eq!(request.warnings, ["purpose \"fly\" is not known and was left out"]);
}

/// Lessons 12 and 13: an invalid field is refused with a message, and never panics or is taken for something else.
#[test]
fn lessons_12_and_13_every_field_wrong_in_every_way_is_refused_in_words() {
    let text_fields = [
        "common_name",
        "country",
        "state",
        "locality",
        "organization",
        "organizational_unit",
        "email_address",
        "profile",
        "csr_file",
        "base64_csr_data",
    ];
    let flags = [
        "force_issue",
        "cert_bundle",
        "ca_chain_only",
        "notify_expiry",
        "notify_issued",
    ];
    let lists = ["purposes", "extended_key_usages", "extensions"];
    let wrong = |values: &[Value], fields: &[&str]| {
        for (field, value) in fields
            .iter()
            .flat_map(|field| values.iter().map(move |value| (field, value)))
        {
            let malformed = TlsCertRequest::from_value(&with(field, value.clone())).unwrap_err();
            assert!(
                matches!(&malformed, Malformed::WrongType { field: named, .. } if named.starts_with(field)),
                "{field} = {value}: {malformed}"
            );
            assert_eq!(malformed.code(), "malformed_request");
        }
    };
    wrong(&[json!(5), json!(true), json!([]), json!({})], &text_fields);
    wrong(
        &[json!("false"), json!("true"), json!(0), json!(1), json!([]), json!({})],
        &flags,
    );
    wrong(
        &[
            json!("client_auth"),
            json!(5),
            json!({}),
            json!(true),
            json!([5]),
            json!([null]),
        ],
        &lists,
    );
    wrong(
        &[
            json!("30"),
            json!(30.5),
            json!(1e300),
            json!(true),
            json!([30]),
            json!({}),
        ],
        &["lifetime"],
    );
    wrong(
        &[
            json!(5),
            json!(true),
            json!([5]),
            json!([["a"]]),
            json!({ "DNS_NAME": 5 }),
            json!({ "DNS_NAME": [5] }),
        ],
        &["sans"],
    );
    wrong(
        &[
            json!([{ "type": 5, "value": "a" }]),
            json!([{ "value": 5 }]),
            json!([{}]),
        ],
        &["sans"],
    );
}

#[test]
fn lesson_13_a_flag_is_true_or_false() {
    for (critical, found) in [
        (json!("false"), "a string"),
        (json!(1), "a number"),
        (json!([]), "a list"),
    ] {
        let extension = json!([{ "oid": "1.2.3.4", "value_b64": "BAA=", "critical": critical }]);
        let malformed = TlsCertRequest::from_value(&with("extensions", extension)).unwrap_err();
        assert_eq!(
            malformed.to_string(),
            format!("extensions[0].critical must be true or false, not {found}")
        );
    }
}

#[test]
fn lesson_12_a_request_is_an_object() {
    for value in [json!(null), json!([]), json!("x"), json!(1)] {
        assert_eq!(TlsCertRequest::from_value(&value), Err(Malformed::NotAnObject));
    }
    assert!(matches!(
        TlsCertRequest::from_json(b"{"),
        Err(Malformed::NotJson { .. })
    ));
    assert!(matches!(
        TlsCertRequest::from_json(&vec![b' '; budget::REQUEST + 1]),
        Err(Malformed::TooLong { .. })
    ));
    let deep = "[".repeat(100_000);
    assert!(matches!(
        TlsCertRequest::from_json(deep.as_bytes()),
        Err(Malformed::NotJson { .. })
    ));
}

#[test]
fn texts_of_rejections_are_the_contract_s() {
    let message = |request: &Value| TlsCertRequest::from_value(request).unwrap_err().to_string();
    for nothing in [json!(null), json!("")] {
        assert_eq!(message(&with("common_name", nothing)), "CSR must include a Common Name");
    }
    assert_eq!(
        message(&json!({ "base64_csr_data": "YQ==" })),
        "CSR must include a Common Name"
    );
    assert_eq!(message(&with("lifetime", json!(0))), "0 is too short");
    assert_eq!(message(&with("lifetime", json!(-5))), "-5 is too short");
    assert_eq!(
        message(&with("extensions", json!([{ "value_b64": "BAA=" }]))),
        "Custom extension is missing required field 'oid'"
    );
    assert_eq!(
        message(&with("extensions", json!([{ "oid": "1.2.3" }]))),
        "Custom extension is missing required field 'value_b64'"
    );
    let place = "S3 bucket 'B'".to_owned();
    let not_found = Refusal::CsrFileNotFound {
        name: CsrFileName::new("X").unwrap(),
        place,
    };
    assert_eq!(not_found.to_string(), "CSR file 'X' not found in S3 bucket 'B'");
    assert!(!not_found.deserves_notice());
    assert_eq!(
        Refusal::KeyInUse.to_string(),
        "Private key has already been used for a certificate"
    );
}

#[test]
fn null_is_absent() {
    let mut request = minimal();
    for field in [
        "country",
        "lifetime",
        "purposes",
        "extended_key_usages",
        "sans",
        "extensions",
        "csr_file",
        "force_issue",
        "cert_bundle",
        "ca_chain_only",
        "notify_expiry",
        "notify_issued",
        "profile",
    ] {
        request[field] = Value::Null;
    }
    assert_eq!(parsed(&request), parsed(&minimal()));
}

#[test]
fn budgets_bound_every_list_and_text() {
    let many = |count: usize| Value::Array((0..count).map(|index| json!(format!("h{index}.example.com"))).collect());
    assert_eq!(listed(many(budget::ALT_NAMES)).0.len(), budget::ALT_NAMES);
    let over = [
        ("sans", many(budget::ALT_NAMES + 1)),
        ("sans", json!({ "DNS_NAME": many(200), "URL": many(200) })),
        ("sans", many(1_000_000)),
        ("purposes", many(budget::USAGES + 1)),
        ("extended_key_usages", many(budget::USAGES + 1)),
        ("extensions", many(budget::EXTENSIONS + 1)),
        ("organization", json!("o".repeat(budget::TEXT + 1))),
        ("base64_csr_data", json!(STANDARD.encode(vec![0; budget::CSR + 1]))),
        ("base64_csr_data", json!("A".repeat(4 * budget::CSR))),
    ];
    for (field, value) in over {
        let malformed = TlsCertRequest::from_value(&with(field, value)).unwrap_err();
        assert!(
            matches!(
                malformed,
                Malformed::TooMany { .. } | Malformed::TextTooLong { .. } | Malformed::CsrTooLong { .. }
            ),
            "{field}: {malformed}"
        );
    }
}

#[test]
fn csr_data_is_base64_with_or_without_line_breaks() {
    let broken = STANDARD
        .encode("a CSR")
        .chars()
        .flat_map(|letter| [letter, '\n'])
        .collect::<String>();
    assert_eq!(
        parsed(&with("base64_csr_data", json!(broken))).csr,
        Some(CsrSource::Inline(b"a CSR".to_vec()))
    );
    assert_eq!(
        TlsCertRequest::from_value(&with("base64_csr_data", json!("%%%"))),
        Err(Malformed::CsrBase64)
    );
    for nothing in [json!(null), json!("")] {
        assert_eq!(
            TlsCertRequest::from_value(&with("base64_csr_data", nothing)),
            Err(Malformed::NoCsr)
        );
    }
}

#[test]
fn csr_files_stay_in_their_folder() {
    let mut request = parsed(&with("csr_file", json!("server-1.example.com.csr")));
    assert!(request.csr_file().is_some(), "the file wins over data in the request");
    let (octets, place) = (b"content".to_vec(), String::new());
    request.resolve_csr(FoundCsr::Content { octets, place }, Vec::new());
    assert_eq!(
        (request.csr_file(), request.csr.as_ref().unwrap().octets()),
        (None, Some(&b"content"[..]))
    );
    for name in [
        "../secret",
        "a/b",
        "a\\b",
        "..",
        ".hidden",
        "/etc/passwd",
        "a\0",
        "a\nb",
        "a%2fb",
        &"a".repeat(201),
    ] {
        let malformed = TlsCertRequest::from_value(&with("csr_file", json!(name))).unwrap_err();
        assert!(
            matches!(malformed, Malformed::CsrFileName { .. }),
            "{name:?}: {malformed}"
        );
    }
}

#[test]
fn just_the_chain_needs_nothing_else() {
    let request = parsed(&json!({ "ca_chain_only": true, "lifetime": "nonsense" }));
    assert!(request.ca_chain_only && request.csr.is_none());
}

#[test]
fn a_profile_may_take_the_csr_s_common_name() {
    let request = parsed(&json!({ "profile": "device", "base64_csr_data": STANDARD.encode("x") }));
    assert_eq!(request.subject.common_name, None);
}

#[test]
fn malformed_requests_are_told_of_briefly() {
    let mut request = with("sans", json!({ "DNS_NAME": 5 }));
    request["lifetime"] = json!(30);
    request["purposes"] = Value::Array(vec![json!("x"); 1000]);
    let notice = notice::of(&Event::MalformedRequestRejected {
        request: Box::new(issue::readable(&request)),
        reason: "because".to_owned(),
    });
    assert_eq!(notice.subject, "Certificate Request Rejected");
    assert_eq!(
        notice.message,
        json!({
            "CSRInfo": { "CommonName": "server.example.com", "Lifetime": 30, "Purposes": null, "SANs": null },
            "Base64CSR": STANDARD.encode("a CSR"), "Subject": "CN=server.example.com", "Reason": "because",
        })
    );
}

#[test]
fn refused_requests_are_told_of_as_the_contract_has_it() {
    let mut request = parsed(&with("sans", json!(["a.example.com"])));
    request.purposes = vec![TlsPurpose::ServerAuth];
    request.lifetime_days = Some(7);
    let notice = notice::of(&Event::RequestRejected {
        request: Box::new(issue::rejected(&request)),
        reason: "0 is too short".to_owned(),
    });
    assert_eq!(
        notice.message,
        json!({
            "CSRInfo": {
                "CommonName": "server.example.com", "Lifetime": 7, "Purposes": ["server_auth"],
                "SANs": [{ "type": "DNS_NAME", "value": "a.example.com" }],
            },
            "Base64CSR": STANDARD.encode("a CSR"), "Subject": "CN=server.example.com", "Reason": "0 is too short",
        })
    );
}

#[test]
fn times_are_written_as_the_contract_has_them() {
    use chancery_x509::time::UnixTime;
    assert_eq!(contract_time(UnixTime(0)), "1970-01-01 00:00:00");
    assert_eq!(contract_time(UnixTime(1_795_464_005)), "2026-11-23 20:00:05");
    assert_eq!(contract_time(UnixTime(253_402_300_799)), "9999-12-31 23:59:59");
    assert_eq!(contract_time(UnixTime(i64::MAX)), "9223372036854775807 s");
}

proptest::proptest! {
    /// Lesson 15: no input makes the parser panic.
    #[test]
    fn lesson_15_no_text_panics(text in "\\PC{0,200}") {
        let _ = TlsCertRequest::from_json(text.as_bytes());
        let _ = TlsCertRequest::from_value(&with("sans", json!([text, { "type": text, "value": text }])));
        let _ = TlsCertRequest::from_value(&with("extended_key_usages", json!([text])));
        let _ = TlsCertRequest::from_value(&with("csr_file", json!(text)));
    }

    /// Lesson 20: every name of a list is checked: an invalid one is rejected at any position.
    #[test]
    fn lesson_20_every_name_of_a_list_is_checked(valid in proptest::collection::vec(proptest::bool::ANY, 1..20)) {
        let sans: Vec<String> = valid
            .iter()
            .enumerate()
            .map(|(index, &valid)| if valid { format!("h{index}.example.com") } else { format!("no name {index}") })
            .collect();
        let (names, warnings) = listed(json!(sans));
        let expected: Vec<AltName> =
            valid.iter().enumerate().filter(|(_, valid)| **valid).map(|(index, _)| dns(&format!("h{index}.example.com"))).collect();
        proptest::prop_assert_eq!(names, expected);
        proptest::prop_assert_eq!(warnings.len(), valid.iter().filter(|valid| !**valid).count());
    }
}
