//! What reads octets in `chancery-local`: files that others can write, and texts that come with requests.

use std::fs;
use std::path::{Component, Path};

use chancery_authority::port::Ledger;
use chancery_authority::port::ledger::{Cursor, LedgerError, Search};
use chancery_authority::token_scope::TokenScopes;
use chancery_local::backup::Manifest;
use chancery_local::block_on;
use chancery_local::keys::Passphrase;
use chancery_local::keys::client::ClientKey;
use chancery_local::keys::log::{FILE, SigningLog};
use chancery_local::ledger::SqliteLedger;
use chancery_local::tokens::Tokens;
use chancery_x509::csr::{CertificationRequest, CsrBudget};
use chancery_x509::name::Name;
use chancery_x509::pem;
use chancery_x509::time::UnixTime;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Decode;
use pkcs8::pkcs5::pbes2::Kdf;
use tempfile::TempDir;

/// What the sealed files of the corpus are sealed with; what is inside them is no key.
const PASSPHRASE: &str = "fuzz";

/// A private key that is read can be written, read again, and used: by PEM label, sealed or not.
pub fn key_file(octets: &[u8]) {
    let passphrase = Passphrase::new(PASSPHRASE).expect("it is not empty");
    let _ = ClientKey::is_sealed(octets);
    if is_costly(octets) {
        return;
    }
    let Ok(key) = ClientKey::from_pem(octets, Some(&passphrase)) else {
        return;
    };
    let text = key.to_pem().expect("what is read is written");
    let again = ClientKey::from_pem(text.as_bytes(), None).expect("what is written is read");
    assert_eq!(again.to_pkcs8_der(), key.to_pkcs8_der());
    let subject = Name::from_rfc4514("CN=fuzzed.example.com").expect("it is a name");
    let csr = again.request(&subject, &[]).expect("a sound key signs");
    CertificationRequest::parse(&csr, &CsrBudget::default()).expect("and its signature verifies");
}

/// Whether opening a sealed file would take more than a moment. The program's own budget allows some seconds, which is too
/// long for the many thousand files that a fuzzer makes; below it the work is the same.
fn is_costly(octets: &[u8]) -> bool {
    let blocks = pem::decode_all(octets).unwrap_or_default();
    blocks.iter().any(|block| {
        let Ok(info) = EncryptedPrivateKeyInfoRef::from_der(&block.der) else {
            return false;
        };
        match info.encryption_algorithm.pbes2().map(|parameters| &parameters.kdf) {
            Some(Kdf::Scrypt(scrypt)) => {
                let passes = u64::from(scrypt.block_size) * u64::from(scrypt.parallelization);
                // Parameters over the program's budget are refused before any work, and so are welcome here.
                let work = scrypt.cost_parameter.saturating_mul(passes);
                (1 << 10..=1 << 24).contains(&work)
            }
            Some(Kdf::Pbkdf2(pbkdf2)) => (1_000..=10_000_000).contains(&pbkdf2.iteration_count),
            _ => false,
        }
    })
}

/// Every line of a signing log is an entry or said to be none; nothing stops before the end.
pub fn signing_log(octets: &[u8]) {
    let folder = TempDir::new().expect("there is room");
    fs::write(folder.path().join(FILE), octets).expect("there is room");
    let entries: Vec<_> = SigningLog::entries(folder.path()).expect("the file is there").collect();
    let lines = octets.split_inclusive(|&octet| octet == b'\n').count();
    assert_eq!(entries.len(), lines);
    for entry in entries.into_iter().flatten() {
        assert!(!entry.algorithm.name().is_empty());
        let _ = (entry.time.to_string(), entry.receipt, entry.key, entry.input);
    }
}

/// A backup's manifest names no file outside the rooms of a data folder, and none twice.
pub fn manifest(octets: &[u8]) {
    let folder = TempDir::new().expect("there is room");
    let file = folder.path().join("manifest.json");
    fs::write(&file, octets).expect("there is room");
    let Ok(manifest) = Manifest::read(folder.path()) else {
        return;
    };
    for (position, entry) in manifest.files.iter().enumerate() {
        let path = Path::new(&entry.name);
        assert!(
            path.components().all(|part| matches!(part, Component::Normal(_))),
            "{:?}",
            entry.name
        );
        assert!(
            path.components().count() <= 2 && !entry.name.ends_with('/'),
            "{:?}",
            entry.name
        );
        assert!(manifest.files[..position].iter().all(|other| other.name != entry.name));
    }
    fs::write(&file, serde_json::to_vec(&manifest).expect("it is JSON")).expect("there is room");
    assert_eq!(
        Manifest::read(folder.path()).expect("what is written is read"),
        manifest
    );
}

thread_local! {
    static LEDGER: (SqliteLedger, TempDir) = {
        let folder = TempDir::new().expect("there is room");
        let ledger = SqliteLedger::create(folder.path().join("ledger.sqlite3")).expect("there is room");
        (ledger, folder)
    };
}

/// No text is a valid token, and scopes are what they say.
pub fn token(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let found = LEDGER.with(|(ledger, _)| block_on(Tokens::new(ledger).verify(text, UnixTime(1_795_464_000))));
    assert_eq!(found, Ok(None));
    if let Ok(scopes) = text.parse::<TokenScopes>() {
        assert_eq!(scopes.to_string().parse(), Ok(scopes));
    }
}

/// Names to search for and places to go on from are data to the database, whatever is in them.
pub fn search(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let query = Search {
        common_name: Some(text.to_owned()),
        ..Search::default()
    };
    LEDGER.with(|(ledger, _)| {
        let page = block_on(ledger.certificates().search(&query, None, 10)).expect("a name is a name");
        assert!(page.certificates.is_empty() && page.next.is_none());
        let cursor = Cursor(text.to_owned());
        for outcome in [
            block_on(ledger.certificates().search(&query, Some(&cursor), 10)),
            block_on(ledger.certificates().search(&Search::default(), Some(&cursor), 10)),
        ] {
            match outcome {
                Ok(page) => assert!(page.certificates.is_empty()),
                Err(error) => assert!(matches!(error, LedgerError::ForeignCursor { .. }), "{error}"),
            }
        }
    });
}
