use chancery_x509::key::KeyKind;

use super::*;

fn profile(text: &str) -> Profile {
    Profile::from_toml("own", text).unwrap()
}

fn refused(text: &str) -> (&'static str, String) {
    let error = Profile::from_toml("own", text).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("profile own"), "{message}");
    match error {
        ProfileError::Invalid { key, .. } => (key, message),
        _ => ("toml", message),
    }
}

const SERVER: &str = "extended_key_usages = ['TLS_WEB_SERVER_AUTHENTICATION']\n";

fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new(text).unwrap()
}

#[test]
fn built_in_profiles_are_valid_and_for_what_their_names_say() {
    let profiles = Profiles::built_in();
    let names: Vec<_> = profiles.names().collect();
    assert_eq!(
        names,
        ["code-signing", "device", "email", "tls", "tls-client", "tls-server"]
    );
    let first = |name: &str| {
        profiles
            .named(name)
            .unwrap()
            .extended_key_usages()
            .first()
            .map(ToString::to_string)
    };
    assert_eq!(first("tls-server").as_deref(), Some("1.3.6.1.5.5.7.3.1"));
    assert_eq!(first("tls-client").as_deref(), Some("1.3.6.1.5.5.7.3.2"));
    assert_eq!(first("code-signing").as_deref(), Some("1.3.6.1.5.5.7.3.3"));
    assert_eq!(first("email").as_deref(), Some("1.3.6.1.5.5.7.3.4"));
    assert_eq!(first("tls"), None, "purposes come from the request");
    for profile in profiles.iter() {
        assert!(!profile.description().is_empty(), "{}", profile.name());
        assert!(profile.key_usage(RSA).contains(KeyUsage::DIGITAL_SIGNATURE));
        assert_eq!(profile.backdate_seconds(), 300);
    }
    profiles.check(&Config::from_toml("").unwrap()).unwrap();
}

/// Lesson 4: no requester gets power over other certificates merely by asking.
#[test]
fn lesson_04_no_built_in_profile_gives_ocsp_signing_or_any_usage() {
    for profile in Profiles::built_in().iter() {
        for usage in powerful::USAGES {
            assert!(
                !profile.allows_extended_key_usage(&usage),
                "{} allows {usage}",
                profile.name()
            );
        }
    }
    let tls = Profiles::built_in();
    let tls = tls.named("tls").unwrap();
    assert!(tls.allows_extended_key_usage(&oid("1.3.6.1.5.5.7.3.3")));
    assert!(
        tls.allows_extended_key_usage(&oid("1.3.6.1.4.1.311.10.3.12")),
        "the contract takes any other OID"
    );
    let named = profile(&format!("{SERVER}allowed_extended_key_usages = ['*', 'OCSP_SIGNING']"));
    assert!(
        named.allows_extended_key_usage(&powerful::USAGES[0]),
        "unless a profile names it"
    );
    assert!(!named.allows_extended_key_usage(&powerful::USAGES[1]));
}

const RSA: KeyKind = KeyKind::Rsa { bits: 3072 };

#[test]
fn key_encipherment_for_ec_keys_is_a_choice_of_its_own() {
    let usage = |profiles: &Profiles, name: &str, kind| {
        let usage = profiles.named(name).unwrap().key_usage(kind);
        usage.contains(KeyUsage::KEY_ENCIPHERMENT)
    };
    let chosen = Profiles::built_in().with_ec_key_encipherment();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, RSA] {
        assert!(usage(&chosen, "tls", kind), "{kind}");
    }
    for kind in [KeyKind::Ed25519, KeyKind::MlDsa44] {
        assert!(!usage(&chosen, "tls", kind), "{kind}: it signs and no more");
    }
    assert!(
        !usage(&chosen, "tls-server", KeyKind::P256),
        "the drop-in profile alone"
    );
    let own = Profiles::built_in()
        .with("own", &format!("{SERVER}ec_key_encipherment = true"))
        .unwrap();
    assert!(usage(&own, "own", KeyKind::P256));
}

#[test]
fn only_the_drop_in_profile_makes_subjects_of_fields() {
    for profile in Profiles::built_in().iter() {
        let expected = if profile.name() == "tls" {
            SubjectSource::Fields
        } else {
            SubjectSource::Csr
        };
        assert_eq!(profile.subject_from(), expected, "{}", profile.name());
        assert_eq!(profile.alt_names(), AltNameSource::Request, "{}", profile.name());
        assert!(!profile.basic_constraints(), "{}", profile.name());
    }
    assert_eq!(profile(SERVER).subject_from(), SubjectSource::Csr);
    let own = profile(&format!(
        "{SERVER}subject_from = 'fields'\nalt_names = 'csr'\nbasic_constraints = true"
    ));
    assert_eq!(
        (own.subject_from(), own.alt_names()),
        (SubjectSource::Fields, AltNameSource::Csr)
    );
    assert!(own.basic_constraints());
    assert!(Profile::from_toml("own", &format!("{SERVER}subject_from = 'both'")).is_err());
}

