//! Keys on a PKCS #11 token: the port's contract, other tools' keys, and faults, with SoftHSM 2.
//!
//! SoftHSM reads its configuration from the process's environment, which a process cannot safely change for itself. So
//! each test runs twice: the outer run makes a token in a folder of its own and starts this program again, for the same
//! test, with `SOFTHSM2_CONF` set; the inner run is the test.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests may panic, and say aloud what they skip"
)]

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chancery_authority::port::{IntentKeys, IntentNonce, KeyName, KeyStore, KeyStoreError};
use chancery_local::keys::client::TokenClientKey;
use chancery_local::keys::passphrase::{InheritedDescriptor, PassphraseError, PassphrasePrompt, Purpose};
use chancery_local::keys::{Passphrase, PassphraseSource, SigningLog, Token, TokenConfig, TokenKeyStore};
use chancery_testing::SignUnchecked as _;
use chancery_testing::suite;
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::csr::{CertificationRequest, CsrBudget};
use chancery_x509::key::ca::SigningHasher;
use chancery_x509::name::Name;
use cryptoki::context::Pkcs11;

const LABEL: &str = "chancery test";
const PIN: &str = "123456";
const SO_PIN: &str = "87654321";
const CONFIGURATION: &str = "SOFTHSM2_CONF";
/// Tells the inner run where its folder is.
const FOLDER: &str = "CHANCERY_TEST_TOKEN_FOLDER";

const SUPPORTED: [CaKeyAlgorithm; 6] = [
    CaKeyAlgorithm::P256,
    CaKeyAlgorithm::P384,
    CaKeyAlgorithm::P521,
    CaKeyAlgorithm::Rsa2048,
    CaKeyAlgorithm::Rsa3072,
    CaKeyAlgorithm::Rsa4096,
];

