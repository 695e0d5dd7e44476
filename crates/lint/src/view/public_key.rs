//! `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).

use chancery_x509::tlv::{Reader, tag};

use super::algorithm::Algorithm;
use super::der::{self, Explain as _, Malformed};
use super::oid;

/// A `SubjectPublicKeyInfo`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublicKey<'a> {
    pub(crate) algorithm: Algorithm<'a>,
    /// The subjectPublicKey's octets.
    pub(crate) key: &'a [u8],
    pub(crate) family: Family,
}

/// The family of a key, which determines what it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Rsa,
    P256,
    P384,
    P521,
    /// id-ecPublicKey on another curve, or without a named one.
    OtherEc,
    /// Ed25519, Ed448
    Edwards,
    /// X25519, X448
    Montgomery,
    MlDsa44,
    MlDsa65,
    MlDsa87,
    Other,
}

/// An `RSAPublicKey`'s two INTEGERs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RsaPublicKey<'a> {
    pub(crate) modulus: &'a [u8],
    pub(crate) exponent: &'a [u8],
}

impl<'a> PublicKey<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let sequence = reader
            .expect(tag::SEQUENCE)
            .explain("subjectPublicKeyInfo is not a SEQUENCE")?;
        let mut fields = sequence.reader();
        let algorithm = Algorithm::read(&mut fields, "the public key's algorithm is not a SEQUENCE")?;
        let key = fields
            .expect(tag::BIT_STRING)
            .explain("subjectPublicKey is not a BIT STRING")?;
        fields
            .finish()
            .explain("subjectPublicKeyInfo has more than algorithm and key")?;
        let (key, unused) = der::bit_string(key.content)?;
        if unused != 0 {
            return Err(Malformed("subjectPublicKey is not of whole octets"));
        }
        Ok(Self {
            algorithm,
            key,
            family: family(&algorithm),
        })
    }

    /// The two INTEGERs of an RSA key; `None` if the key is of another family or malformed.
    pub(crate) fn rsa(&self) -> Option<RsaPublicKey<'a>> {
        if self.family != Family::Rsa {
            return None;
        }
        let mut fields = Reader::only(self.key, tag::SEQUENCE).ok()?;
        let modulus = fields.expect(tag::INTEGER).ok()?.content;
        let exponent = fields.expect(tag::INTEGER).ok()?.content;
        fields.finish().ok()?;
        Some(RsaPublicKey {
            modulus: der::integer(modulus).ok()?,
            exponent: der::integer(exponent).ok()?,
        })
    }
}

impl Family {
    /// Whether keys of the family make or verify signatures.
    pub(crate) fn signs(self) -> bool {
        !matches!(self, Self::Montgomery | Self::Other)
    }

    /// Whether keys of the family are for key agreement.
    pub(crate) fn agrees(self) -> bool {
        matches!(
            self,
            Self::P256 | Self::P384 | Self::P521 | Self::OtherEc | Self::Montgomery
        )
    }

    /// Length of the family's keys in octets, if it is fixed.
    pub(crate) fn key_octets(self) -> Option<usize> {
        match self {
            Self::P256 => Some(65),
            Self::P384 => Some(97),
            Self::P521 => Some(133),
            Self::MlDsa44 => Some(1312),
            Self::MlDsa65 => Some(1952),
            Self::MlDsa87 => Some(2592),
            Self::Rsa | Self::OtherEc | Self::Edwards | Self::Montgomery | Self::Other => None,
        }
    }
}

fn family(algorithm: &Algorithm<'_>) -> Family {
    match algorithm.oid {
        oid::RSA_ENCRYPTION => Family::Rsa,
        oid::EC_PUBLIC_KEY => match algorithm.parameters {
            Some(curve) if curve.tag == tag::OID => match oid::Oid(curve.content) {
                oid::P256 => Family::P256,
                oid::P384 => Family::P384,
                oid::P521 => Family::P521,
                _ => Family::OtherEc,
            },
            _ => Family::OtherEc,
        },
        oid::ED25519 | oid::ED448 => Family::Edwards,
        oid::X25519 | oid::X448 => Family::Montgomery,
        oid::ML_DSA_44 => Family::MlDsa44,
        oid::ML_DSA_65 => Family::MlDsa65,
        oid::ML_DSA_87 => Family::MlDsa87,
        _ => Family::Other,
    }
}
