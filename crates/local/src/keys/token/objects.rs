//! Objects on a token: found by their label, generated with the attributes of keys that never leave it.

use chancery_authority::port::{KeyName, KeyStoreError};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::key::ca::CaPublicKey;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use cryptoki::types::Ulong;

use super::encode;
use super::failure::Failure;
use crate::keys::private::oid;

/// The private key of a label; `None` where there is none. Needs a login.
pub(super) fn private_key(session: &Session, key: &KeyName) -> Result<Option<ObjectHandle>, Failure> {
    let Some(handle) = single(session, key, ObjectClass::PRIVATE_KEY, "private key")? else {
        return Ok(None);
    };
    // A token that does not show the attribute decides when asked to sign.
    if let Some(Attribute::Sign(false)) = attribute(session, handle, AttributeType::Sign)? {
        return Err(KeyStoreError::Denied {
            detail: format!("the token's key {key} is not marked for signing (CKA_SIGN)"),
        }
        .into());
    }
    Ok(Some(handle))
}

/// The public key of a label, without a login; `None` where no such object shows.
pub(super) fn public_key(session: &Session, key: &KeyName) -> Result<Option<CaPublicKey>, Failure> {
    match single(session, key, ObjectClass::PUBLIC_KEY, "public key")? {
        Some(handle) => read_public(session, handle, key),
        None => Ok(None),
    }
}

/// The public key of a private one: from an object of the same `CKA_ID`, or from the private key's own attributes.
pub(super) fn public_half(
    session: &Session,
    private: ObjectHandle,
    key: &KeyName,
) -> Result<Option<CaPublicKey>, Failure> {
    if let Some(Attribute::Id(id)) = attribute(session, private, AttributeType::Id)?
        && !id.is_empty()
    {
        let template = [
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::Token(true),
            Attribute::Id(id),
        ];
        if let Some(handle) = session.find_objects(&template)?.first()
            && let Some(public) = read_public(session, *handle, key)?
        {
            return Ok(Some(public));
        }
    }
    if let Some(Attribute::PublicKeyInfo(spki)) = attribute(session, private, AttributeType::PublicKeyInfo)?
        && !spki.is_empty()
    {
        return parse(&spki, key).map(Some);
    }
    read_public(session, private, key)
}

/// Generates a key pair as token objects.
pub(super) fn generate(
    session: &Session,
    key: &KeyName,
    algorithm: CaKeyAlgorithm,
) -> Result<(ObjectHandle, ObjectHandle), Failure> {
    let (mechanism, specific) = match algorithm {
        CaKeyAlgorithm::Rsa2048 => (Mechanism::RsaPkcsKeyPairGen, rsa(2048)),
        CaKeyAlgorithm::Rsa3072 => (Mechanism::RsaPkcsKeyPairGen, rsa(3072)),
        CaKeyAlgorithm::Rsa4096 => (Mechanism::RsaPkcsKeyPairGen, rsa(4096)),
        CaKeyAlgorithm::P256 => (Mechanism::EccKeyPairGen, ec(oid::P256)),
        CaKeyAlgorithm::P384 => (Mechanism::EccKeyPairGen, ec(oid::P384)),
        CaKeyAlgorithm::P521 => (Mechanism::EccKeyPairGen, ec(oid::P521)),
        CaKeyAlgorithm::MlDsa44 | CaKeyAlgorithm::MlDsa65 | CaKeyAlgorithm::MlDsa87 => {
            return Err(unsupported(algorithm).into());
        }
    };
    let mut id = vec![0; 16];
    getrandom::fill(&mut id).map_err(|error| KeyStoreError::Unavailable {
        detail: format!("no random numbers: {error}"),
    })?;
    let both = [
        Attribute::Token(true),
        Attribute::Label(key.0.clone().into_bytes()),
        Attribute::Id(id),
    ];

    let mut public = both.to_vec();
    public.extend([Attribute::Private(false), Attribute::Verify(true)]);
    public.extend(specific);
    let mut private = both.to_vec();
    private.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        // A CA key that also decrypts or unwraps could be made to sign through those operations.
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
    ]);
    Ok(session.generate_key_pair(&mechanism, &public, &private)?)
}

/// The secret key of a label; `None` where there is none. Needs a login.
pub(super) fn secret_key(session: &Session, key: &KeyName) -> Result<Option<ObjectHandle>, Failure> {
    single(session, key, ObjectClass::SECRET_KEY, "secret key")
}

/// Generates a secret for HMAC-SHA-256 that never leaves the token.
pub(super) fn generate_secret(session: &Session, key: &KeyName) -> Result<ObjectHandle, Failure> {
    let template = [
        Attribute::Token(true),
        Attribute::Label(key.0.clone().into_bytes()),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Verify(false),
        Attribute::Derive(false),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::ValueLen(Ulong::from(32_u64)),
    ];
    Ok(session.generate_key(&Mechanism::GenericSecretKeyGen, &template)?)
}

/// Whether the token can generate and use secrets for HMAC-SHA-256.
pub(super) fn supports_hmac(module: &cryptoki::context::Pkcs11, slot: Slot) -> Result<bool, Failure> {
    let known = module.get_mechanism_list(slot)?;
    Ok(known.contains(&MechanismType::GENERIC_SECRET_KEY_GEN) && known.contains(&MechanismType::SHA256_HMAC))
}

