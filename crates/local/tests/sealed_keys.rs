//! Sealed key files: the port's contract, OpenSSL as a second reader and writer, and faults.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests may panic, and say aloud what they skip"
)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chancery_authority::port::{IntentKeys, IntentNonce, KeyName, KeyStore, KeyStoreError};
use chancery_local::keys::passphrase::{PassphraseError, PassphrasePrompt, Purpose};
use chancery_local::keys::{Passphrase, PassphraseSource, SealedKeyStore, SigningLog};
use chancery_testing::SignUnchecked as _;
use chancery_testing::suite;
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::SigningHasher;
use tempfile::TempDir;

const PASSPHRASE: &str = "correct horse battery staple";

fn given(passphrase: &str) -> PassphraseSource {
    PassphraseSource::Given(Passphrase::new(passphrase).unwrap())
}

fn store_in(folder: &Path) -> SealedKeyStore {
    SealedKeyStore::new(folder, given(PASSPHRASE))
}

fn key(name: &str) -> KeyName {
    KeyName(name.to_owned())
}

/// A folder with one P-256 key `ca`.
async fn folder_with_key() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    store_in(folder.path())
        .create(&key("ca"), CaKeyAlgorithm::P256)
        .await
        .unwrap();
    folder
}

fn digest() -> SigningInput {
    SigningInput::Sha256([7; 32])
}

/// Runs OpenSSL; `None` where there is none, which is said aloud.
fn openssl(arguments: &[&str]) -> Option<Result<Vec<u8>, String>> {
    let Ok(output) = Command::new("openssl").args(arguments).output() else {
        eprintln!("SKIPPED: no openssl on the PATH to read key files with");
        return None;
    };
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(error)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn meets_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    suite::key_store(
        async || Arc::new(store_in(&keys)) as Arc<dyn KeyStore>,
        &CaKeyAlgorithm::ALL,
    )
    .await;

    assert_eq!(keys.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for name in store_in(&keys).names().unwrap() {
        let file = keys.join(format!("{name}.key"));
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_intents_is_sealed_beside_the_keys() {
    let folder = folder_with_key().await;
    suite::intent_keys(async || Arc::new(store_in(folder.path())) as Arc<dyn IntentKeys>).await;
    let file = folder.path().join("intents.secret");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{text}");
    assert_eq!(store_in(folder.path()).names().unwrap(), [key("ca")], "it is no CA key");

    let other = PassphraseSource::Given(Passphrase::new("another passphrase").unwrap());
    let other = SealedKeyStore::new(folder.path(), other);
    let error = other.derive(&IntentNonce([1; 32])).await.unwrap_err();
    assert!(matches!(error, KeyStoreError::Denied { .. }), "{error:?}");
    std::fs::write(&file, "nothing").unwrap();
    let error = store_in(folder.path()).derive(&IntentNonce([1; 32])).await.unwrap_err();
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
}

#[tokio::test]
async fn a_passphrase_that_was_forgotten_is_asked_for_again_by_other_keys_alone() {
    let folder = folder_with_key().await;
    let store = store_in(folder.path());
    store.create(&key("other"), CaKeyAlgorithm::P256).await.unwrap();
    let file = folder.path().join("phrase");
    std::fs::write(&file, PASSPHRASE).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let store = SealedKeyStore::new(folder.path(), PassphraseSource::File(file.clone()));
    store.unseal(&key("ca")).await.unwrap();
    store.forget_passphrase();
    std::fs::remove_file(&file).unwrap();
    store.sign_unchecked(&key("ca"), &digest()).await.unwrap();
    store.sign_unchecked(&key("other"), &digest()).await.unwrap_err();
}

#[tokio::test]
async fn keys_and_their_log_survive_the_process() {
    let folder = folder_with_key().await;
    let made = store_in(folder.path()).public_key(&key("ca")).await.unwrap();
    // A store that never saw the key made.
    let store = store_in(folder.path());
    let signed = store.sign_unchecked(&key("ca"), &digest()).await.unwrap();
    made.verify(&digest(), &signed.signature).unwrap();

    let entries: Vec<_> = SigningLog::entries(folder.path())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].receipt, signed.receipt);
    assert_eq!(entries[0].key, key("ca"));
    assert_eq!(entries[0].input, digest().as_bytes());
}

#[tokio::test]
async fn openssl_reads_every_key_that_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(folder.path());
    let knows_ml_dsa = match openssl(&["list", "-public-key-algorithms"]) {
        None => return,
        Some(listed) => String::from_utf8_lossy(&listed.unwrap()).contains("ML-DSA"),
    };
    for algorithm in [
        CaKeyAlgorithm::P256,
        CaKeyAlgorithm::P384,
        CaKeyAlgorithm::P521,
        CaKeyAlgorithm::Rsa2048,
        CaKeyAlgorithm::MlDsa44,
        CaKeyAlgorithm::MlDsa65,
        CaKeyAlgorithm::MlDsa87,
    ] {
        if algorithm.name().starts_with("ml-dsa") && !knows_ml_dsa {
            eprintln!("SKIPPED: this openssl does not know {}", algorithm.name());
            continue;
        }
        let name = algorithm.name();
        let public = store.create(&key(name), algorithm).await.unwrap();
        let (private_file, public_file) = (
            folder.path().join(format!("{name}.key")),
            folder.path().join(format!("{name}.pub")),
        );
        let passphrase = format!("pass:{PASSPHRASE}");
        let from_private = openssl(&[
            "pkey",
            "-in",
            private_file.to_str().unwrap(),
            "-passin",
            &passphrase,
            "-pubout",
            "-outform",
            "DER",
        ]);
        assert_eq!(
            from_private.unwrap().unwrap(),
            public.as_der(),
            "{name}: the private file"
        );
        let from_public = openssl(&[
            "pkey",
            "-pubin",
            "-in",
            public_file.to_str().unwrap(),
            "-pubout",
            "-outform",
            "DER",
        ]);
        assert_eq!(
            from_public.unwrap().unwrap(),
            public.as_der(),
            "{name}: the public file"
        );
    }
}

