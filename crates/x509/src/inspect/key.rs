//! Public keys of every kind, supported or not.

use aws_lc_rs::digest;

use super::value::{Field, colons};
use crate::oid_names::Named;
use crate::tlv::der;
use crate::tlv::{NotDer, Tlv, tag};

/// Describes a SubjectPublicKeyInfo: kind, size, curve, fingerprint, identifier.
pub(super) fn fields(spki: &Tlv<'_>) -> Result<Vec<Field>, NotDer> {
    let mut info = spki.reader();
    let mut algorithm = info.expect(tag::SEQUENCE)?.reader();
    let key = info.expect(tag::BIT_STRING)?.whole_octets()?;
    info.finish()?;
    let kind = Named::of(algorithm.expect(tag::OID)?.content);

    let mut fields = vec![Field::new("algorithm", "Algorithm", kind.to_label())];
    match kind.oid.as_str() {
        RSA | RSA_PSS => {
            let (bits, exponent) = rsa(key)?;
            fields.push(Field::new("bits", "Size", bits));
            fields.push(Field::new("exponent", "Exponent", exponent));
        }
        EC => {
            let curve = algorithm.read()?;
            let curve = if curve.tag == tag::OID {
                Named::of(curve.content)
            } else {
                // Explicit ecParameters: RFC 5480 section 2.1.1 forbids them.
                Named {
                    oid: "explicit parameters".to_owned(),
                    name: None,
                    label: None,
                }
            };
            if let Some(bits) = curve_bits(&curve.oid) {
                fields.push(Field::new("bits", "Size", bits));
            }
            fields.push(Field::new("curve", "Curve", curve.to_label()));
        }
        DSA => {
            if let Some(parameters) = algorithm.optional(tag::SEQUENCE)? {
                let prime = parameters.reader().expect(tag::INTEGER)?;
                fields.push(Field::new("bits", "Size", bit_length(der::unsigned(prime.content)?)));
            }
        }
        _ => {}
    }
    fields.extend([
        Field::new("sha256", "SHA-256", sha256(spki.raw)),
        Field::new("keyIdentifier", "Identifier", sha1(key)),
    ]);
    Ok(fields)
}

const RSA: &str = "1.2.840.113549.1.1.1";
const RSA_PSS: &str = "1.2.840.113549.1.1.10";
const EC: &str = "1.2.840.10045.2.1";
const DSA: &str = "1.2.840.10040.4.1";

fn rsa(key: &[u8]) -> Result<(u64, String), NotDer> {
    let mut fields = der::only(key, tag::SEQUENCE)?.reader();
    let modulus = der::unsigned(fields.expect(tag::INTEGER)?.content)?;
    let exponent = der::unsigned(fields.expect(tag::INTEGER)?.content)?;
    fields.finish()?;
    let exponent = der::as_u64(exponent).map_or_else(|| colons(exponent), |number| number.to_string());
    Ok((bit_length(modulus), exponent))
}

fn bit_length(magnitude: &[u8]) -> u64 {
    let zeros = magnitude.first().map_or(0, |first| first.leading_zeros());
    (magnitude.len() as u64 * 8).saturating_sub(u64::from(zeros))
}

fn curve_bits(oid: &str) -> Option<u64> {
    match oid {
        "1.3.132.0.33" => Some(224),
        "1.2.840.10045.3.1.7" | "1.3.132.0.10" | "1.3.36.3.3.2.8.1.1.7" => Some(256),
        "1.3.132.0.34" | "1.3.36.3.3.2.8.1.1.11" => Some(384),
        "1.3.36.3.3.2.8.1.1.13" => Some(512),
        "1.3.132.0.35" => Some(521),
        _ => None,
    }
}

/// SHA-256, separated by colons.
pub(super) fn sha256(octets: &[u8]) -> String {
    colons(digest::digest(&digest::SHA256, octets).as_ref())
}

/// SHA-1, separated by colons: used as an identifier only, not for security.
pub(super) fn sha1(octets: &[u8]) -> String {
    colons(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref())
}
