//! Subjects' keys: made here and read by OpenSSL, made by OpenSSL and read here, and asking for certificates.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests may panic, and say aloud what they skip"
)]

use std::path::Path;
use std::process::Command;

use chancery_local::keys::Passphrase;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm, ClientKeyError};
use chancery_x509::csr::{CertificationRequest, CsrBudget};
use chancery_x509::name::Name;
use chancery_x509::san::{AltName, AltNameType};

const PASSPHRASE: &str = "correct horse battery staple";

/// RSA-4096 takes too long to make for every test run.
const QUICK: [ClientKeyAlgorithm; 8] = [
    ClientKeyAlgorithm::P256,
    ClientKeyAlgorithm::P384,
    ClientKeyAlgorithm::P521,
    ClientKeyAlgorithm::Rsa2048,
    ClientKeyAlgorithm::Ed25519,
    ClientKeyAlgorithm::MlDsa44,
    ClientKeyAlgorithm::MlDsa65,
    ClientKeyAlgorithm::MlDsa87,
];

fn passphrase() -> Passphrase {
    Passphrase::new(PASSPHRASE).unwrap()
}

/// Runs OpenSSL; `None` where there is none, which is said aloud.
fn openssl(arguments: &[&str]) -> Option<Vec<u8>> {
    let Ok(output) = Command::new("openssl").args(arguments).output() else {
        eprintln!("SKIPPED: no openssl on the PATH to read keys with");
        return None;
    };
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(output.stdout)
}