/// Runs `test` in a process that has a fresh token.
fn with_token<F: Future<Output = ()>>(name: &str, test: impl FnOnce(TokenFixture) -> F) {
    let Some(module) = softhsm() else {
        eprintln!("SKIPPED: SoftHSM 2 is not installed (Debian: apt-get install softhsm2)");
        return;
    };
    if let Some(folder) = std::env::var_os(FOLDER) {
        let fixture = TokenFixture {
            module,
            folder: folder.into(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(test(fixture));
    }

    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let configuration = folder.path().join("softhsm2.conf");
    let content = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&configuration, content).unwrap();

    let token = Command::new("softhsm2-util")
        .args([
            "--init-token",
            "--free",
            "--label",
            LABEL,
            "--pin",
            PIN,
            "--so-pin",
            SO_PIN,
        ])
        .env(CONFIGURATION, &configuration)
        .output()
        .unwrap();
    assert!(
        token.status.success(),
        "softhsm2-util: {}",
        String::from_utf8_lossy(&token.stderr)
    );
    let inner = Command::new(std::env::current_exe().unwrap())
        .args([&full_name(name), "--exact", "--nocapture", "--test-threads=1"])
        .env(CONFIGURATION, &configuration)
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let output = [inner.stdout, inner.stderr].concat();
    let output = String::from_utf8_lossy(&output);
    assert!(inner.status.success(), "{}: {output}", inner.status);
    assert!(
        output.contains("1 passed"),
        "the inner run did not find its test: {output}"
    );
    if let Some(skipped) = output.lines().find(|line| line.starts_with("SKIPPED")) {
        eprintln!("{skipped}");
    }
}

/// What the harness calls a test of this file.
fn full_name(test: &str) -> String {
    let (_program, module) = module_path!().split_once("::").unwrap();
    format!("{module}::{test}")
}

fn softhsm() -> Option<PathBuf> {
    [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.exists())
    .filter(|_| Command::new("softhsm2-util").arg("--version").output().is_ok())
}

/// Where a test's token is.
struct TokenFixture {
    module: PathBuf,
    folder: PathBuf,
}

impl TokenFixture {
    fn config(&self) -> TokenConfig {
        TokenConfig {
            module: self.module.clone(),
            token: LABEL.to_owned(),
            pin: PassphraseSource::Given(Passphrase::new(PIN).unwrap()),
            sessions: 3,
        }
    }

    fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    fn store(&self) -> TokenKeyStore {
        self.store_with(self.config())
    }

    fn store_with(&self, config: TokenConfig) -> TokenKeyStore {
        TokenKeyStore::start(config, &self.keys()).unwrap()
    }

    /// Runs `OpenSC`'s tool on the token, logged in; `None` where it is not installed, which is said aloud.
    fn pkcs11_tool(&self, arguments: &[&str]) -> Option<()> {
        let common = [
            "--module",
            self.module.to_str().unwrap(),
            "--token-label",
            LABEL,
            "--login",
            "--pin",
            PIN,
        ];
        let Ok(output) = Command::new("pkcs11-tool").args(common).args(arguments).output() else {
            println!("SKIPPED: no pkcs11-tool on the PATH (Debian: apt-get install opensc)");
            return None;
        };
        assert!(
            output.status.success(),
            "pkcs11-tool: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Some(())
    }
}

fn key(name: &str) -> KeyName {
    KeyName(name.to_owned())
}

fn digest() -> SigningInput {
    SigningInput::Sha256([7; 32])
}

async fn signs(store: &TokenKeyStore, name: &KeyName) {
    let public = store.public_key(name).await.unwrap();
    let mut hasher = SigningHasher::new(&public);
    hasher.update(b"message");
    let input = hasher.finish();
    let signed = store.sign_unchecked(name, &input).await.unwrap();
    public.verify(&input, &signed.signature).unwrap();
}

#[test]
fn meets_the_contract() {
    with_token("meets_the_contract", async |fixture| {
        suite::key_store(async || Arc::new(fixture.store()) as Arc<dyn KeyStore>, &SUPPORTED).await;
    });
}

#[test]
fn the_secret_of_intents_is_on_the_token() {
    with_token("the_secret_of_intents_is_on_the_token", async |fixture| {
        // One store, as in a process: modules do not like to be begun with by several at a time.
        let store = Arc::new(fixture.store());
        suite::intent_keys(async || Arc::clone(&store) as Arc<dyn IntentKeys>).await;
        let nonce = IntentNonce([1; 32]);
        let code = store.derive(&nonce).await.unwrap().code(b"a message");
        let later = fixture.store().derive(&nonce).await.unwrap();
        assert!(later.verifies(b"a message", &code), "it is kept on the token");
        assert!(!fixture.keys().join("intents.secret").exists());
    });
}

#[test]
fn keys_and_their_log_survive_the_store() {
    with_token("keys_and_their_log_survive_the_store", async |fixture| {
        let made = fixture.store().create(&key("ca"), CaKeyAlgorithm::P256).await.unwrap();
        let signed = fixture.store().sign_unchecked(&key("ca"), &digest()).await.unwrap();
        made.verify(&digest(), &signed.signature).unwrap();
        let entries: Vec<_> = SigningLog::entries(&fixture.keys())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].receipt, signed.receipt);
        assert_eq!(entries[0].key, key("ca"));
    });
}

#[test]
fn keys_of_other_tools_are_used() {
    with_token("keys_of_other_tools_are_used", async |fixture| {
        for (name, kind) in [("ec", "EC:secp384r1"), ("rsa", "rsa:2048")] {
            let made = fixture.pkcs11_tool(&[
                "--keypairgen",
                "--key-type",
                kind,
                "--label",
                name,
                "--id",
                "01",
                "--usage-sign",
            ]);
            if made.is_none() {
                return;
            }
            signs(&fixture.store(), &key(name)).await;
            let again = fixture.store().create(&key(name), CaKeyAlgorithm::P256).await;
            assert_eq!(again.unwrap_err(), KeyStoreError::AlreadyExists(key(name)));
        }
        // Two keys of one label: no guess is made between them.
        fixture.pkcs11_tool(&[
            "--keypairgen",
            "--key-type",
            "EC:prime256v1",
            "--label",
            "ec",
            "--id",
            "02",
            "--usage-sign",
        ]);
        let error = fixture.store().sign_unchecked(&key("ec"), &digest()).await.unwrap_err();
        assert!(
            matches!(&error, KeyStoreError::Damaged { detail, .. } if detail.contains("label")),
            "{error}"
        );
    });
}

