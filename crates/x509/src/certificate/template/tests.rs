//! Building: what other implementations parse, and what is refused.

use std::fmt::Write as _;

use hex_literal::hex;
use proptest::prelude::*;
use rustls_pki_types::{CertificateDer, UnixTime as PkiTime};

use super::super::testing::*;
use super::*;
use crate::algorithm::CaKeyAlgorithm;
use crate::certificate::{Issuer, TbsCertificate};
use crate::extension;
use crate::key::ca::CaPublicKey;
use crate::tlv::{Reader, tag};

/// A constant P-256 key, for golden octets.
const FIXED_KEY: [u8; 91] = hex!(
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
);

fn fixed_key() -> SubjectPublicKey {
    SubjectPublicKey::from_der(&FIXED_KEY).unwrap()
}

/// A CA over the fixed key, whose signatures are empty: for golden octets only.
fn fixed_issuer() -> Issuer {
    let key = CaPublicKey::from_der(&FIXED_KEY).unwrap();
    let tbs = ca_template("Test Root CA", fixed_key()).self_signed(&key).unwrap();
    Issuer::new(Certificate::parse(&tbs.assemble(&[])).unwrap()).unwrap()
}

/// The octets, value by value: tag, then content as text, as dotted OID or in hexadecimal.
fn golden(tbs: &TbsCertificate) -> String {
    let mut text = String::new();
    describe(&mut text, tbs.as_der(), 0);
    text
}

fn describe(text: &mut String, octets: &[u8], depth: usize) {
    let mut reader = Reader::new(octets);
    while !reader.is_empty() {
        let value = reader.read().unwrap();
        let content = value.content;
        let inner = if value.tag == tag::OCTET_STRING {
            Reader::only(content, content[0]).is_ok()
        } else {
            false
        };
        write!(text, "{:depth$}{:02x}", "", value.tag, depth = 2 * depth).unwrap();
        if value.tag & 0x20 != 0 || inner {
            text.push('\n');
            describe(text, content, depth + 1);
        } else if let Ok(oid) = value.oid() {
            writeln!(text, " {oid}").unwrap();
        } else if content.len() > 2 && content.iter().all(|octet| octet.is_ascii_graphic() || *octet == b' ') {
            writeln!(text, " {:?}", String::from_utf8_lossy(content)).unwrap();
        } else {
            writeln!(text, " {}", data_encoding::HEXLOWER.encode(content)).unwrap();
        }
    }
}

