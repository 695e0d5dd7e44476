//! Parses DER into the parts of a certificate (RFC 5280 section 4.1).

use std::collections::HashSet;
use std::ops::Range;

use const_oid::ObjectIdentifier;
use sha1::{Digest, Sha1};

use super::{BasicConstraints, CertificateError, KeyUsage, oid};
use crate::key::KeyIdentifier;
use crate::name::Name;
use crate::san::{self, AltName};
use crate::serial::Serial;
use crate::time::UnixTime;
use crate::tlv::der::{self, Extension, range_in};
use crate::tlv::{NotDer, Reader, Tlv, tag, time};

pub(super) const TOO_LARGE: CertificateError = malformed("it is longer than 1 MiB");

/// The ranges of fields in a certificate's DER, and parsed values.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) tbs: Range<usize>,
    pub(super) signature_algorithm: Range<usize>,
    pub(super) signature_algorithm_oid: ObjectIdentifier,
    pub(super) signature: Range<usize>,
    pub(super) serial: Serial,
    pub(super) issuer: Name,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) subject: Name,
    pub(super) spki: Range<usize>,
    pub(super) extensions: Vec<ExtensionPart>,
    pub(super) subject_key_identifier: Option<Range<usize>>,
    pub(super) authority_key_identifier: Option<Range<usize>>,
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usages: Vec<ObjectIdentifier>,
    pub(super) alt_names: Vec<AltName>,
}

/// An extension, with the range of its value.
#[derive(Clone, Debug)]
pub(super) struct ExtensionPart {
    pub(super) oid: ObjectIdentifier,
    pub(super) critical: bool,
    pub(super) value: Range<usize>,
}

fn not_a_certificate(document: &[u8]) -> CertificateError {
    CertificateError::NotACertificate {
        why: crate::pem::diagnose(document),
    }
}

/// Parses a whole certificate.
pub(super) fn certificate(document: &[u8]) -> Result<Parts, CertificateError> {
    if document.len() > super::Certificate::MAX_OCTETS {
        return Err(TOO_LARGE);
    }
    // A document that does not start like a certificate is reported as not being one, rather than as malformed.
    let mut fields = Reader::only(document, tag::SEQUENCE).map_err(|_: NotDer| not_a_certificate(document))?;
    let tbs = fields
        .expect(tag::SEQUENCE)
        .map_err(|_: NotDer| not_a_certificate(document))?;
    let (algorithm, signature) = signature(fields).or_malformed("its signature is not well-formed")?;
    let signature_algorithm_oid = algorithm.reader().read().and_then(|oid| oid.oid());
    let signature_algorithm_oid = signature_algorithm_oid.or_malformed("its signature algorithm is not well-formed")?;

    let mut fields = tbs.reader();
    let version = version(&mut fields).or_malformed("its version is none of RFC 5280's")?;
    let serial = serial(&mut fields)?;
    let inner_algorithm = fields
        .expect(tag::SEQUENCE)
        .or_malformed("its signature algorithm is not well-formed")?;
    if inner_algorithm.raw != algorithm.raw {
        return Err(malformed("its two signature algorithms differ"));
    }
    let issuer = name(&mut fields).or_malformed("its issuer is not well-formed")?;
    let (not_before, not_after) = validity(&mut fields).or_malformed("its validity is not well-formed")?;
    let subject = name(&mut fields).or_malformed("its subject is not well-formed")?;
    let spki = fields
        .expect(tag::SEQUENCE)
        .or_malformed("its public key is not well-formed")?;
    unique_identifiers(&mut fields, version).or_malformed("its unique identifiers are not well-formed")?;
    let extensions = extensions(document, fields, version)?;

    let mut parts = Parts {
        tbs: range_in(document, tbs.raw),
        signature_algorithm: range_in(document, algorithm.raw),
        signature_algorithm_oid,
        signature: range_in(document, signature),
        serial,
        issuer,
        not_before,
        not_after,
        subject,
        spki: range_in(document, spki.raw),
        extensions: Vec::new(),
        subject_key_identifier: None,
        authority_key_identifier: None,
        basic_constraints: None,
        key_usage: None,
        extended_key_usages: Vec::new(),
        alt_names: Vec::new(),
    };
    for extension in &extensions {
        parts.take_extension(document, extension)?;
    }
    parts.extensions = extensions;
    Ok(parts)
}