#[test]
fn a_missing_public_object_is_found_by_its_id() {
    with_token("a_missing_public_object_is_found_by_its_id", async |fixture| {
        let made = fixture
            .store()
            .create(&key("ca"), CaKeyAlgorithm::Rsa2048)
            .await
            .unwrap();
        // An RSA private key tells its public half itself.
        if fixture
            .pkcs11_tool(&["--delete-object", "--type", "pubkey", "--label", "ca"])
            .is_none()
        {
            return;
        }
        let read = fixture.store().public_key(&key("ca")).await.unwrap();
        assert_eq!(read.as_der(), made.as_der());
        signs(&fixture.store(), &key("ca")).await;
    });
}

#[test]
fn keys_made_here_never_leave() {
    with_token("keys_made_here_never_leave", async |fixture| {
        use cryptoki::object::{Attribute, AttributeType, ObjectClass};
        fixture.store().create(&key("ca"), CaKeyAlgorithm::P256).await.unwrap();

        let module = Pkcs11::new(&fixture.module).unwrap();
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        let session = module.open_ro_session(slot).unwrap();
        // The store's threads have logged this process in, if they have not ended yet.
        let _ = session.login(cryptoki::session::UserType::User, Some(&PIN.into()));
        let found = session
            .find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])
            .unwrap();
        let expected = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::AlwaysSensitive(true),
            Attribute::Extractable(false),
            Attribute::NeverExtractable(true),
            Attribute::Sign(true),
            Attribute::Decrypt(false),
            Attribute::Unwrap(false),
            Attribute::Derive(false),
        ];
        let kinds: Vec<_> = expected.iter().map(Attribute::attribute_type).collect();
        assert_eq!(session.get_attributes(found[0], &kinds).unwrap(), expected);
        let id = session.get_attributes(found[0], &[AttributeType::Id]).unwrap();
        assert!(matches!(&id[..], [Attribute::Id(id)] if id.len() == 16));
        let value = session.get_attributes(found[0], &[AttributeType::Value]);
        assert!(
            value.map_or(true, |attributes| attributes.is_empty()),
            "the private value is not to be had"
        );
    });
}

#[test]
fn the_public_half_needs_no_pin_and_the_private_one_does() {
    with_token(
        "the_public_half_needs_no_pin_and_the_private_one_does",
        async |fixture| {
            fixture.store().create(&key("ca"), CaKeyAlgorithm::P256).await.unwrap();
            wait_for_logout(&fixture).await;
            let without = TokenConfig {
                pin: PassphraseSource::Environment("CHANCERY_UNSET".into()),
                ..fixture.config()
            };
            let store = fixture.store_with(without);
            store.public_key(&key("ca")).await.unwrap();
            let error = store.sign_unchecked(&key("ca"), &digest()).await.unwrap_err();
            assert!(
                matches!(&error, KeyStoreError::Denied { detail } if detail.contains("CHANCERY_UNSET")),
                "{error}"
            );
        },
    );
}