fn knows_ml_dsa() -> Option<bool> {
    let listed = openssl(&["list", "-public-key-algorithms"])?;
    Some(String::from_utf8_lossy(&listed).contains("ML-DSA"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_key_asks_for_a_certificate() {
    let subject = Name::from_rfc4514("CN=www.example.com,O=Acme\\, Inc.").unwrap();
    let names = [AltName::parse(AltNameType::Dns, "www.example.com").unwrap()];
    for algorithm in QUICK {
        let key = ClientKey::generate(algorithm).unwrap();
        let csr = key.request(&subject, &names).unwrap();
        let parsed = CertificationRequest::parse(&csr, &CsrBudget::default()).unwrap();
        assert_eq!(parsed.public_key(), key.public_key(), "{}", algorithm.name());
        assert_eq!(parsed.subject().as_der(), subject.as_der());
        assert_eq!(parsed.requested_extensions().len(), 1);
    }
}

#[test]
fn keys_survive_their_files() {
    for algorithm in QUICK {
        let key = ClientKey::generate(algorithm).unwrap();
        let open = key.to_pem().unwrap();
        assert!(!ClientKey::is_sealed(open.as_bytes()));
        let read = ClientKey::from_pem(open.as_bytes(), None).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        let read = ClientKey::from_pkcs8_der(key.to_pkcs8_der()).unwrap();
        assert_eq!(read.public_key(), key.public_key());
    }
    let key = ClientKey::generate(ClientKeyAlgorithm::P256).unwrap();
    let sealed = key.to_sealed_pem(&passphrase()).unwrap();
    assert!(ClientKey::is_sealed(sealed.as_bytes()));
    let read = ClientKey::from_pem(sealed.as_bytes(), Some(&passphrase())).unwrap();
    assert_eq!(read.public_key(), key.public_key());
    assert_eq!(
        ClientKey::from_pem(sealed.as_bytes(), None).unwrap_err(),
        ClientKeyError::PassphraseNeeded
    );
    let other = Passphrase::new("another").unwrap();
    let refused = ClientKey::from_pem(sealed.as_bytes(), Some(&other)).unwrap_err();
    assert_eq!(refused, ClientKeyError::WrongPassphrase);
}

#[test]
fn openssl_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let Some(knows_ml_dsa) = knows_ml_dsa() else { return };
    for algorithm in QUICK {
        if algorithm.name().starts_with("ml-dsa") && !knows_ml_dsa {
            eprintln!("SKIPPED: this openssl does not know {}", algorithm.name());
            continue;
        }
        let key = ClientKey::generate(algorithm).unwrap();
        for pem in [
            key.to_pem().unwrap().to_string(),
            key.to_sealed_pem(&passphrase()).unwrap(),
        ] {
            std::fs::write(&file, pem).unwrap();
            let passphrase = format!("pass:{PASSPHRASE}");
            let arguments = [
                "pkey",
                "-in",
                text(&file),
                "-passin",
                &passphrase,
                "-pubout",
                "-outform",
                "DER",
            ];
            assert_eq!(
                openssl(&arguments).unwrap(),
                key.public_key().as_der(),
                "{}",
                algorithm.name()
            );
        }
        let request = folder.path().join("request.der");
        std::fs::write(
            &request,
            key.request(&Name::from_rfc4514("CN=a").unwrap(), &[]).unwrap(),
        )
        .unwrap();
        openssl(&["req", "-inform", "DER", "-in", text(&request), "-verify", "-noout"]).unwrap();
    }
}

#[test]
fn what_openssl_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (open, other) = (folder.path().join("open.pem"), folder.path().join("other.pem"));
    let passphrase_argument = format!("pass:{PASSPHRASE}");
    let kinds: [&[&str]; 5] = [
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["genpkey", "-algorithm", "ED25519"],
        // Writes its parameters in a block of their own, then SEC 1.
        &["ecparam", "-name", "prime256v1", "-genkey"],
        &["ecparam", "-name", "secp521r1", "-genkey", "-noout"],
    ];
    for arguments in kinds {
        if openssl(&[arguments, &["-out", text(&open)]].concat()).is_none() {
            return;
        }
        let public = openssl(&["pkey", "-in", text(&open), "-pubout", "-outform", "DER"]).unwrap();
        let mut forms = vec![
            vec!["pkcs8", "-topk8", "-nocrypt"],
            vec![
                "pkcs8",
                "-topk8",
                "-v2",
                "aes-256-cbc",
                "-passout",
                &passphrase_argument,
            ],
            vec!["pkcs8", "-topk8", "-scrypt", "-passout", &passphrase_argument],
        ];
        if arguments[2] != "ED25519" {
            forms.push(vec!["pkey", "-traditional"]);
        }
        for form in forms {
            openssl(&[&form[..], &["-in", text(&open), "-out", text(&other)]].concat()).unwrap();
            let read = ClientKey::from_pem(&std::fs::read(&other).unwrap(), Some(&passphrase()));
            assert_eq!(read.unwrap().public_key().as_der(), public, "{arguments:?} {form:?}");
        }
        let read = ClientKey::from_pem(&std::fs::read(&open).unwrap(), None).unwrap();
        assert_eq!(read.public_key().as_der(), public, "{arguments:?}");
    }
}

/// As other PEM: a mark and line ends of Windows, text in front, blanks of a form, lines joined.
#[test]
fn keys_are_read_as_people_have_them() {
    let key = ClientKey::generate(ClientKeyAlgorithm::P256).unwrap();
    let open = key.to_pem().unwrap();
    let sealed = key.to_sealed_pem(&passphrase()).unwrap();
    for pem in [open.as_str(), sealed.as_str()] {
        for text in [
            format!("\u{feff}{}", pem.replace('\n', "\r\n")),
            pem.replace('\n', "\r"),
            format!("My key, do not send it on:\n\n{pem}\nYours\n"),
            pem.replace('\n', "\n    "),
            pem.replace('\n', " "),
        ] {
            assert_eq!(ClientKey::is_sealed(text.as_bytes()), pem == sealed, "{text:?}");
            let read = ClientKey::from_pem(text.as_bytes(), Some(&passphrase()));
            let read = read.unwrap_or_else(|error| panic!("{error}: {text:?}"));
            assert_eq!(read.public_key(), key.public_key());
        }
    }
}

#[test]
fn keys_that_are_not_used_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let make = |arguments: &[&str]| {
        let output = ["-out", text(&file)];
        openssl(&[&arguments[..1], &output, &arguments[1..]].concat()).map(|_| std::fs::read(&file).unwrap())
    };
    let Some(secp256k1) = make(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]) else {
        return;
    };
    let refused = ClientKey::from_pem(&secp256k1, None).unwrap_err();
    assert_eq!(
        refused,
        ClientKeyError::Unsupported {
            oid: "1.3.132.0.10".into()
        }
    );
    let x25519 = make(&["genpkey", "-algorithm", "X25519"]).unwrap();
    assert!(matches!(
        ClientKey::from_pem(&x25519, None),
        Err(ClientKeyError::Unsupported { .. })
    ));
    let short = make(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]).unwrap();
    assert!(matches!(
        ClientKey::from_pem(&short, None),
        Err(ClientKeyError::Unsound { .. })
    ));
    let legacy = make(&["genrsa", "-traditional", "-aes128", "-passout", "pass:legacy", "2048"]).unwrap();
    let refused = ClientKey::from_pem(&legacy, Some(&passphrase())).unwrap_err();
    assert!(
        matches!(&refused, ClientKeyError::Seal { detail } if detail.contains("pkcs8")),
        "{refused}"
    );
    for no_key in [
        "",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
        "\u{fffd}",
    ] {
        assert_eq!(
            ClientKey::from_pem(no_key.as_bytes(), None).unwrap_err(),
            ClientKeyError::NotAKey,
            "{no_key:?}"
        );
    }
}

#[test]
fn names_are_found_again() {
    for algorithm in ClientKeyAlgorithm::ALL {
        assert_eq!(ClientKeyAlgorithm::from_name(algorithm.name()), Some(algorithm));
    }
    assert_eq!(ClientKeyAlgorithm::default().name(), "p256");
    assert_eq!(ClientKeyAlgorithm::from_name("dsa"), None);
}