#[test]
fn key_encipherment_is_for_rsa_alone() {
    let profiles = Profiles::built_in();
    let tls = profiles.named("tls").unwrap();
    assert!(tls.key_usage(RSA).contains(KeyUsage::KEY_ENCIPHERMENT));
    assert!(!tls.key_usage(KeyKind::P256).contains(KeyUsage::KEY_ENCIPHERMENT));
    assert!(
        !profiles
            .named("tls-client")
            .unwrap()
            .key_usage(RSA)
            .contains(KeyUsage::KEY_ENCIPHERMENT)
    );
}

#[test]
fn an_own_profile_adds_or_replaces() {
    let profiles = Profiles::built_in()
        .with(
            "radius",
            &format!("{SERVER}max_lifetime_days = 60\nissuing_ca = 'radius-ca'\npolicies = ['1.3.6.1.4.1.1.1']"),
        )
        .unwrap()
        .with("tls-server", &format!("{SERVER}wildcards = false"))
        .unwrap();
    let radius = profiles.named("radius").unwrap();
    assert_eq!((radius.max_lifetime_days(), radius.default_lifetime_days()), (60, 30));
    assert_eq!(radius.policies(), [oid("1.3.6.1.4.1.1.1")]);
    assert!(!profiles.named("tls-server").unwrap().allows_wildcards());

    let error = profiles.check(&Config::from_toml("").unwrap()).unwrap_err();
    assert!(error.to_string().contains("no CA named \"radius-ca\""), "{error}");
}

#[test]
fn what_is_no_profile_is_refused_with_key_and_remedy() {
    let cases = [
        ("", "extended_key_usages", "good for everything"),
        ("colour = 'red'", "toml", "unknown field `colour`"),
        ("wildcards = 'yes'", "toml", "invalid type"),
        ("extended_key_usages = ['TLS']", "extended_key_usages", "CODE_SIGNING"),
        (
            "allowed_extended_key_usages = ['1.2.']",
            "allowed_extended_key_usages",
            "no extended key usage",
        ),
        ("key_types = ['dsa']", "key_types", "ml-dsa"),
        ("key_usages = []", "key_usages", "at least one"),
        ("key_usages = ['key_cert_sign']", "key_usages", "end entities"),
        ("max_lifetime_days = 0", "max_lifetime_days", "from 1"),
        (
            "default_lifetime_days = 31\nmax_lifetime_days = 30",
            "default_lifetime_days",
            "from 1 to 30",
        ),
        ("backdate_seconds = 90000", "backdate_seconds", "from 0 to 86400"),
        ("san_types = ['UPN']", "san_types", "EMAIL_ADDRESS"),
        ("san_types = []\nsan_required = true", "san_types", "allow at least one"),
        ("policies = ['x']", "policies", "no object identifier"),
        ("policies = ['1.2.3', '1.2.3']", "policies", "twice"),
        ("subject = { common_name = 'x' }", "subject", "leave common_name out"),
        ("subject = { country = 'England' }", "subject", "country"),
        (
            "required_subject_fields = ['planet']",
            "toml",
            "unknown variant `planet`",
        ),
    ];
    for (text, key, message) in cases {
        // Extended key usages are required, except in the cases about them.
        let text = if key == "extended_key_usages" {
            text.to_owned()
        } else {
            format!("{SERVER}{text}")
        };
        let (found, detail) = refused(&text);
        assert_eq!(found, key, "{text}: {detail}");
        assert!(detail.contains(message), "{text}: {detail}");
    }
    for name in ["", "../etc", "Tls", "a.toml", "a b"] {
        assert!(
            matches!(Profile::from_toml(name, SERVER), Err(ProfileError::Name { .. })),
            "{name:?}"
        );
    }
}

#[test]
fn the_documentation_names_every_key() {
    let documentation = include_str!("../../../../docs/profiles.md");
    // serde's own message lists every key.
    let (_, message) = refused("no_such_key = 1");
    let listed = message
        .split("expected one of")
        .nth(1)
        .unwrap()
        .split('\n')
        .next()
        .unwrap();
    let keys: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
    assert!(keys.len() > 15, "{message}");
    for key in keys {
        assert!(
            documentation.contains(&format!("`{key}`")),
            "docs/profiles.md does not explain {key}"
        );
    }
    for (name, _) in BUILT_IN {
        assert!(
            documentation.contains(&format!("`{name}`")),
            "docs/profiles.md does not tell of {name}"
        );
    }
}
