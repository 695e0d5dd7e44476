use super::*;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::template::Subtree;
use chancery_x509::serial::Serial;

fn config(text: &str) -> Config {
    Config::from_toml(text).unwrap()
}

/// The key for which a text is refused, and the message.
fn refused(text: &str) -> (String, String) {
    match Config::from_toml(text).unwrap_err() {
        ConfigError::Invalid { key, detail } => (key, detail),
        ConfigError::Toml { detail } => ("toml".to_owned(), detail),
    }
}

const ROOT: &str = "[[ca]]\nname = 'root-ca'\n";

#[test]
fn nothing_written_is_the_default_hierarchy() {
    let config = config("");
    assert_eq!((config.project(), config.environment()), ("chancery", "prd"));
    let [root, issuing] = config.cas() else {
        panic!("two CAs")
    };
    assert_eq!(root.name().as_str(), "chancery-root-ca");
    assert_eq!(root.algorithm(), CaKeyAlgorithm::P384);
    assert_eq!(root.subject().to_rfc4514(), "CN=Chancery Root CA");
    assert_eq!(
        (root.lifetime_days(), root.path_len(), root.parent()),
        (7300, None, None)
    );
    assert_eq!(issuing.name().as_str(), "chancery-issuing-ca");
    assert_eq!(issuing.algorithm(), CaKeyAlgorithm::P256);
    assert_eq!(issuing.subject().to_rfc4514(), "CN=Chancery Issuing CA");
    assert_eq!(
        (issuing.lifetime_days(), issuing.path_len(), issuing.parent()),
        (3650, Some(0), Some(root.name()))
    );
    assert_eq!(issuing.key().0, "chancery-issuing-ca");
    assert_eq!(config.issuing_ca().short_name(), "issuing-ca");
    assert_eq!(config.max_cert_lifetime(), 365);
    assert_eq!(config.expiry_reminders(), [30, 15, 7, 1]);
    assert_eq!(config.public_url(), None);
    assert!(config.custom_extension_allowlist().is_empty());
}

#[test]
fn the_default_file_says_what_nothing_written_means() {
    let written = config(Config::default_toml());
    assert_eq!(format!("{written:?}"), format!("{:?}", config("")));
}

#[test]
fn every_commented_key_of_the_default_file_is_one() {
    // Uncomment every commented assignment; prose has no `=`.
    let uncommented: String = Config::default_toml()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") || rest.starts_with('[') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = config(&uncommented);
    assert_eq!(config.public_url(), Some("http://pki.example.com"));
    assert!(config.cas()[0].subject().to_rfc4514().contains("O=Example"));
    assert_eq!(config.cas()[1].name_constraints().unwrap().permitted.len(), 5);
}

#[test]
fn names_follow_the_contract() {
    let production = config("project = 'serverless'\nenvironment = 'prod'");
    assert_eq!(production.ca_name("root-ca").unwrap().as_str(), "serverless-root-ca");
    assert_eq!(production.bundle_name().as_str(), "serverless-ca-bundle.pem");

    let development = config("project = 'serverless'\nenvironment = 'dev'");
    let ca_name = development.ca_name("issuing-ca").unwrap();
    assert_eq!(ca_name.as_str(), "serverless-issuing-ca-dev");
    assert_eq!(development.bundle_name().as_str(), "serverless-ca-bundle-dev.pem");
    assert_eq!(Config::crt_name(&ca_name).as_str(), "serverless-issuing-ca-dev.crt");
    let scope = |shard| CrlScope {
        issuer: ca_name.clone(),
        shard,
    };
    assert_eq!(Config::crl_name(&scope(None)).as_str(), "serverless-issuing-ca-dev.crl");
    assert_eq!(
        Config::crl_pem_name(&scope(None)).as_str(),
        "serverless-issuing-ca-dev.crl.pem"
    );
    assert_eq!(
        Config::crl_name(&scope(Some(3))).as_str(),
        "serverless-issuing-ca-dev-3.crl"
    );
}

#[test]
fn urls_exist_only_with_a_public_url() {
    let config_with = config("public_url = 'http://pki.example.com/ca/'");
    let ca_name = config_with.cas()[1].name();
    let scope = CrlScope {
        issuer: ca_name.clone(),
        shard: None,
    };
    assert_eq!(
        config_with.crl_url(&scope).unwrap(),
        "http://pki.example.com/ca/chancery-issuing-ca.crl"
    );
    assert_eq!(
        config_with.crt_url(ca_name).unwrap(),
        "http://pki.example.com/ca/chancery-issuing-ca.crt"
    );
    assert_eq!(config("").crl_url(&scope), None);
    for url in [
        "https://pki.example.com",
        "pki.example.com",
        "http://",
        "http:///x",
        "http://a b",
        "http://a/?x",
        "",
    ] {
        assert_eq!(refused(&format!("public_url = '{url}'")).0, "public_url", "{url}");
    }
}

