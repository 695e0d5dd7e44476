//! Sealing: PKCS #8 under a passphrase, as `EncryptedPrivateKeyInfo` (RFC 5958) with PBES2 (RFC 8018), in PEM.
//!
//! New seals use scrypt with N = 2¹⁴, r = 8, p = 5 and AES-256-CBC. The memory, 16 MiB, is the most that OpenSSL takes
//! with its default limit (32 MiB, and N is a power of two); OWASP's password storage guidance asks for five passes at
//! that memory, which take about 0.2 s. OpenSSL's defaults matter because other programs must be able to read key files
//! without this one. A longer passphrase adds more security than any of these parameters.
//!
//! Existing seals with PBKDF2 or other parameters are read too, within limits of memory and work: a hostile file must
//! not take all memory or run for hours.

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use chancery_x509::pem::{self, EncodedBlock};
use der::asn1::OctetStringRef;
use der::pem::LineEnding;
use der::{Decode, EncodePem};
use pkcs5::EncryptionScheme;
use pkcs5::pbes2::{EncryptionScheme as Cipher, Kdf, Parameters, Salt, ScryptParams};
use pkcs8::{EncryptedPrivateKeyInfo, EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::derive::{BadParameters, KEY_LENGTH};
use super::passphrase::Passphrase;

/// PEM label of sealed keys.
pub(super) const SEALED_LABEL: &str = "ENCRYPTED PRIVATE KEY";
/// PEM label of unsealed keys.
pub(super) const OPEN_LABEL: &str = "PRIVATE KEY";

/// scrypt's N, r and p for new seals.
const COST: u64 = 1 << 14;
const BLOCK_SIZE: u16 = 8;
const PASSES: u16 = 5;

/// The most memory that a file may require for scrypt: 128 · r · (N + p) octets.
const MAX_SCRYPT_MEMORY: u64 = 512 << 20;
/// The most work that a file may require for scrypt: N · r · p. New seals need 655,360.
const MAX_SCRYPT_WORK: u64 = 1 << 24;
/// The most iterations that a file may require for PBKDF2.
const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

/// Octets of a salt, and of an AES block.
const SALT: usize = 16;
const AES_BLOCK: usize = 16;

/// Why a sealed key did not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnsealError {
    /// An unsealed private key.
    #[error("it is not sealed: seal it with `openssl pkcs8 -topk8 -scrypt` and remove the open copy")]
    NotSealed,
    /// Not PEM, not DER, or truncated.
    #[error("it is no whole PEM file of an encrypted private key ({0})")]
    Malformed(String),
    /// Beyond the limits of memory or work.
    #[error("opening it would take {0}: seal it anew with `openssl pkcs8 -topk8 -scrypt`")]
    TooCostly(String),
    /// A scheme that is too old or too uncommon to be supported.
    #[error("it is sealed in a way that is not read ({0}): seal it anew with `openssl pkcs8 -topk8 -scrypt`")]
    Unsupported(String),
    /// Decryption did not give a private key.
    #[error("the passphrase does not open it")]
    WrongPassphrase,
}

/// Seals PKCS #8 DER. Takes about 0.2 s and 16 MiB.
pub(super) fn seal(pkcs8: &[u8], passphrase: &Passphrase) -> Result<String, pkcs8::Error> {
    let scrypt = match passphrase.derived_with().filter(is_of_new_seals) {
        Some(scrypt) => scrypt,
        None => scrypt_of_new_seals(Salt::new(random()?)?),
    };
    let iv = random()?;
    let key = passphrase
        .derive(&scrypt)
        .map_err(|BadParameters| pkcs5::Error::EncryptFailed)?;
    // Encrypted in place: the only plaintext copy of the key is the buffer that becomes the ciphertext.
    let mut buffer = Zeroizing::new(Vec::with_capacity(pkcs8.len() + AES_BLOCK));
    buffer.extend_from_slice(pkcs8);
    UnboundCipherKey::new(&AES_256, key.as_ref())
        .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
        .and_then(|key| key.less_safe_encrypt(&mut *buffer, EncryptionContext::Iv128(iv.into())))
        .map_err(|_| pkcs5::Error::EncryptFailed)?;

    let info: EncryptedPrivateKeyInfoRef<'_> = EncryptedPrivateKeyInfo {
        encryption_algorithm: EncryptionScheme::from(Parameters {
            kdf: Kdf::Scrypt(scrypt),
            encryption: Cipher::Aes256Cbc { iv },
        }),
        encrypted_data: OctetStringRef::new(&buffer)?,
    };
    Ok(info.to_pem(LineEnding::LF)?)
}

