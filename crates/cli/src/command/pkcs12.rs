//! PKCS #12 (RFC 7292): a key, its certificate and the chain in one file, under a password.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use chancery_local::keys::client::ClientKey;
use chancery_local::keys::passphrase::{Passphrase, PassphraseSource, Purpose};
use p12_keystore::secret::{Secret, SecretKeyType};
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use zeroize::Zeroizing;

use crate::local_authority;

/// The file's name in a folder that `request` wrote.
pub(super) const FILE: &str = "identity.p12";

/// How a file is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    /// AES-256 with PBKDF2 and HMAC-SHA-256 for key and certificates, HMAC-SHA-256 over all (RFC 8018).
    Strong,
    /// PBE-SHA1-3DES and HMAC-SHA-1 (RFC 7292 appendix C): readable by older systems.
    Legacy,
}

impl Protection {
    /// The protection of an existing file: its algorithms are not encrypted.
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
        local_authority::ask(("Password for the PKCS #12 file", true))?
    } else {
        PassphraseSource::File(file.to_owned()).read(Purpose::Seal)?
    };
    let text = std::str::from_utf8(passphrase.as_bytes()).context("a PKCS #12 password must be UTF-8 text")?;
    check(text)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Checked before anything is requested: passwords are written as a `BMPString` that ends with a NUL (RFC 7292 appendix
/// B.1). One with a NUL in it cannot be typed anywhere; one with a character beyond the Basic Multilingual Plane cannot
/// be encoded.
fn check(password: &str) -> Result<()> {
    if password.contains('\0') {
        bail!("a PKCS #12 password cannot have a NUL in it; take another one");
    }
    if password.chars().any(|character| !is_in_bmp(character)) {
        bail!("a PKCS #12 password cannot have a character beyond U+FFFF, as emoji are; take another one");
    }
    // Whatever else the encoder rejects.
    for protection in [Protection::Strong, Protection::Legacy] {
        let mut trial = KeyStore::new();
        let secret = Secret::builder(SecretKeyType::Aes).with_length(32).build()?;
        trial.add_entry("trial", KeyStoreEntry::Secret(secret));
        write(&trial, password, protection)
            .context("the password cannot be used for a PKCS #12 file; take another one")?;
    }
    Ok(())
}

fn is_in_bmp(character: char) -> bool {
    u32::from(character) <= 0xFFFF
}

/// Encodes key, certificate and chain under one friendly name.
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
    // The name is a label for people: characters that a `BMPString` cannot represent are left out.
    let label: String = name.chars().filter(|character| is_in_bmp(*character)).collect();
    let mut store = KeyStore::new();
    store.add_entry(label.as_str(), KeyStoreEntry::PrivateKeyChain(entry));
    write(&store, password, protection)
}

fn write(store: &KeyStore, password: &str, protection: Protection) -> Result<Vec<u8>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_no_file_can_have_are_refused() {
        for bad in ["nul\0inside", "a rat \u{1f400} in it"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for good in ["correct horse", "\u{fc}ml\u{e4}ut", "\u{5bc6}\u{7801}\u{5bc6}\u{7801}"] {
            check(good).unwrap();
        }
    }
}