impl Parts {
    /// Parses the extensions that every caller needs.
    fn take_extension(&mut self, document: &[u8], extension: &ExtensionPart) -> Result<(), CertificateError> {
        let value = &document[extension.value.clone()];
        match extension.oid {
            oid::SUBJECT_KEY_IDENTIFIER => {
                let identifier =
                    der::only(value, tag::OCTET_STRING).or_malformed("its subjectKeyIdentifier is not well-formed")?;
                self.subject_key_identifier = Some(range_in(document, identifier.content));
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                let identifier =
                    authority_key_identifier(value).or_malformed("its authorityKeyIdentifier is not well-formed")?;
                self.authority_key_identifier = identifier.map(|octets| range_in(document, octets));
            }
            oid::BASIC_CONSTRAINTS => {
                self.basic_constraints =
                    Some(basic_constraints(value).or_malformed("its basicConstraints is not well-formed")?);
            }
            oid::KEY_USAGE => {
                self.key_usage = Some(KeyUsage::from_der(value).or_malformed("its keyUsage is not well-formed")?);
            }
            oid::EXTENDED_KEY_USAGE => {
                self.extended_key_usages =
                    extended_key_usages(value).or_malformed("its extKeyUsage is not well-formed")?;
            }
            oid::SUBJECT_ALT_NAME => {
                self.alt_names = san::from_der(value).or_malformed("its subjectAltName is not well-formed")?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The fields after the TBSCertificate: the algorithm, and the signature's octets.
fn signature(mut fields: Reader<'_>) -> Result<(Tlv<'_>, &[u8]), NotDer> {
    let algorithm = fields.expect(tag::SEQUENCE)?;
    let signature = fields.expect(tag::BIT_STRING)?.whole_octets()?;
    fields.finish()?;
    Ok((algorithm, signature))
}

/// The version number, 1, 2 or 3.
fn version(fields: &mut Reader<'_>) -> Result<u8, NotDer> {
    let Some(explicit) = fields.optional(tag::context_constructed(0))? else {
        return Ok(1);
    };
    // Version 1 is the default, and so never encoded.
    match der::only(explicit.content, tag::INTEGER)?.content {
        [number @ 1..=2] => Ok(number + 1),
        _ => Err(NotDer::Unexpected),
    }
}

fn serial(fields: &mut Reader<'_>) -> Result<Serial, CertificateError> {
    let magnitude = fields
        .expect(tag::INTEGER)
        .and_then(|serial| der::unsigned(serial.content));
    let magnitude = magnitude.or_malformed("its serial number is negative or not well-formed")?;
    Serial::from_octets(magnitude).map_err(|_| malformed("its serial number is zero or longer than 20 octets"))
}

fn name(fields: &mut Reader<'_>) -> Result<Name, NotDer> {
    Name::from_der(fields.expect(tag::SEQUENCE)?.raw).map_err(|_| NotDer::Unexpected)
}

fn validity(fields: &mut Reader<'_>) -> Result<(UnixTime, UnixTime), NotDer> {
    let mut times = fields.expect(tag::SEQUENCE)?.reader();
    let not_before = time::parse(&times.read()?).ok_or(NotDer::Unexpected)?;
    let not_after = time::parse(&times.read()?).ok_or(NotDer::Unexpected)?;
    times.finish()?;
    Ok((not_before, not_after))
}

/// Skips issuerUniqueID and subjectUniqueID, which are allowed from version 2 on.
fn unique_identifiers(fields: &mut Reader<'_>, version: u8) -> Result<(), NotDer> {
    let issuer = fields.optional(tag::context(1))?;
    let subject = fields.optional(tag::context(2))?;
    if version == 1 && (issuer.is_some() || subject.is_some()) {
        Err(NotDer::Unexpected)
    } else {
        Ok(())
    }
}

fn extensions(document: &[u8], mut fields: Reader<'_>, version: u8) -> Result<Vec<ExtensionPart>, CertificateError> {
    const DETAIL: &str = "its extensions are not well-formed";
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    if version != 3 {
        return Err(malformed("it has extensions but is not of version 3"));
    }
    let explicit = fields.expect(tag::context_constructed(3)).or_malformed(DETAIL)?;
    fields.finish().or_malformed(DETAIL)?;
    let mut reader = Reader::only(explicit.content, tag::SEQUENCE).or_malformed(DETAIL)?;
    let mut extensions = Vec::with_capacity(12);
    while !reader.is_empty() {
        let extension = Extension::next(&mut reader).or_malformed(DETAIL)?;
        let oid = ObjectIdentifier::from_bytes(extension.oid).map_err(|_| malformed(DETAIL))?;
        let value = range_in(document, extension.value);
        extensions.push(ExtensionPart {
            oid,
            critical: extension.critical,
            value,
        });
    }
    if extensions.is_empty() {
        return Err(malformed(DETAIL));
    }
    if has_duplicates(&extensions) {
        return Err(malformed("it has an extension twice"));
    }
    Ok(extensions)
}

/// A short list is compared pair by pair; a crafted list of many thousands must not cost quadratic time.
fn has_duplicates(extensions: &[ExtensionPart]) -> bool {
    if extensions.len() <= 16 {
        let repeated =
            |(at, extension): (usize, &ExtensionPart)| extensions[..at].iter().any(|each| each.oid == extension.oid);
        return extensions.iter().enumerate().any(repeated);
    }
    let mut seen = HashSet::with_capacity(extensions.len());
    !extensions.iter().all(|extension| seen.insert(extension.oid))
}

fn authority_key_identifier(value: &[u8]) -> Result<Option<&[u8]>, NotDer> {
    let mut fields = Reader::only(value, tag::SEQUENCE)?;
    let identifier = fields.optional(tag::context(0))?;
    fields.optional(tag::context_constructed(1))?;
    fields.optional(tag::context(2))?;
    fields.finish()?;
    Ok(identifier.map(|identifier| identifier.content))
}

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, NotDer> {
    let mut fields = Reader::only(value, tag::SEQUENCE)?;
    let ca = fields
        .optional(tag::BOOLEAN)?
        .map_or(Ok(false), |flag| der::boolean(flag.content))?;
    let path_len = match fields.optional(tag::INTEGER)? {
        None => None,
        Some(number) => match der::unsigned(number.content)? {
            [number] => Some(*number),
            _ => Some(u8::MAX),
        },
    };
    fields.finish()?;
    Ok(BasicConstraints { ca, path_len })
}

fn extended_key_usages(value: &[u8]) -> Result<Vec<ObjectIdentifier>, NotDer> {
    let mut reader = Reader::only(value, tag::SEQUENCE)?;
    let mut usages = Vec::new();
    while !reader.is_empty() {
        usages.push(reader.read()?.oid()?);
    }
    Ok(usages)
}

/// certificatePolicies.
pub(super) fn policies(value: &[u8]) -> Result<Vec<ObjectIdentifier>, CertificateError> {
    each(value, |policy| policy.reader().read()?.oid()).or_malformed("its certificatePolicies is not well-formed")
}

/// The URLs of cRLDistributionPoints' full names.
pub(super) fn distribution_points(value: &[u8]) -> Result<Vec<String>, CertificateError> {
    let points = each(value, |point| {
        let Some(name) = point.reader().optional(tag::context_constructed(0))? else {
            return Ok(Vec::new());
        };
        let Some(mut names) = name
            .reader()
            .optional(tag::context_constructed(0))?
            .map(|full| full.reader())
        else {
            return Ok(Vec::new());
        };
        let mut urls = Vec::new();
        while !names.is_empty() {
            urls.extend(uri(&names.read()?)?);
        }
        Ok(urls)
    });
    points
        .map(|points| points.concat())
        .or_malformed("its cRLDistributionPoints is not well-formed")
}

/// The URLs of authorityInfoAccess for one access method.
pub(super) fn access_locations(value: &[u8], method: &ObjectIdentifier) -> Result<Vec<String>, CertificateError> {
    let locations = each(value, |description| {
        let mut fields = description.reader();
        let is_asked_for = fields.read()?.oid()? == *method;
        let location = uri(&fields.read()?)?;
        Ok(location.filter(|_| is_asked_for))
    });
    locations
        .map(|locations| locations.into_iter().flatten().collect())
        .or_malformed("its authorityInfoAccess is not well-formed")
}

/// A `GeneralName`'s URI.
fn uri(name: &Tlv<'_>) -> Result<Option<String>, NotDer> {
    if name.tag == tag::context(6) {
        san::text(name.content).map(Some)
    } else {
        Ok(None)
    }
}

/// Every element of a SEQUENCE OF SEQUENCE.
fn each<'a, T>(value: &'a [u8], read: impl Fn(&Tlv<'a>) -> Result<T, NotDer>) -> Result<Vec<T>, NotDer> {
    let mut reader = Reader::only(value, tag::SEQUENCE)?;
    let mut all = Vec::new();
    while !reader.is_empty() {
        all.push(read(&reader.expect(tag::SEQUENCE)?)?);
    }
    Ok(all)
}

/// SHA-1 of the bits of a subjectPublicKey (RFC 5280 section 4.2.1.2, method 1), of any algorithm; of the whole value
/// where it has no such bits, so that there always is an identifier.
pub(super) fn key_identifier(spki: &[u8]) -> KeyIdentifier {
    let bits = || {
        let mut fields = Reader::only(spki, tag::SEQUENCE)?;
        fields.expect(tag::SEQUENCE)?;
        fields.expect(tag::BIT_STRING)?.whole_octets()
    };
    KeyIdentifier(Sha1::digest(bits().unwrap_or(spki)).into())
}

/// Adds a description to a parsing error.
trait OrMalformed<T> {
    fn or_malformed(self, detail: &'static str) -> Result<T, CertificateError>;
}

impl<T> OrMalformed<T> for Result<T, NotDer> {
    fn or_malformed(self, detail: &'static str) -> Result<T, CertificateError> {
        self.map_err(|_: NotDer| malformed(detail))
    }
}

pub(super) const fn malformed(detail: &'static str) -> CertificateError {
    CertificateError::Malformed { detail }
}