/// A template with every field set.
fn full_leaf() -> CertificateTemplate {
    let subject = crate::name::Subject {
        common_name: Some("www.example.com".to_owned()),
        country: Some("GB".to_owned()),
        email_address: Some("admin@example.com".to_owned()),
        locality: Some("London".to_owned()),
        organization: Some("Acme, Inc.".to_owned()),
        organizational_unit: Some("Zoë's Unit".to_owned()),
        state: Some("London".to_owned()),
    };
    CertificateTemplate {
        subject: subject.to_name().unwrap(),
        public_key: fixed_key(),
        policies: vec![ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1")],
        crl_distribution_points: vec![
            "http://pki.example.com/ca.crl".to_owned(),
            "http://pki2.example.com/ca.crl".to_owned(),
        ],
        ca_issuers: vec!["http://pki.example.com/ca.crt".to_owned()],
        ocsp: vec!["http://ocsp.example.com/".to_owned()],
        custom_extensions: vec![
            CustomExtension::new("1.3.6.1.4.1.99999.3", true, hex!("0c0161").to_vec()).unwrap(),
            CustomExtension::new("1.3.6.1.4.1.99999.2", false, hex!("0500").to_vec()).unwrap(),
        ],
        ..leaf_template(
            "",
            &alt_names(&[
                "dns:www.example.com",
                "dns:bücher.example",
                "ip:192.0.2.1",
                "ip:2001:db8::1",
                "email:admin@example.com",
                "uri:https://www.example.com/a?b",
                "dn:CN=a+O=b,C=GB",
            ]),
        )
    }
}

#[test]
fn a_root_is_these_octets() {
    let key = CaPublicKey::from_der(&FIXED_KEY).unwrap();
    insta::assert_snapshot!(golden(
        &ca_template("Test Root CA", fixed_key()).self_signed(&key).unwrap()
    ));
}

#[test]
fn an_issuing_ca_is_these_octets() {
    let template = CertificateTemplate {
        basic_constraints: Some(BasicConstraints {
            ca: true,
            path_len: Some(0),
        }),
        name_constraints: Some(NameConstraints {
            permitted: vec![
                Subtree::Dns("example.com".to_owned()),
                Subtree::Ip {
                    address: "192.0.2.77".parse().unwrap(),
                    prefix: 24,
                },
                Subtree::Ip {
                    address: "2001:db8::1".parse().unwrap(),
                    prefix: 33,
                },
                Subtree::Directory(Name::from_rfc4514("C=GB").unwrap()),
            ],
            excluded: vec![
                Subtree::Email(".example.org".to_owned()),
                Subtree::Uri("example.net".to_owned()),
            ],
        }),
        ..ca_template("Test Issuing CA", fixed_key())
    };
    insta::assert_snapshot!(golden(&template.issued_by(&fixed_issuer()).unwrap()));
}

#[test]
fn a_leaf_with_everything_is_these_octets() {
    insta::assert_snapshot!(golden(&full_leaf().issued_by(&fixed_issuer()).unwrap()));
}

#[test]
fn a_leaf_with_nothing_but_an_alternative_name_is_these_octets() {
    let template = CertificateTemplate {
        public_key: fixed_key(),
        extended_key_usages: Vec::new(),
        ..leaf_template("", &alt_names(&["dns:a.example"]))
    };
    insta::assert_snapshot!(golden(&template.issued_by(&fixed_issuer()).unwrap()));
}

#[test]
fn what_is_built_is_read_back() {
    let template = full_leaf();
    let issuer = fixed_issuer();
    let certificate = Certificate::parse(&template.issued_by(&issuer).unwrap().assemble(b"signature")).unwrap();
    assert_eq!(certificate.serial(), template.serial);
    assert_eq!(certificate.subject(), &template.subject);
    assert_eq!(certificate.issuer().as_der(), issuer.certificate().subject().as_der());
    assert_eq!(certificate.spki_der(), template.public_key.as_der());
    assert_eq!(
        (certificate.not_before(), certificate.not_after()),
        (template.not_before, template.not_after)
    );
    assert_eq!(certificate.key_usage(), Some(template.key_usage));
    assert_eq!(certificate.extended_key_usages(), template.extended_key_usages);
    assert_eq!(certificate.alt_names(), template.alt_names);
    assert_eq!(certificate.policies().unwrap(), template.policies);
    assert_eq!(
        certificate.crl_distribution_points().unwrap(),
        template.crl_distribution_points
    );
    assert_eq!(certificate.ca_issuers().unwrap(), template.ca_issuers);
    assert_eq!(certificate.ocsp().unwrap(), template.ocsp);
    assert_eq!(certificate.custom_extensions(), template.custom_extensions);
    assert_eq!(
        certificate.subject_key_identifier(),
        Some(&template.public_key.identifier().0[..])
    );
    assert_eq!(
        certificate.authority_key_identifier(),
        issuer.certificate().subject_key_identifier()
    );
    assert_eq!(certificate.signature(), b"signature");
}

#[test]
fn a_chain_under_every_algorithm_verifies() {
    for algorithm in CaKeyAlgorithm::ALL {
        let root = TestCa::root(algorithm);
        let ca = root.below(algorithm, |template| {
            template.basic_constraints = Some(BasicConstraints {
                ca: true,
                path_len: Some(0),
            });
        });
        let leaf = ca.issue(&CertificateTemplate {
            custom_extensions: Vec::new(),
            ..full_leaf()
        });
        let (root, ca) = (&root.issuer, &ca.issuer);
        assert!(root.certificate().is_signed_by(root.public_key()), "{algorithm:?}");
        assert!(ca.certificate().is_signed_by(root.public_key()), "{algorithm:?}");
        assert!(
            leaf.is_signed_by(ca.public_key()) && !leaf.is_signed_by(root.public_key()),
            "{algorithm:?}"
        );
    }
}

/// The verdict of rustls's verifier on a chain, for TLS servers.
fn webpki_verifies(root: &Certificate, ca: &Certificate, leaf: &Certificate) -> Result<(), webpki::Error> {
    let [root, ca, leaf] = [root, ca, leaf].map(|each| CertificateDer::from(each.as_der()));
    let anchor = webpki::anchor_from_trusted_cert(&root)?;
    let at = PkiTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(NOW.0).unwrap()));
    let usage = webpki::KeyUsage::server_auth();
    let end_entity = webpki::EndEntityCert::try_from(&leaf)?;
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    end_entity
        .verify_for_usage(algorithms, &[anchor], &[ca], at, usage, None, None)
        .map(|_| ())
}