#[tokio::test]
async fn keys_sealed_by_openssl_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let kinds: [(&str, &[&str]); 3] = [
        ("ec", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("p521", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        ("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ];
    // PBKDF2 with 2,048 rounds is what OpenSSL does unasked; the other two are what people ask for.
    let seals: [(&str, &[&str]); 3] = [
        ("pbkdf2", &["-v2", "aes-256-cbc"]),
        (
            "aes128",
            &["-v2", "aes-128-cbc", "-iter", "10000", "-v2prf", "hmacWithSHA512"],
        ),
        ("scrypt", &["-scrypt"]),
    ];
    let passphrase = format!("pass:{PASSPHRASE}");
    for (kind, options) in kinds {
        let open = path("open.pem");
        let made = openssl(&[&["genpkey", "-out", &open], options].concat());
        if made.is_none() {
            return;
        }
        made.unwrap().unwrap();
        for (seal, options) in seals {
            let name = key(&format!("{kind}-{seal}"));
            let sealed = path(&format!("{name}.key"));
            let arguments = [
                "pkcs8",
                "-topk8",
                "-in",
                &open,
                "-out",
                &sealed,
                "-passout",
                &passphrase,
            ];
            openssl(&[&arguments, options].concat()).unwrap().unwrap();

            let store = store_in(folder.path());
            let public = store.public_key(&name).await.unwrap();
            let mut hasher = SigningHasher::new(&public);
            hasher.update(b"message");
            let input = hasher.finish();
            let signed = store.sign_unchecked(&name, &input).await.unwrap();
            public.verify(&input, &signed.signature).unwrap();
            // The public half was made anew, and serves without the passphrase from now on.
            let without = SealedKeyStore::new(folder.path(), PassphraseSource::Environment("CHANCERY_UNSET".into()));
            assert_eq!(without.public_key(&name).await.unwrap().as_der(), public.as_der());
        }
    }
}

#[tokio::test]
async fn the_public_half_needs_no_passphrase_and_the_private_one_does() {
    let folder = folder_with_key().await;
    let store = SealedKeyStore::new(folder.path(), PassphraseSource::Environment("CHANCERY_UNSET".into()));
    store.public_key(&key("ca")).await.unwrap();
    let error = store.sign_unchecked(&key("ca"), &digest()).await.unwrap_err();
    assert!(
        matches!(&error, KeyStoreError::Denied { detail } if detail.contains("CHANCERY_UNSET")),
        "{error}"
    );
}

#[tokio::test]
async fn a_wrong_passphrase_is_denied_and_told() {
    let folder = folder_with_key().await;
    let store = SealedKeyStore::new(folder.path(), given("not the right one"));
    for _ in 0..2 {
        let error = store.sign_unchecked(&key("ca"), &digest()).await.unwrap_err();
        assert!(
            matches!(&error, KeyStoreError::Denied { detail } if detail.contains("ca.key")),
            "{error}"
        );
    }
    // Nor does it seal a second key that the first one's passphrase would not open.
    let error = store.create(&key("other"), CaKeyAlgorithm::P256).await.unwrap_err();
    assert!(matches!(error, KeyStoreError::Denied { .. }), "{error}");
    assert_eq!(store.names().unwrap(), [key("ca")]);
}

/// Mistypes once.
struct Person(AtomicUsize);
impl PassphrasePrompt for Person {
    fn passphrase(&self, purpose: Purpose) -> Result<Passphrase, PassphraseError> {
        assert_eq!(purpose, Purpose::Unseal);
        Passphrase::new(if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
            "corect horse"
        } else {
            PASSPHRASE
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_may_mistype_once_and_is_then_asked_no_more() {
    let folder = folder_with_key().await;
    let person = Arc::new(Person(AtomicUsize::new(0)));
    let store = SealedKeyStore::new(folder.path(), PassphraseSource::Prompt(person.clone()));
    assert!(matches!(
        store.sign_unchecked(&key("ca"), &digest()).await,
        Err(KeyStoreError::Denied { .. })
    ));
    let signers: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.sign_unchecked(&key("ca"), &digest()).await })
        })
        .collect();
    for signer in signers {
        signer.await.unwrap().unwrap();
    }
    store.create(&key("second"), CaKeyAlgorithm::P256).await.unwrap();
    assert_eq!(person.0.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_truncated_file_is_damaged() {
    let folder = folder_with_key().await;
    let file = folder.path().join("ca.key");
    let whole = std::fs::read(&file).unwrap();
    for length in [0, 10, whole.len() / 2, whole.len() - 10] {
        std::fs::write(&file, &whole[..length]).unwrap();
        let error = store_in(folder.path())
            .sign_unchecked(&key("ca"), &digest())
            .await
            .unwrap_err();
        assert!(
            matches!(&error, KeyStoreError::Damaged { detail, .. } if detail.contains("backup")),
            "{error}"
        );
    }
    std::fs::write(&file, &whole).unwrap();
    store_in(folder.path())
        .sign_unchecked(&key("ca"), &digest())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_flipped_bit_never_signs_with_another_key() {
    let folder = folder_with_key().await;
    let file = folder.path().join("ca.key");
    let whole = std::fs::read(&file).unwrap();
    let public = store_in(folder.path()).public_key(&key("ca")).await.unwrap();
    // Each opening takes a derivation: a few places in the salt, the parameters and the ciphertext stand for all.
    for position in (30..whole.len() - 30).step_by(whole.len() / 12) {
        let mut flipped = whole.clone();
        flipped[position] ^= 1;
        std::fs::write(&file, &flipped).unwrap();
        match store_in(folder.path()).sign_unchecked(&key("ca"), &digest()).await {
            Err(KeyStoreError::Damaged { .. } | KeyStoreError::Denied { .. }) => {}
            // The last bits of a base64 group may not count.
            Ok(signed) => public.verify(&digest(), &signed.signature).unwrap(),
            Err(other) => panic!("octet {position}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_public_half_of_another_key_is_found_out() {
    let folder = folder_with_key().await;
    store_in(folder.path())
        .create(&key("other"), CaKeyAlgorithm::P256)
        .await
        .unwrap();
    std::fs::copy(folder.path().join("other.pub"), folder.path().join("ca.pub")).unwrap();
    let error = store_in(folder.path())
        .sign_unchecked(&key("ca"), &digest())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, KeyStoreError::Damaged { detail, .. } if detail.contains("ca.pub")),
        "{error}"
    );
    std::fs::write(folder.path().join("ca.pub"), "nothing").unwrap();
    let error = store_in(folder.path()).public_key(&key("ca")).await.unwrap_err();
    assert!(
        matches!(&error, KeyStoreError::Damaged { detail, .. } if detail.contains("made anew")),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_taken_away_is_not_replaced() {
    let folder = folder_with_key().await;
    std::fs::remove_file(folder.path().join("ca.key")).unwrap();
    let store = store_in(folder.path());
    store.public_key(&key("ca")).await.unwrap();
    assert_eq!(
        store.sign_unchecked(&key("ca"), &digest()).await.unwrap_err(),
        KeyStoreError::NotFound(key("ca"))
    );
    let again = store.create(&key("ca"), CaKeyAlgorithm::P256).await;
    assert_eq!(again.unwrap_err(), KeyStoreError::AlreadyExists(key("ca")));
}

#[tokio::test]
async fn an_open_key_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.key");
    let made = openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        file.to_str().unwrap(),
    ]);
    if made.is_none() {
        return;
    }
    let error = store_in(folder.path())
        .sign_unchecked(&key("ca"), &digest())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, KeyStoreError::Denied { detail } if detail.contains("not sealed")),
        "{error}"
    );
}

#[tokio::test]
async fn no_signature_leaves_unlogged() {
    let folder = folder_with_key().await;
    // What a full disk answers to every write.
    std::os::unix::fs::symlink("/dev/full", folder.path().join("signatures.log")).unwrap();
    let store = store_in(folder.path());
    let error = store.sign_unchecked(&key("ca"), &digest()).await.unwrap_err();
    assert!(
        matches!(&error, KeyStoreError::Unavailable { detail } if detail.contains("was withheld")),
        "{error}"
    );
    // With space again, the same store goes on.
    std::fs::remove_file(folder.path().join("signatures.log")).unwrap();
    store.sign_unchecked(&key("ca"), &digest()).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder should be: also in the way of a superuser, whom permissions do not stop.
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "").unwrap();
    let error = store_in(&keys)
        .create(&key("ca"), CaKeyAlgorithm::P256)
        .await
        .unwrap_err();
    assert!(error.to_string().contains(keys.to_str().unwrap()), "{error}");

    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(locked.join("probe"), "").is_ok() {
        eprintln!("SKIPPED: this user may write to read-only folders");
        return;
    }
    let error = store_in(&locked)
        .create(&key("ca"), CaKeyAlgorithm::P256)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, KeyStoreError::Denied { detail } if detail.contains("folder of keys")),
        "{error}"
    );
}

#[tokio::test]
async fn names_that_are_no_file_names_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder.path().join("keys"));
    let outside = key("../outside");
    assert!(matches!(
        store.create(&outside, CaKeyAlgorithm::P256).await,
        Err(KeyStoreError::Denied { .. })
    ));
    assert_eq!(
        store.public_key(&outside).await.unwrap_err(),
        KeyStoreError::NotFound(outside.clone())
    );
    assert_eq!(
        store.sign_unchecked(&outside, &digest()).await.unwrap_err(),
        KeyStoreError::NotFound(outside)
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