fn scrypt_of_new_seals(salt: Salt) -> ScryptParams {
    ScryptParams {
        salt,
        cost_parameter: COST,
        block_size: BLOCK_SIZE,
        parallelization: PASSES,
        key_length: None,
    }
}

/// Whether a key file opened before is sealed as a new one would be: then one derivation serves both.
fn is_of_new_seals(scrypt: &ScryptParams) -> bool {
    scrypt.salt.as_ref().len() >= SALT && *scrypt == scrypt_of_new_seals(scrypt.salt)
}

fn random() -> Result<[u8; SALT], pkcs5::Error> {
    let mut octets = [0; SALT];
    getrandom::fill(&mut octets).map_err(|_| pkcs5::Error::Rng)?;
    Ok(octets)
}

/// Opens a PEM file; the result is a well-formed PKCS #8 `PrivateKeyInfo`, though its key may still be unsound.
pub(super) fn unseal(pem: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
    let block = pem::first(pem, |_| true).map_err(|error| UnsealError::Malformed(error.to_string()))?;
    unseal_block(&block, passphrase)
}

/// Opens one block of a PEM file, as [`unseal`] does.
pub(super) fn unseal_block(
    block: &EncodedBlock<'_>,
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
    let malformed = |error: &dyn std::fmt::Display| UnsealError::Malformed(error.to_string());
    let sealed = block.decode().map_err(|error| malformed(&error))?;
    match block.label() {
        SEALED_LABEL => {}
        label if label.ends_with(OPEN_LABEL) => return Err(UnsealError::NotSealed),
        label => return Err(UnsealError::Malformed(format!("it holds a {label}"))),
    }
    let info = EncryptedPrivateKeyInfoRef::from_der(&sealed).map_err(|error| malformed(&error))?;
    check_budget(&info.encryption_algorithm)?;

    let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
    let length = decrypt(&info.encryption_algorithm, passphrase, &mut buffer)?;
    buffer.truncate(length);
    // CBC has no checksum: a wrong passphrase leaves valid padding once in 256 times, but never a PrivateKeyInfo.
    PrivateKeyInfoRef::from_der(&buffer).map_err(|_| UnsealError::WrongPassphrase)?;
    Ok(buffer)
}

/// Decrypts in place, and returns the length of the plaintext in octets.
fn decrypt(scheme: &EncryptionScheme, passphrase: &Passphrase, buffer: &mut [u8]) -> Result<usize, UnsealError> {
    if let Some(Parameters {
        kdf: Kdf::Scrypt(scrypt),
        encryption: Cipher::Aes256Cbc { iv },
    }) = scheme.pbes2()
        && scrypt.key_length.is_none_or(|length| usize::from(length) == KEY_LENGTH)
    {
        let key = passphrase
            .derive(scrypt)
            .map_err(|BadParameters| UnsealError::Unsupported("scrypt with parameters that are none".to_owned()))?;
        return UnboundCipherKey::new(&AES_256, key.as_ref())
            .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
            .and_then(|key| {
                let clear = key.decrypt(buffer, DecryptionContext::Iv128((*iv).into()))?;
                Ok(clear.len())
            })
            .map_err(|_| UnsealError::WrongPassphrase);
    }
    match scheme.decrypt_in_place(passphrase.as_bytes(), buffer) {
        Ok(clear) => Ok(clear.len()),
        Err(pkcs5::Error::DecryptFailed) => Err(UnsealError::WrongPassphrase),
        Err(error) => Err(UnsealError::Unsupported(error.to_string())),
    }
}