#[test]
fn rustls_verifies_what_is_issued() {
    use CaKeyAlgorithm::{P256, P384, P521, Rsa2048};
    for algorithm in [P256, P384, P521, Rsa2048] {
        let root = TestCa::root(algorithm);
        let ca = root.below(algorithm, |_| {});
        let leaf = ca.issue(&leaf_template(
            "www.example.com",
            &alt_names(&["dns:www.example.com", "ip:192.0.2.1"]),
        ));
        webpki_verifies(root.issuer.certificate(), ca.issuer.certificate(), &leaf).unwrap();
    }
}

/// Every refusal, and its reason.
#[test]
fn templates_that_break_a_rule_are_refused() {
    let issuer = fixed_issuer();
    let refused = |change: &dyn Fn(&mut CertificateTemplate)| {
        let mut template = leaf_template("leaf.example", &alt_names(&["dns:leaf.example"]));
        change(&mut template);
        template.issued_by(&issuer).err()
    };
    let invalid = |field: &str, refusal: Option<TemplateError>| match refusal {
        Some(TemplateError::Invalid { field: actual, .. }) => assert_eq!(actual, field),
        other => panic!("{field}: {other:?}"),
    };
    assert_eq!(refused(&|_| {}), None);

    let ca_not_after = issuer.certificate().not_after();
    assert_eq!(refused(&|template| template.not_after = ca_not_after), None);
    assert_eq!(
        refused(&|template| template.not_after = ca_not_after.plus_seconds(1)),
        Some(TemplateError::OutlivesCa {
            not_after: ca_not_after.plus_seconds(1),
            ca_not_after
        })
    );
    let backwards = refused(&|template| template.not_before = template.not_after);
    assert!(matches!(backwards, Some(TemplateError::Validity { .. })));
    invalid(
        "validity",
        refused(&|template| template.not_before = UnixTime(i64::MIN)),
    );

    invalid(
        "subject",
        refused(&|template| (template.subject, template.alt_names) = (name(""), Vec::new())),
    );
    let is_ca = Some(BasicConstraints {
        ca: true,
        path_len: None,
    });
    invalid("key_usage", refused(&|template| template.basic_constraints = is_ca));
    invalid(
        "key_usage",
        refused(&|template| template.key_usage = KeyUsage::KEY_CERT_SIGN),
    );
    invalid(
        "subject",
        refused(&|template| {
            (template.subject, template.basic_constraints) = (name(""), is_ca);
            template.key_usage = KeyUsage::KEY_CERT_SIGN;
        }),
    );
    let not_ca = Some(BasicConstraints {
        ca: false,
        path_len: Some(0),
    });
    invalid(
        "basic_constraints",
        refused(&|template| template.basic_constraints = not_ca),
    );
    invalid(
        "name_constraints",
        refused(&|template| template.name_constraints = Some(NameConstraints::default())),
    );
    invalid(
        "extended_key_usages",
        refused(&|template| template.extended_key_usages.push(extension::SERVER_AUTH)),
    );
    let policy = ObjectIdentifier::new_unwrap("1.2.3");
    invalid(
        "policies",
        refused(&|template| template.policies = vec![policy, policy]),
    );
    for url in [
        "",
        "http://pki.example.com/ü",
        "/ca.crl",
        "http:///ca.crl",
        "http://a b/",
    ] {
        let url = vec!["http://good.example/".to_owned(), url.to_owned()];
        invalid(
            "crl_distribution_points",
            refused(&|template| template.crl_distribution_points.clone_from(&url)),
        );
        invalid("ca_issuers", refused(&|template| template.ca_issuers.clone_from(&url)));
        invalid("ocsp", refused(&|template| template.ocsp.clone_from(&url)));
    }
    invalid(
        "alt_names",
        refused(&|template| template.alt_names.push(AltName::Dns("ü.example".to_owned()))),
    );
    invalid(
        "alt_names",
        refused(&|template| template.alt_names.push(AltName::Email(String::new()))),
    );
}

#[test]
fn a_ca_says_what_it_constrains_or_nothing() {
    let issuer = fixed_issuer();
    let with = |constraints: NameConstraints| {
        CertificateTemplate {
            name_constraints: Some(constraints),
            ..ca_template("CA", fixed_key())
        }
        .issued_by(&issuer)
    };
    let permitted = |subtree| NameConstraints {
        permitted: vec![subtree],
        excluded: Vec::new(),
    };
    assert!(with(permitted(Subtree::Dns(String::new()))).is_ok());
    assert!(with(NameConstraints::default()).is_err());
    assert!(with(permitted(Subtree::Dns("ü".to_owned()))).is_err());
    assert!(
        with(permitted(Subtree::Ip {
            address: [10, 0, 0, 0].into(),
            prefix: 33
        }))
        .is_err()
    );
}