/// A token knows one login for a whole process: it ends when the last session of a dropped store has closed.
async fn wait_for_logout(fixture: &TokenFixture) {
    let module = Pkcs11::new(&fixture.module).unwrap();
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    for _ in 0..500 {
        let session = module.open_ro_session(slot).unwrap();
        let state = session.get_session_info().unwrap().session_state();
        if matches!(state, cryptoki::session::SessionState::RoPublic) {
            return;
        }
        drop(session);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the dropped store did not close its sessions");
}

/// Knows a wrong PIN only.
struct Person(AtomicUsize);
impl PassphrasePrompt for Person {
    fn passphrase(&self, purpose: Purpose) -> Result<Passphrase, PassphraseError> {
        assert_eq!(purpose, Purpose::Login);
        self.0.fetch_add(1, Ordering::SeqCst);
        Passphrase::new("654321")
    }
}

#[test]
fn a_wrong_pin_is_tried_once_only() {
    with_token("a_wrong_pin_is_tried_once_only", async |fixture| {
        fixture.store().create(&key("ca"), CaKeyAlgorithm::P256).await.unwrap();
        wait_for_logout(&fixture).await;
        let person = Arc::new(Person(AtomicUsize::new(0)));
        let wrong = TokenConfig {
            pin: PassphraseSource::Prompt(person.clone()),
            ..fixture.config()
        };
        let store = fixture.store_with(wrong);
        for _ in 0..20 {
            let error = store.sign_unchecked(&key("ca"), &digest()).await.unwrap_err();
            assert!(
                matches!(&error, KeyStoreError::Denied { detail } if detail.contains("not tried again")),
                "{error}"
            );
        }
        // Each try needs the PIN anew, as a refused one is forgotten: asked once is tried once.
        assert_eq!(person.0.load(Ordering::SeqCst), 1);
        drop(store);
        fixture.store().sign_unchecked(&key("ca"), &digest()).await.unwrap();
    });
}

#[test]
fn a_missing_token_or_module_is_told_with_what_is_there() {
    with_token(
        "a_missing_token_or_module_is_told_with_what_is_there",
        async |fixture| {
            let store = fixture.store_with(TokenConfig {
                token: "another".to_owned(),
                ..fixture.config()
            });
            for error in [
                store.public_key(&key("ca")).await.unwrap_err(),
                store.sign_unchecked(&key("ca"), &digest()).await.unwrap_err(),
                store.create(&key("ca"), CaKeyAlgorithm::P256).await.unwrap_err(),
            ] {
                assert!(
                    matches!(&error, KeyStoreError::Unavailable { detail } if detail.contains("another") && detail.contains(LABEL)),
                    "{error}"
                );
            }
            for module in [Path::new("/nowhere/pkcs11.so"), Path::new("/etc/passwd")] {
                let store = fixture.store_with(TokenConfig {
                    module: module.to_owned(),
                    ..fixture.config()
                });
                let error = store.public_key(&key("ca")).await.unwrap_err();
                assert!(
                    matches!(&error, KeyStoreError::Unavailable { detail } if detail.contains(module.to_str().unwrap())),
                    "{error}"
                );
            }
        },
    );
}

#[test]
fn a_lost_session_is_opened_anew() {
    with_token("a_lost_session_is_opened_anew", async |fixture| {
        let store = fixture.store();
        store.create(&key("ca"), CaKeyAlgorithm::P256).await.unwrap();
        let (name, input) = (key("ca"), digest());
        let sign = || store.sign_unchecked(&name, &input);
        for _ in 0..20 {
            // Alone at first: SoftHSM does not bear calls of other threads while it is being initialised.
            sign().await.unwrap();
            // As many as there are sessions, and one more: handles of before meet those that others were given since.
            let (one, two, three, four) = tokio::join!(sign(), sign(), sign(), sign());
            for signed in [one, two, three, four] {
                signed.unwrap();
            }
            // Closes every session of the process, as a token that is pulled does.
            Pkcs11::new(&fixture.module).unwrap().finalize().unwrap();
        }
        signs(&store, &key("ca")).await;
    });
}

/// Knows the PIN.
struct Owner(AtomicUsize);
impl PassphrasePrompt for Owner {
    fn passphrase(&self, _purpose: Purpose) -> Result<Passphrase, PassphraseError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Passphrase::new(PIN)
    }
}

/// Signs, loses every session as by a token that is pulled, and signs again, which takes another login.
async fn sign_twice(
    fixture: &TokenFixture,
    pin: PassphraseSource,
    between: impl FnOnce(),
) -> Result<(), KeyStoreError> {
    wait_for_logout(fixture).await;
    let store = fixture.store_with(TokenConfig {
        pin,
        ..fixture.config()
    });
    store.sign_unchecked(&key("ca"), &digest()).await.unwrap();
    Pkcs11::new(&fixture.module).unwrap().finalize().unwrap();
    between();
    store.sign_unchecked(&key("ca"), &digest()).await.map(|_| ())
}

