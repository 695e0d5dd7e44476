//! PKCS #12 (RFC 7292): a key, its certificate and the chain in one file, under a password.

use std::path::Path;

use anyhow::{Context as _, Result};
use chancery_local::keys::client::ClientKey;
use chancery_local::keys::passphrase::{Passphrase, PassphraseSource, Purpose};
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use zeroize::Zeroizing;

use crate::house;

/// The file's name in a folder that `request` wrote.
pub(super) const FILE: &str = "identity.p12";

/// How a file is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    /// AES-256 with PBKDF2 and HMAC-SHA-256 for key and certificates, HMAC-SHA-256 over all (RFC 8018).
    Strong,
    /// PBE-SHA1-3DES and HMAC-SHA-1 (RFC 7292 appendix C): what older systems read.
    Legacy,
}

impl Protection {
    /// That of a file that is there: its algorithms stand in the open.
    pub(super) fn of(file: &[u8]) -> Self {
        /// pbeWithSHAAnd3-KeyTripleDES-CBC, as an OBJECT IDENTIFIER in DER.
        const PBE_SHA1_3DES: &[u8] = &[0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x03];
        if file.windows(PBE_SHA1_3DES.len()).any(|window| window == PBE_SHA1_3DES) {
            Self::Legacy
        } else {
            Self::Strong
        }
    }
}

/// The password in a file, or from a prompt (`-`).
pub(super) fn password(file: &Path) -> Result<Zeroizing<String>> {
    let passphrase: Passphrase = if file.as_os_str() == "-" {
        house::ask(("Password for the PKCS #12 file", true))?
    } else {
        PassphraseSource::File(file.to_owned()).read(Purpose::Seal)?
    };
    let text = std::str::from_utf8(passphrase.as_bytes()).context("a PKCS #12 password must be UTF-8 text")?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Key, certificate and chain under one name.
pub(super) fn encode(
    key: &ClientKey,
    certificate: &str,
    chain: &str,
    name: &str,
    password: &str,
    protection: Protection,
) -> Result<Vec<u8>> {
    let blocks = chancery_x509::pem::decode_all(format!("{certificate}{chain}").as_bytes())?;
    let certificates = blocks
        .iter()
        .map(|block| Certificate::from_der(&block.der))
        .collect::<Result<Vec<_>, _>>()?;
    let local_key_id = key.public_key().identifier();
    let entry = PrivateKeyChain::new(
        local_key_id.0.as_slice(),
        PrivateKey::from_der(key.to_pkcs8_der())?,
        certificates,
    );
    let mut store = KeyStore::new();
    store.add_entry(name, KeyStoreEntry::PrivateKeyChain(entry));
    let (encryption, mac) = match protection {
        Protection::Strong => (
            EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
            MacAlgorithm::HmacSha256,
        ),
        Protection::Legacy => (
            EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
            MacAlgorithm::HmacSha1,
        ),
    };
    Ok(store
        .writer(password)
        .encryption_algorithm(encryption)
        .mac_algorithm(mac)
        .write()?)
}