/// Whether a key just generated is sensitive and not extractable.
pub(super) fn is_kept_inside(session: &Session, private: ObjectHandle) -> Result<bool, Failure> {
    let attributes = session.get_attributes(private, &[AttributeType::Sensitive, AttributeType::Extractable])?;
    Ok(attributes.contains(&Attribute::Sensitive(true)) && attributes.contains(&Attribute::Extractable(false)))
}

/// Whether the token can generate and use keys of an algorithm.
pub(super) fn supports(
    module: &cryptoki::context::Pkcs11,
    slot: Slot,
    algorithm: CaKeyAlgorithm,
) -> Result<bool, Failure> {
    let (make, sign) = match algorithm {
        CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096 => {
            (MechanismType::RSA_PKCS_KEY_PAIR_GEN, MechanismType::RSA_PKCS)
        }
        CaKeyAlgorithm::P256 | CaKeyAlgorithm::P384 | CaKeyAlgorithm::P521 => {
            (MechanismType::ECC_KEY_PAIR_GEN, MechanismType::ECDSA)
        }
        CaKeyAlgorithm::MlDsa44 | CaKeyAlgorithm::MlDsa65 | CaKeyAlgorithm::MlDsa87 => return Ok(false),
    };
    let known = module.get_mechanism_list(slot)?;
    Ok(known.contains(&make) && known.contains(&sign))
}

pub(super) fn unsupported(algorithm: CaKeyAlgorithm) -> KeyStoreError {
    KeyStoreError::UnsupportedAlgorithm {
        algorithm: algorithm.name(),
    }
}

fn rsa(bits: u32) -> Vec<Attribute> {
    vec![
        Attribute::ModulusBits(Ulong::from(u64::from(bits))),
        Attribute::PublicExponent(vec![0x01, 0x00, 0x01]),
        Attribute::Encrypt(false),
        Attribute::Wrap(false),
    ]
}

fn ec(curve: pkcs8::spki::ObjectIdentifier) -> Vec<Attribute> {
    // The DER of a named curve's identifier always fits.
    vec![Attribute::EcParams(encode::curve(curve).unwrap_or_default())]
}

/// The object of a label and class, if there is one; two are an error, since a guess might be wrong.
fn single(
    session: &Session,
    key: &KeyName,
    class: ObjectClass,
    what: &'static str,
) -> Result<Option<ObjectHandle>, Failure> {
    let template = [
        Attribute::Class(class),
        Attribute::Token(true),
        Attribute::Label(key.0.clone().into_bytes()),
    ];
    match session.find_objects(&template)?.as_slice() {
        [] => Ok(None),
        [handle] => Ok(Some(*handle)),
        several => Err(KeyStoreError::Damaged {
            key: key.clone(),
            detail: format!(
                "the token has {} {what} objects of that label: rename or remove all but one",
                several.len()
            ),
        }
        .into()),
    }
}

fn attribute(session: &Session, object: ObjectHandle, kind: AttributeType) -> Result<Option<Attribute>, Failure> {
    match session.get_attributes(object, &[kind]) {
        Ok(attributes) => Ok(attributes.into_iter().next()),
        // Old modules do not know newer attributes.
        Err(cryptoki::error::Error::Pkcs11(
            cryptoki::error::RvError::AttributeTypeInvalid | cryptoki::error::RvError::AttributeSensitive,
            _,
        )) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The public key from the attributes of an object of either class; `None` where it does not show them.
fn read_public(session: &Session, object: ObjectHandle, key: &KeyName) -> Result<Option<CaPublicKey>, Failure> {
    let damaged = |detail: String| {
        Failure::from(KeyStoreError::Damaged {
            key: key.clone(),
            detail,
        })
    };
    let spki = match attribute(session, object, AttributeType::KeyType)? {
        Some(Attribute::KeyType(KeyType::RSA)) => {
            let modulus = attribute(session, object, AttributeType::Modulus)?;
            let exponent = attribute(session, object, AttributeType::PublicExponent)?;
            match (modulus, exponent) {
                (Some(Attribute::Modulus(modulus)), Some(Attribute::PublicExponent(exponent)))
                    if !modulus.is_empty() && !exponent.is_empty() =>
                {
                    encode::rsa_public_key(&modulus, &exponent)
                }
                _ => return Ok(None),
            }
        }
        Some(Attribute::KeyType(KeyType::EC)) => {
            let parameters = attribute(session, object, AttributeType::EcParams)?;
            let point = attribute(session, object, AttributeType::EcPoint)?;
            match (parameters, point) {
                (Some(Attribute::EcParams(parameters)), Some(Attribute::EcPoint(point))) if !point.is_empty() => {
                    encode::ec_public_key(&parameters, &point)
                }
                _ => return Ok(None),
            }
        }
        Some(Attribute::KeyType(other)) => {
            return Err(damaged(format!(
                "it is a {other} key; a CA on a token uses RSA, P-256, P-384 or P-521"
            )));
        }
        _ => return Ok(None),
    };
    let spki = spki.map_err(|error| damaged(format!("the token's public key cannot be read: {error}")))?;
    parse(&spki, key).map(Some)
}

fn parse(spki: &[u8], key: &KeyName) -> Result<CaPublicKey, Failure> {
    CaPublicKey::from_der(spki).map_err(|error| {
        KeyStoreError::Damaged {
            key: key.clone(),
            detail: error.to_string(),
        }
        .into()
    })
}
