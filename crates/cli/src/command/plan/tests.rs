//! Text from others has no effect on a page or a terminal.

use std::collections::BTreeMap;

use chancery_authority::config::Config;
use chancery_authority::issue::CsrFileName;
use chancery_authority::issue::IssuancePolicy;
use chancery_authority::profile::Profiles;
use chancery_contract::plan::{Planner, Proposal, Unreadable};
use chancery_local::world::SystemEntropy;
use chancery_x509::time::UnixTime;
use serde_json::{Value, json};

use super::{Planned, markdown, table};
use crate::visible::{code, plain};

/// Names as an attacker would choose them.
const HOSTILE: [&str; 14] = [
    "| a | b |",
    "`code` ``more``",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "@everyone #1 owner/repository#2",
    "line\nbreak\r\n\n# heading",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\u{202e}gpj.exe\u{2066}",
    "zero\u{200b}width\u{feff}\u{ad}",
    "[link](http://evil.example) ![](http://evil.example/x.png)",
    "https://evil.example www.evil.example",
    "\\| \\` \\",
    "--> <!-- -->",
    "\u{85}\u{2028}\u{2029}\u{a0}",
    "tag\u{e0041}\u{e007f}",
];

struct Hostile(BTreeMap<&'static str, Vec<u8>>);

impl Proposal for Hostile {
    fn list(&self, name: &'static str) -> Result<Option<Vec<u8>>, Unreadable> {
        Ok(self.0.get(name).cloned())
    }

    fn csr(&self, name: &CsrFileName) -> Result<Option<Vec<u8>>, Unreadable> {
        let detail = format!("{name}: {}", HOSTILE.join(""));
        Err(Unreadable::Other { detail })
    }

    fn csr_names(&self) -> Result<Vec<String>, Unreadable> {
        Ok(HOSTILE.map(str::to_owned).into())
    }

    fn place(&self) -> String {
        HOSTILE.join("")
    }
}

/// A plan in which every text that others control is hostile.
fn planned(count: usize) -> Planned {
    let requests: Vec<Value> = HOSTILE
        .iter()
        .cycle()
        .take(count)
        .map(|text| {
            json!({"common_name": text, "csr_file": "a.csr", "profile": text, "sans": text, "purposes": [text],
                "extensions": [{"oid": text, "value_b64": text}]})
        })
        .collect();
    let revocations: Vec<Value> = HOSTILE
        .iter()
        .flat_map(|text| {
            [
                json!({"common_name": text, "serial_number": "7"}),
                json!({"common_name": text, "serial_number": text}),
                json!({"common_name": text, "serial_number": "8", "reason": text}),
            ]
        })
        .collect();
    let config = Config::from_toml("").unwrap();
    let profiles = Profiles::built_in();
    let cas = chancery_authority::hierarchy::placeholder_cas(
        &config,
        UnixTime(0),
        &SystemEntropy,
        &mut super::offline::throwaway_public_key,
    );
    let planner = Planner {
        policy: IssuancePolicy {
            config: &config,
            profiles: &profiles,
            cas: &cas.unwrap(),
        },
        ledger: None,
        now: UnixTime(0),
        entropy: &SystemEntropy,
    };
    let proposal = Hostile(BTreeMap::from([
        ("tls.json", Value::from(requests).to_string().into_bytes()),
        ("revoked.json", Value::from(revocations).to_string().into_bytes()),
        ("revoked-root-ca.json", HOSTILE.join("").into_bytes()),
    ]));
    let base = Hostile(BTreeMap::from([(
        "revoked.json",
        HOSTILE
            .iter()
            .map(|text| json!({"common_name": format!("gone {text}")}))
            .collect::<Value>()
            .to_string()
            .into_bytes(),
    )]));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let plan = runtime.block_on(planner.plan(&proposal, Some(&base))).unwrap();
    Planned {
        plan,
        decided_by: HOSTILE.join(""),
        is_known: false,
    }
}

/// The line without its code spans, none of which contains a backtick.
fn outside_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

#[test]
fn markdown_holds_what_others_wrote_in_code_alone() {
    let text = markdown::render(&planned(50), &HOSTILE.join(""));
    assert!(text.starts_with("<!-- chancery plan -->\n### Certificates: "));
    let lines: Vec<&str> = text.split('\n').skip(1).collect();
    for line in lines {
        assert_eq!(line.matches('`').count() % 2, 0, "a span is open: {line}");
        assert!(
            line.chars()
                .all(|letter| plain(&letter.to_string()) == letter.to_string()),
            "{line:?}"
        );
        let outside = outside_code(line);
        for letter in ['<', '>', '@', '[', ']', '!', '\\', '*', '_', '&', '~'] {
            assert!(!outside.contains(letter), "{letter} in {line}");
        }
        assert!(
            !outside.contains("http") && !outside.contains("www") && !outside.contains("evil"),
            "{line}"
        );
        if line.starts_with('|') {
            assert_eq!(line.matches('|').count(), 5, "a row has four cells: {line}");
        }
        if line.starts_with('#') {
            assert!(line.starts_with("### ") || line.starts_with("#### "), "{line}");
        }
    }
}

#[test]
fn a_terminal_is_shown_text_and_nothing_else() {
    let text = table::render(&planned(50));
    for letter in text.chars().filter(|letter| *letter != '\n') {
        assert_eq!(plain(&letter.to_string()), letter.to_string(), "{letter:?}");
    }
    assert!(text.contains("\\u{202e}gpj.exe"));
    assert!(text.contains("refused tls.json 0") || text.contains("tls.json 0"));
}

#[test]
fn a_comment_is_never_too_long() {
    let text = markdown::render(&planned(10_000), "certs/dev");
    assert!(text.len() < 65_000, "{}", text.len());
    assert!(text.contains("more: `chancery plan` tells each."));
}

/// A plan of certificates that would be issued, each with that many names, after refused entries.
fn issued(count: usize, names: usize) -> Planned {
    use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
    use chancery_x509::name::Subject;

    struct Lists(Vec<u8>, BTreeMap<String, Vec<u8>>);
    impl Proposal for Lists {
        fn list(&self, name: &'static str) -> Result<Option<Vec<u8>>, Unreadable> {
            Ok((name == "tls.json").then(|| self.0.clone()))
        }
        fn csr(&self, name: &CsrFileName) -> Result<Option<Vec<u8>>, Unreadable> {
            Ok(self.1.get(&name.to_string()).cloned())
        }
        fn csr_names(&self) -> Result<Vec<String>, Unreadable> {
            Ok(Vec::new())
        }
        fn place(&self) -> String {
            "csrs".to_owned()
        }
    }

    let refused = (0..1_000).map(|_| json!({"common_name": "refused.example.com", "csr_file": "none.csr"}));
    let mut csrs = BTreeMap::new();
    let issued: Vec<Value> = (0..count)
        .map(|entry| {
            let key = ClientKey::generate(ClientKeyAlgorithm::P256).unwrap();
            let csr = key.request(&Subject::default().to_name().unwrap(), &[]).unwrap();
            csrs.insert(
                format!("{entry}.csr"),
                chancery_x509::pem::encode("CERTIFICATE REQUEST", &csr).into_bytes(),
            );
            let sans: Vec<String> = (0..names)
                .map(|name| format!("name-{name}.entry-{entry}.example.com"))
                .collect();
            json!({"common_name": format!("entry-{entry}.example.com"), "sans": sans, "purposes": ["server_auth"],
            "csr_file": format!("{entry}.csr")})
        })
        .collect();
    let list: Vec<Value> = refused.chain(issued).collect();
    let config = Config::from_toml("").unwrap();
    let profiles = Profiles::built_in();
    let cas = chancery_authority::hierarchy::placeholder_cas(
        &config,
        UnixTime(0),
        &SystemEntropy,
        &mut super::offline::throwaway_public_key,
    );
    let planner = Planner {
        policy: IssuancePolicy {
            config: &config,
            profiles: &profiles,
            cas: &cas.unwrap(),
        },
        ledger: None,
        now: UnixTime(0),
        entropy: &SystemEntropy,
    };
    let lists = Lists(Value::from(list).to_string().into_bytes(), csrs);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    Planned {
        plan: runtime.block_on(planner.plan(&lists, None)).unwrap(),
        decided_by: "a test".to_owned(),
        is_known: true,
    }
}

#[test]
fn every_name_is_in_the_comment() {
    let planned = issued(3, 20);
    let text = markdown::render(&planned, "certs/dev");
    for entry in 0..3 {
        for name in 0..20 {
            assert!(
                text.contains(&format!("`DNS_NAME name-{name}.entry-{entry}.example.com`")),
                "name {name} of entry {entry}"
            );
        }
    }
    assert!(text.find("Would be issued").unwrap() < text.find("#### Refused").unwrap());
    assert!(!text.contains("NOT SHOWN"), "what is refused may be counted");
    assert!(text.contains("more: `chancery plan` tells each."));
    let shown = table::render(&planned);
    assert!(
        shown
            .replace(char::is_whitespace, "")
            .contains("name-19.entry-2.example.com")
    );
}

#[test]
fn what_does_not_fit_is_shouted() {
    let text = markdown::render(&issued(40, 50), "certs/dev");
    assert!(text.len() < 65_000, "{}", text.len());
    let shown = text.matches("| `entry-").count();
    assert!(shown > 10 && shown < 40, "{shown}");
    let line = text.lines().nth(3).unwrap();
    assert!(
        line.contains(&format!("NOT SHOWN: {} ENTRIES", 40 - shown)),
        "it stands at the top: {line}"
    );
}

#[test]
fn texts_are_made_visible() {
    for (text, shown, span) in [
        ("www.example.com", "www.example.com", "`www.example.com`"),
        ("Ünïcode 証明書", "Ünïcode 証明書", "`Ünïcode 証明書`"),
        ("a|b`c", "a|b`c", "`a\\u{7c}b\\u{60}c`"),
        ("a\nb\u{202e}", "a\\u{a}b\\u{202e}", "`a\\u{a}b\\u{202e}`"),
        ("", "", "—"),
        (" ", " ", "—"),
    ] {
        assert_eq!((plain(text).as_str(), code(text).as_str()), (shown, span));
    }
    assert_eq!(plain(&"x".repeat(301)), format!("{}…", "x".repeat(300)));
}