fn check_budget(scheme: &EncryptionScheme) -> Result<(), UnsealError> {
    let parameters = scheme
        .pbes2()
        .ok_or_else(|| UnsealError::Unsupported("PKCS #5 v1.5".to_owned()))?;
    match &parameters.kdf {
        Kdf::Scrypt(scrypt) => {
            let (size, passes) = (u64::from(scrypt.block_size), u64::from(scrypt.parallelization));
            // The library does not check these: with N = 0 it would overflow.
            if !scrypt.cost_parameter.is_power_of_two() || scrypt.cost_parameter < 2 || size == 0 || passes == 0 {
                return Err(UnsealError::Unsupported(
                    "scrypt with parameters that are none".to_owned(),
                ));
            }
            let memory = scrypt
                .cost_parameter
                .saturating_add(passes)
                .saturating_mul(size)
                .saturating_mul(128);
            if memory > MAX_SCRYPT_MEMORY {
                return Err(UnsealError::TooCostly(format!("{} MiB of memory", memory >> 20)));
            }
            if scrypt.cost_parameter.saturating_mul(size).saturating_mul(passes) > MAX_SCRYPT_WORK {
                return Err(UnsealError::TooCostly(format!("{passes} passes of scrypt")));
            }
            Ok(())
        }
        Kdf::Pbkdf2(pbkdf2) if pbkdf2.iteration_count > MAX_PBKDF2_ROUNDS => Err(UnsealError::TooCostly(format!(
            "{} rounds of PBKDF2",
            pbkdf2.iteration_count
        ))),
        Kdf::Pbkdf2(_) => Ok(()),
        other => Err(UnsealError::Unsupported(other.oid().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase() -> Passphrase {
        Passphrase::new("correct horse battery staple").unwrap()
    }

    fn a_key() -> Zeroizing<Vec<u8>> {
        super::super::private::generate_ecdsa(&aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()
    }

    fn with_kdf(kdf: Kdf) -> String {
        let parameters = Parameters {
            kdf,
            encryption: Cipher::Aes256Cbc { iv: [1; 16] },
        };
        let info: EncryptedPrivateKeyInfoRef<'_> = EncryptedPrivateKeyInfo {
            encryption_algorithm: EncryptionScheme::from(parameters),
            encrypted_data: OctetStringRef::new(&[7; 64]).unwrap(),
        };
        info.to_pem(LineEnding::LF).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_its_passphrase_only() {
        let key = a_key();
        let sealed = seal(&key, &passphrase()).unwrap();
        assert!(sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        assert_eq!(*unseal(sealed.as_bytes(), &passphrase()).unwrap(), *key);
        let other = Passphrase::new("correct horse battery stable").unwrap();
        assert_eq!(
            unseal(sealed.as_bytes(), &other).unwrap_err(),
            UnsealError::WrongPassphrase
        );
        assert_ne!(seal(&key, &passphrase()).unwrap(), sealed, "salt and IV are fresh");
    }

    /// The salt and the initialisation vector of a seal.
    fn salt_and_iv(sealed: &str) -> (Vec<u8>, Vec<u8>) {
        let der = pem::first(sealed.as_bytes(), |_| true).unwrap().decode().unwrap();
        let info = EncryptedPrivateKeyInfoRef::from_der(&der).unwrap();
        match info.encryption_algorithm.pbes2().unwrap() {
            Parameters {
                kdf: Kdf::Scrypt(scrypt),
                encryption: Cipher::Aes256Cbc { iv },
            } => (scrypt.salt.as_ref().to_vec(), iv.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_seals_of_one_passphrase_take_one_derivation_and_share_nothing_but_its_salt() {
        let (key, passphrase) = (a_key(), passphrase());
        let first = seal(&key, &passphrase).unwrap();
        let (salt, iv) = salt_and_iv(&first);
        let (same_salt, other_iv) = salt_and_iv(&seal(&key, &passphrase).unwrap());
        assert_eq!(same_salt, salt);
        assert_ne!(other_iv, iv);

        // Also with a new passphrase value, once it has opened a key.
        let again = self::passphrase();
        unseal(first.as_bytes(), &again).unwrap();
        assert_eq!(salt_and_iv(&seal(&key, &again).unwrap()).0, salt);
    }

    #[test]
    fn a_weaker_seal_that_was_opened_is_no_model_for_new_ones() {
        let passphrase = passphrase();
        let weak = ScryptParams {
            salt: Salt::new([1; 16]).unwrap(),
            cost_parameter: 2,
            block_size: 1,
            parallelization: 1,
            key_length: None,
        };
        passphrase.derive(&weak).unwrap();
        let sealed = seal(&a_key(), &passphrase).unwrap();
        assert_ne!(salt_and_iv(&sealed).0, [1; 16]);
        let derived = passphrase.derived_with().unwrap();
        assert_eq!(derived.cost_parameter, COST);
    }

    #[test]
    fn a_file_cut_short_anywhere_is_malformed() {
        let sealed = seal(&a_key(), &passphrase()).unwrap();
        for length in 0..sealed.trim_end().len() {
            let error = unseal(&sealed.as_bytes()[..length], &passphrase()).unwrap_err();
            assert!(matches!(error, UnsealError::Malformed(_)), "{length}: {error:?}");
        }
    }

    #[test]
    fn files_that_ask_for_too_much_are_refused_before_the_work() {
        let scrypt = |cost_parameter, block_size, parallelization| {
            Kdf::Scrypt(ScryptParams {
                salt: Salt::new([1; 16]).unwrap(),
                cost_parameter,
                block_size,
                parallelization,
                key_length: None,
            })
        };
        let pbkdf2 = |iteration_count| {
            Kdf::Pbkdf2(pkcs5::pbes2::Pbkdf2Params {
                salt: Salt::new([1; 16]).unwrap(),
                iteration_count,
                key_length: None,
                prf: pkcs5::pbes2::Pbkdf2Prf::HmacWithSha256,
            })
        };
        for kdf in [
            scrypt(1 << 30, 8, 1),
            scrypt(1 << 63, u16::MAX, u16::MAX),
            scrypt(1 << 14, 8, u16::MAX),
            scrypt(2, u16::MAX, u16::MAX),
            scrypt(2, 100, u16::MAX),
            pbkdf2(u32::MAX),
        ] {
            let error = unseal(with_kdf(kdf).as_bytes(), &passphrase()).unwrap_err();
            assert!(matches!(error, UnsealError::TooCostly(_)), "{error:?}");
        }
        // N that is no power of two, or zero work: never a panic.
        for kdf in [
            scrypt(0, 8, 1),
            scrypt(1, 8, 1),
            scrypt(3, 8, 1),
            scrypt(16, 0, 1),
            scrypt(16, 8, 0),
        ] {
            let error = unseal(with_kdf(kdf).as_bytes(), &passphrase()).unwrap_err();
            assert!(matches!(error, UnsealError::Unsupported(_)), "{error:?}");
        }
    }

    #[test]
    fn open_keys_and_other_files_are_told_apart() {
        let open = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        assert_eq!(
            unseal(open.as_bytes(), &passphrase()).unwrap_err(),
            UnsealError::NotSealed
        );
        let other = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(matches!(
            unseal(other.as_bytes(), &passphrase()).unwrap_err(),
            UnsealError::Malformed(_)
        ));
        assert!(matches!(
            unseal(b"\xff\xfe", &passphrase()).unwrap_err(),
            UnsealError::Malformed(_)
        ));
    }
}