#[test]
fn custom_extensions_are_there_once_and_never_instead_of_ours() {
    let issuer = fixed_issuer();
    let custom = |oid: &str| CustomExtension::read_back(ObjectIdentifier::new_unwrap(oid), false, vec![5, 0]);
    let with = |oids: &[&str]| CertificateTemplate {
        custom_extensions: oids.iter().map(|oid| custom(oid)).collect(),
        ..leaf_template("leaf", &[])
    };
    assert!(with(&["1.2.3", "1.2.4", "2.5.29.30"]).issued_by(&issuer).is_ok());
    for (oids, twice) in [
        (&["1.2.3", "1.2.4", "1.2.3"][..], "1.2.3"),
        (&["1.2.3", "2.5.29.19"], "2.5.29.19"),
        (&["2.5.29.17"], "2.5.29.17"),
    ] {
        let refusal = with(oids).issued_by(&issuer).unwrap_err();
        assert_eq!(refusal, TemplateError::DuplicateExtension { oid: twice.to_owned() });
        assert_eq!(
            refusal.to_string(),
            format!("Custom extension OID {twice} is specified more than once")
        );
    }
    let constrained = CertificateTemplate {
        name_constraints: Some(NameConstraints {
            permitted: vec![Subtree::Dns("example.com".to_owned())],
            excluded: Vec::new(),
        }),
        custom_extensions: vec![custom("2.5.29.30")],
        ..ca_template("CA", fixed_key())
    };
    assert!(matches!(
        constrained.issued_by(&issuer),
        Err(TemplateError::DuplicateExtension { .. })
    ));
}

#[test]
fn path_lengths_shrink_from_ca_to_ca() {
    let root = |path_len| {
        TestCa::root_with(CaKeyAlgorithm::P256, |template| {
            template.basic_constraints = Some(BasicConstraints { ca: true, path_len });
        })
    };
    let below = |issuer: &TestCa, path_len| {
        CertificateTemplate {
            basic_constraints: Some(BasicConstraints { ca: true, path_len }),
            ..ca_template("CA", fixed_key())
        }
        .issued_by(&issuer.issuer)
        .map(|_| ())
    };
    let refused = |path_len| Err(TemplateError::PathLength { path_len });
    let (none, zero, two) = (root(None), root(Some(0)), root(Some(2)));
    for path_len in [None, Some(0), Some(255)] {
        assert_eq!(below(&none, path_len), Ok(()));
        assert_eq!(below(&zero, path_len), refused(0));
    }
    for (path_len, outcome) in [
        (Some(0), Ok(())),
        (Some(1), Ok(())),
        (Some(2), refused(2)),
        (None, refused(2)),
    ] {
        assert_eq!(below(&two, path_len), outcome);
    }
    // Not a CA certificate, so the path length does not apply.
    assert!(leaf_template("leaf", &[]).issued_by(&zero.issuer).is_ok());
}

#[test]
fn a_root_is_signed_by_its_own_key() {
    let other = TestCa::root(CaKeyAlgorithm::P256);
    let refusal = ca_template("CA", fixed_key()).self_signed(other.issuer.public_key());
    assert!(matches!(
        refusal,
        Err(TemplateError::Invalid {
            field: "public_key",
            ..
        })
    ));
}

#[test]
fn years_from_2050_on_are_generalized_time() {
    let root = TestCa::root_with(CaKeyAlgorithm::P256, |template| {
        template.not_after = UnixTime(253_402_300_799);
    });
    let last = |octets: &[u8]| data_encoding::HEXLOWER.encode(octets);
    for (not_after, der) in [
        (2_524_607_999, last(b"\x17\x0d491231235959Z")),
        (2_524_608_000, last(b"\x18\x0f20500101000000Z")),
        (253_402_300_799, last(b"\x18\x0f99991231235959Z")),
    ] {
        let leaf = root.issue(&CertificateTemplate {
            not_after: UnixTime(not_after),
            ..leaf_template("leaf", &[])
        });
        assert_eq!(leaf.not_after(), UnixTime(not_after));
        assert!(data_encoding::HEXLOWER.encode(leaf.tbs_der()).contains(&der));
    }
}