#[test]
fn a_hierarchy_may_be_of_any_depth() {
    let text = format!(
        "{ROOT}[[ca]]\nname='policy-ca'\nparent='root-ca'\n[[ca]]\nname='web-ca'\nparent='policy-ca'\n\
         [[ca]]\nname='device-ca'\nparent='policy-ca'\nalgorithm='ml-dsa-65'\nkey='hsm:device'\n"
    );
    let config = config(&format!("issuing_ca = 'web-ca'\n{text}"));
    let path_lens: Vec<_> = config.cas().iter().map(CaConfig::path_len).collect();
    assert_eq!(
        path_lens,
        [None, None, Some(0), Some(0)],
        "only CAs without CAs below them are limited by default"
    );
    let limited: Vec<_> = self::config(
        "[[ca]]\nname='root-ca'\npath_len=3\n[[ca]]\nname='policy-ca'\nparent='root-ca'\n\
         [[ca]]\nname='web-ca'\nparent='policy-ca'\npath_len=1\n",
    )
    .cas()
    .iter()
    .map(CaConfig::path_len)
    .collect();
    assert_eq!(
        limited,
        [Some(3), Some(2), Some(1)],
        "what is left out is what the limit above leaves"
    );
    assert_eq!(config.issuing_ca().short_name(), "web-ca");
    let device = config.ca_named("device-ca").unwrap();
    assert_eq!(
        (device.algorithm(), device.key().0.as_str()),
        (CaKeyAlgorithm::MlDsa65, "hsm:device")
    );
    assert_eq!(device.parent().unwrap().as_str(), "chancery-policy-ca");
    assert!(config.ca(device.name()).is_some());
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table, one case a line")]
fn what_does_not_fit_together_is_refused_with_key_and_remedy() {
    let cases = [
        ("colour = 'red'", "toml", "unknown field `colour`"),
        ("max_cert_lifetime = 'long'", "toml", "invalid type"),
        ("max_cert_lifetime = -1", "toml", "invalid value"),
        ("max_cert_lifetime = 0", "max_cert_lifetime", "from 1 to 36500"),
        ("intent_grace_seconds = 1", "intent_grace_seconds", "from 5"),
        ("renewal_window_divisor = 0", "renewal_window_divisor", "from 1 to 100"),
        ("project = 'Chancery CA'", "project", "lower-case"),
        ("environment = ''", "environment", "lower-case"),
        ("issuing_ca = 'sub-ca'", "issuing_ca", "no CA named \"sub-ca\""),
        (
            "custom_extension_allowlist = ['1.2.x']",
            "custom_extension_allowlist",
            "no object identifier",
        ),
        (
            "custom_extension_allowlist = ['2.5.29.17']",
            "custom_extension_allowlist",
            "set by the CA itself",
        ),
        ("blocked_keys = ['abcd']", "blocked_keys", "64 hexadecimal digits"),
        ("ca = []", "ca", "the root first"),
        ("[[ca]]\nname = 'Root CA'", "ca.Root CA.name", "lower-case"),
        (
            "[[ca]]\nname = 'a'\nparent = 'b'\n[[ca]]\nname = 'b'",
            "ca.a.parent",
            "write the parent's [[ca]] table first",
        ),
        ("[[ca]]\nname = 'a'\nparent = 'a'", "ca.a.parent", "is defined before"),
        (
            "[[ca]]\nname = 'a'\n[[ca]]\nname = 'a'",
            "ca.a.name",
            "another CA of that name",
        ),
        (
            "[[ca]]\nname = 'a'\nkey = 'k'\n[[ca]]\nname = 'b'\nkey = 'k'",
            "ca.b.key",
            "every CA needs its own",
        ),
        ("[[ca]]\nname = 'a'\nalgorithm = 'dsa'", "ca.a.algorithm", "ml-dsa-87"),
        (
            "[[ca]]\nname = 'a'\nlifetime_days = 40000",
            "ca.a.lifetime_days",
            "out of range",
        ),
        (
            "[[ca]]\nname = 'a'\nlifetime_days = 9\n[[ca]]\nname = 'b'\nparent = 'a'",
            "ca.b.lifetime_days",
            "at most 9",
        ),
        ("[[ca]]\nname = 'a'\npath_len = 'some'", "ca.a.path_len", "\"none\""),
        ("[[ca]]\nname = 'a'\npath_len = 300", "toml", "0 to 255"),
        (
            "[[ca]]\nname = 'a'\npath_len = 2\n[[ca]]\nname = 'b'\nparent = 'a'\npath_len = 'none'",
            "ca.b.path_len",
            "at most 1",
        ),
        (
            "[[ca]]\nname = 'a'\npath_len = 2\n[[ca]]\nname = 'b'\nparent = 'a'\npath_len = 2",
            "ca.b.path_len",
            "at most 1",
        ),
        (
            "[[ca]]\nname = 'a'\npath_len = 0\n[[ca]]\nname = 'b'\nparent = 'a'",
            "ca.a.path_len",
            "at least 1",
        ),
        (
            "[[ca]]\nname = 'a'\n[ca.subject]\ncountry = 'England'",
            "ca.a.subject",
            "country",
        ),
        (
            "[[ca]]\nname = 'a'\n[ca.crl]\nlifetime_hours = 47",
            "ca.a.crl.lifetime_hours",
            "at least 48",
        ),
        (
            "[[ca]]\nname = 'a'\n[ca.crl]\ninterval_hours = 0",
            "ca.a.crl.interval_hours",
            "out of range",
        ),
        (
            "[[ca]]\nname = 'a'\n[ca.crl]\nshards = 5000",
            "ca.a.crl.shards",
            "at most 4096",
        ),
        (
            "[[ca]]\nname = 'a'\n[ca.crl]\nshards = 2",
            "ca.a.crl.shards",
            "public_url",
        ),
        (
            "[[ca]]\nname = 'a'\n[ca.name_constraints]",
            "ca.a.name_constraints",
            "at least one name",
        ),
        (
            "[[ca]]\nname = 'a'\n[ca.name_constraints]\npermitted = ['x']",
            "ca.a.name_constraints.permitted",
            "dns:example.com",
        ),
        (
            "[[ca]]\nname = 'a'\n[ca.name_constraints]\nexcluded = ['ip:10.0.0.0/33']",
            "ca.a.name_constraints.excluded",
            "10.0.0.0/8",
        ),
        (
            "public_url = 'http://pki.example.com'\n[[ca]]\nname = 'a'\n[ca.crl]\nshards = 4\n[[ca]]\nname = 'a-3'",
            "ca.a-3.name",
            "CRL shard of a",
        ),
    ];
    for (text, key, expected) in cases {
        let (found, detail) = refused(text);
        assert_eq!(found, key, "{text}: {detail}");
        assert!(detail.contains(expected), "{text}: {detail}");
    }
}

/// Lesson 7: a CRL whose lifetime barely exceeds its interval leaves no time to repair a failing publication.
#[test]
fn lesson_07_crls_overlap_generously() {
    for ca in config("").cas() {
        assert!(ca.crl().lifetime_seconds() >= 2 * ca.crl().interval_seconds());
        assert_eq!(ca.crl().lifetime_seconds() - ca.crl().interval_seconds(), 6 * 86_400);
    }
    let (key, _) = refused(&format!("{ROOT}[ca.crl]\ninterval_hours = 24\nlifetime_hours = 25"));
    assert_eq!(key, "ca.root-ca.crl.lifetime_hours");
}

#[test]
fn shards_are_fixed_by_the_serial_and_spread() {
    let config = config(&format!(
        "public_url = 'http://pki.example.com'\n{ROOT}[ca.crl]\nshards = 8"
    ));
    let ca = &config.cas()[0];
    let shards: BTreeSet<_> = (1..=255u8)
        .map(|low| {
            ca.shard_of(Serial::from_octets(&[0x70, 0, 0, 0, low]).unwrap())
                .unwrap()
        })
        .collect();
    assert_eq!(shards, (0..8).collect());
    let serial = Serial::from_octets(&[9; 20]).unwrap();
    assert_eq!(ca.shard_of(serial), ca.shard_of(serial));
    assert_eq!(Config::from_toml("").unwrap().cas()[0].shard_of(serial), None);
    assert_eq!(ca.crl_scopes().len(), 9, "the full CRL and eight shards");
    assert_eq!(config.crl_scopes().len(), 9);
}

#[test]
fn subjects_take_the_contract_s_names_too() {
    let config = config(&format!(
        "{ROOT}[ca.subject]\ncommonName = 'Acme, Inc. Root'\norganizationalUnit = 'Sécurité'\ncountry = 'GB'\norganization = 'Acme, Inc.'"
    ));
    let subject = config.cas()[0].subject().attributes();
    assert_eq!(subject.common_name.as_deref(), Some("Acme, Inc. Root"));
    assert_eq!(subject.organization.as_deref(), Some("Acme, Inc."));
    assert_eq!(subject.organizational_unit.as_deref(), Some("Sécurité"));
}

#[test]
fn name_constraints_are_typed() {
    let config = config(&format!(
        "{ROOT}[ca.name_constraints]\npermitted = ['dns:example.com', 'ip:10.0.0.0/8', 'ip:fd00::/8', 'email:example.com', 'email:a@example.com', 'uri:.example.com', 'dn:O=Example,C=GB']\nexcluded = ['dns:.secret.example.com']"
    ));
    let constraints = config.cas()[0].name_constraints().unwrap();
    assert_eq!(constraints.permitted[0], Subtree::Dns("example.com".into()));
    assert_eq!(
        constraints.permitted[1],
        Subtree::Ip {
            address: "10.0.0.0".parse().unwrap(),
            prefix: 8
        }
    );
    assert!(matches!(&constraints.permitted[6], Subtree::Directory(name) if name.to_rfc4514() == "O=Example,C=GB"));
    assert_eq!(constraints.excluded.len(), 1);
}

#[test]
fn blocked_keys_reach_the_key_policy() {
    let digits = "ab".repeat(32);
    let config = config(&format!("blocked_keys = ['{digits}']"));
    assert_eq!(config.key_policy().blocked.first().unwrap().0, [0xab; 32]);
    assert!(config.key_policy().kinds.is_empty());
}