#[test]
fn a_pin_is_kept_only_where_it_cannot_be_asked_for_again() {
    with_token(
        "a_pin_is_kept_only_where_it_cannot_be_asked_for_again",
        async |fixture| {
            fixture.store().create(&key("ca"), CaKeyAlgorithm::P256).await.unwrap();
            // A person is not asked twice.
            let owner = Arc::new(Owner(AtomicUsize::new(0)));
            sign_twice(&fixture, PassphraseSource::Prompt(owner.clone()), || ())
                .await
                .unwrap();
            assert_eq!(owner.0.load(Ordering::SeqCst), 1);
            // A pipe is empty once it was read.
            let (reader, mut writer) = std::io::pipe().unwrap();
            writeln!(writer, "{PIN}").unwrap();
            drop(writer);
            let descriptor = InheritedDescriptor::take(u32::try_from(reader.as_raw_fd()).unwrap()).unwrap();
            sign_twice(&fixture, PassphraseSource::Descriptor(descriptor), || ())
                .await
                .unwrap();
            // What stands in a file is not kept: it is asked for anew, and so another one that was written there since is taken.
            let file = fixture.folder.join("pin");
            let write = |pin: &str| std::fs::write(&file, pin).unwrap();
            write(PIN);
            sign_twice(&fixture, PassphraseSource::File(file.clone()), || ())
                .await
                .unwrap();
            let refused = sign_twice(&fixture, PassphraseSource::File(file.clone()), || write("654321")).await;
            assert!(matches!(refused, Err(KeyStoreError::Denied { .. })), "{refused:?}");
        },
    );
}

#[test]
fn no_signature_leaves_unlogged() {
    with_token("no_signature_leaves_unlogged", async |fixture| {
        let store = fixture.store();
        store.create(&key("ca"), CaKeyAlgorithm::P256).await.unwrap();
        let log = fixture.keys().join("signatures.log");
        std::os::unix::fs::symlink("/dev/full", &log).unwrap();
        let error = store.sign_unchecked(&key("ca"), &digest()).await.unwrap_err();
        assert!(
            matches!(&error, KeyStoreError::Unavailable { detail } if detail.contains("was withheld")),
            "{error}"
        );
        std::fs::remove_file(&log).unwrap();
        store.sign_unchecked(&key("ca"), &digest()).await.unwrap();
    });
}

#[test]
fn of_two_processes_one_makes_the_key() {
    with_token("of_two_processes_one_makes_the_key", async |fixture| {
        // Two stores that share nothing but the token and the folder stand for two processes.
        let (one, other) = (fixture.store(), fixture.store());
        let name = key("contended");
        let (one, other) = tokio::join!(
            one.create(&name, CaKeyAlgorithm::P256),
            other.create(&name, CaKeyAlgorithm::P256)
        );
        let existing = KeyStoreError::AlreadyExists(name.clone());
        assert!(
            matches!((&one, &other), (Ok(_), Err(error)) | (Err(error), Ok(_)) if *error == existing),
            "{one:?} {other:?}"
        );
        signs(&fixture.store(), &name).await;
    });
}

#[test]
fn subjects_keys_on_a_token_ask_for_certificates() {
    with_token("subjects_keys_on_a_token_ask_for_certificates", async |fixture| {
        let token = Token::start(fixture.config()).unwrap();
        assert_eq!(token.label(), LABEL);
        let subject = Name::from_rfc4514("CN=device 7").unwrap();
        for algorithm in [
            CaKeyAlgorithm::P256,
            CaKeyAlgorithm::P384,
            CaKeyAlgorithm::P521,
            CaKeyAlgorithm::Rsa2048,
        ] {
            let label = key(&format!("device {}", algorithm.name()));
            let made = TokenClientKey::create(&token, &label, algorithm).await.unwrap();
            let found = TokenClientKey::find(&token, &label).await.unwrap();
            assert_eq!(found.public_key(), made.public_key());
            let csr = found.request(&subject, &[]).await.unwrap();
            let parsed = CertificationRequest::parse(&csr, &CsrBudget::default()).unwrap();
            assert_eq!(parsed.public_key(), made.public_key());
            let again = TokenClientKey::create(&token, &label, algorithm).await;
            assert_eq!(again.unwrap_err(), KeyStoreError::AlreadyExists(label));
        }
        let absent = TokenClientKey::find(&token, &key("absent")).await.unwrap_err();
        assert_eq!(absent, KeyStoreError::NotFound(key("absent")));
        assert!(
            !fixture.keys().join("signatures.log").exists(),
            "the signing log is the CA's"
        );
    });
}