/// A single name outside the constraints is found at any position among names inside: each name is checked, none of
/// them twice in place of another.
#[test]
fn an_issuer_with_constraints_issues_within_them_only() {
    let ca = TestCa::root_with(CaKeyAlgorithm::P256, |template| {
        template.name_constraints = Some(NameConstraints {
            permitted: vec![Subtree::Dns("example.com".to_owned())],
            excluded: vec![Subtree::Ip {
                address: [0, 0, 0, 0].into(),
                prefix: 0,
            }],
        });
    });
    let issue = |names: &[&str]| {
        leaf_template("Leaf", &alt_names(names))
            .issued_by(&ca.issuer)
            .map(|_| ())
    };
    assert_eq!(
        issue(&["dns:a.example.com", "dns:b.example.com", "ip:2001:db8::1"]),
        Ok(())
    );
    assert_eq!(
        issue(&["dns:a.example.com", "dns:b.example.org"]),
        Err(TemplateError::NameConstraints {
            name: "the DNS name b.example.org".to_owned(),
            constraint: "they permit only the DNS names of \"example.com\"".to_owned()
        })
    );
    assert!(issue(&["ip:192.0.2.1"]).is_err());

    // A CA's new certificate for itself is exempt, that for another CA is not.
    let own = CertificateTemplate {
        alt_names: alt_names(&["dns:ca.example.org"]),
        ..ca_template("Test Root CA", fixed_key())
    };
    assert!(own.issued_by(&ca.issuer).is_ok());
    assert!(
        CertificateTemplate {
            subject: name("Other CA"),
            ..own
        }
        .issued_by(&ca.issuer)
        .is_err()
    );
}

fn host() -> impl Strategy<Value = String> {
    "(a\\.|b\\.){0,2}(example\\.com|example\\.org)"
}

fn subtrees() -> impl Strategy<Value = Vec<Subtree>> {
    let subtree = prop_oneof![
        host().prop_map(Subtree::Dns),
        (any::<[u8; 2]>(), 0_u8..=16).prop_map(|([a, b], prefix)| Subtree::Ip {
            address: [a & 1, b & 3, 0, 0].into(),
            prefix
        }),
    ];
    proptest::collection::vec(subtree, 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// This implementation and rustls's agree on name constraints.
    #[test]
    fn rustls_accepts_the_same_names(
        permitted in subtrees(),
        excluded in subtrees(),
        hosts in proptest::collection::vec(host(), 0..3),
        addresses in proptest::collection::vec(any::<[u8; 2]>(), 0..3),
    ) {
        prop_assume!(!(permitted.is_empty() && excluded.is_empty()));
        let constraints = NameConstraints { permitted, excluded };
        let mut names: Vec<_> = hosts.into_iter().map(AltName::Dns).collect();
        names.extend(addresses.into_iter().map(|[a, b]| AltName::Ip([a & 1, b & 3, 0, 1].into())));
        prop_assume!(!names.is_empty());

        let root = TestCa::root(CaKeyAlgorithm::P256);
        let key = crate::key::test_keys::TestKey::generate(CaKeyAlgorithm::P256);
        let public_key = SubjectPublicKey::from_der(&key.spki()).unwrap();
        let free = ca_template("CA", public_key);
        let constrained = CertificateTemplate { name_constraints: Some(constraints.clone()), ..free.clone() };
        // Without a common name: rustls does not interpret it, unlike other verifiers.
        let subject = Name::from_rfc4514("O=Leaf").unwrap();
        let leaf = CertificateTemplate { subject, ..leaf_template("Leaf", &names) };
        // Signed without a check of the constraints, by a certificate of the same name and key that has none.
        let ca = TestCa { issuer: Issuer::new(root.issue(&free)).unwrap(), key };
        let certificate = ca.issue(&leaf);
        let theirs = webpki_verifies(root.issuer.certificate(), &root.issue(&constrained), &certificate);
        let ours = leaf.check_name_constraints(&constraints);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
    }

    #[test]
    fn one_bad_name_among_good_ones_is_found_wherever_it_stands(good in 0_usize..40, at in any::<prop::sample::Index>()) {
        let mut names: Vec<_> = (0..good).map(|number| AltName::Dns(format!("n{number}.example.com"))).collect();
        let constraints = NameConstraints { permitted: vec![Subtree::Dns("example.com".to_owned())], excluded: Vec::new() };
        let subject = Name::from_rfc4514("O=Leaf").unwrap();
        let mut template = CertificateTemplate { subject, ..leaf_template("Leaf", &names) };
        prop_assert!(template.check_name_constraints(&constraints).is_ok());
        names.insert(at.index(good + 1), AltName::Dns("n.example.org".to_owned()));
        template.alt_names = names;
        let outside = template.check_name_constraints(&constraints);
        prop_assert!(
            matches!(&outside, Err(TemplateError::NameConstraints { name, .. }) if name == "the DNS name n.example.org"),
            "{:?}", outside
        );
    }
}
