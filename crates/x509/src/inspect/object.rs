//! Certificates, requests and CRLs, field by field.
//!
//! Parsed here separately from the strict parsers, so that a faulty object can still be inspected: fields before the
//! malformed part are shown.

use num_bigint::BigInt;

use super::InspectLimits;
use super::extensions;
use super::general_name::{self, directory_name};
use super::key;
use super::value::{Field, Value, shortened};
use crate::crl::RevocationReason;
use crate::crl::entry::RawEntry;
use crate::oid_names::Named;
use crate::time::{DAY, UnixTime};
use crate::tlv::der;
use crate::tlv::time;
use crate::tlv::{NotDer, Reader, Tlv, tag};

/// The parts that certificates, requests and CRLs have in common.
pub(super) struct Signed<'a> {
    pub(super) content: Tlv<'a>,
    algorithm: Tlv<'a>,
}

impl<'a> Signed<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, NotDer> {
        let mut parts = der::only(der, tag::SEQUENCE)?.reader();
        let content = parts.expect(tag::SEQUENCE)?;
        let algorithm = parts.expect(tag::SEQUENCE)?;
        parts.expect(tag::BIT_STRING)?;
        parts.finish()?;
        Ok(Self { content, algorithm })
    }

    fn signature_algorithm(&self) -> Result<Field, NotDer> {
        let name = algorithm_name(&self.algorithm)?;
        Ok(Field::new("signatureAlgorithm", "Signature algorithm", name))
    }
}

fn algorithm_name(algorithm: &Tlv<'_>) -> Result<String, NotDer> {
    Ok(Named::of(algorithm.reader().expect(tag::OID)?.content).to_label())
}

/// Describes a certificate (RFC 5280 section 4.1).
pub(super) fn certificate(der: &[u8], limits: &InspectLimits, fields: &mut Vec<Field>) -> Result<(), NotDer> {
    let signed = Signed::read(der)?;
    let mut tbs = signed.content.reader();
    let version = match tbs.optional(tag::context_constructed(0))? {
        Some(explicit) => version(&explicit.reader().expect(tag::INTEGER)?)?,
        None => 1,
    };
    fields.push(Field::new("version", "Version", version));
    serial(tbs.expect(tag::INTEGER)?.content, fields);
    tbs.expect(tag::SEQUENCE)?;
    fields.push(signed.signature_algorithm()?);
    let issuer = directory_name(tbs.expect(tag::SEQUENCE)?.raw);
    fields.push(Field::new("issuer", "Issuer", issuer));
    let validity = tbs.expect(tag::SEQUENCE)?;
    let subject = directory_name(tbs.expect(tag::SEQUENCE)?.raw);
    fields.push(Field::new("subject", "Subject", subject));
    validity_fields(&validity, fields)?;
    fields.push(Field::new(
        "publicKey",
        "Public key",
        key::fields(&tbs.expect(tag::SEQUENCE)?)?,
    ));
    // issuerUniqueID and subjectUniqueID, which are obsolete, are not shown.
    tbs.optional(tag::context(1))?;
    tbs.optional(tag::context(2))?;
    if let Some(explicit) = tbs.optional(tag::context_constructed(3))? {
        let extensions = der::only(explicit.content, tag::SEQUENCE)?;
        fields.push(Field::new(
            "extensions",
            "Extensions",
            extensions::list(extensions.reader(), limits)?,
        ));
    }
    tbs.finish()
}

/// Describes a certification request (RFC 2986 section 4).
pub(super) fn request(der: &[u8], limits: &InspectLimits, fields: &mut Vec<Field>) -> Result<(), NotDer> {
    let signed = Signed::read(der)?;
    let mut info = signed.content.reader();
    let version = version(&info.expect(tag::INTEGER)?)?;
    fields.push(Field::new("version", "Version", version));
    let subject = directory_name(info.expect(tag::SEQUENCE)?.raw);
    fields.push(Field::new("subject", "Subject", subject));
    let spki = info.expect(tag::SEQUENCE)?;
    fields.push(Field::new("publicKey", "Public key", key::fields(&spki)?));
    fields.push(signed.signature_algorithm()?);
    // Some tools omit the attributes although the RFC does not make them optional.
    if let Some(attributes) = info.optional(tag::context_constructed(0))? {
        request_attributes(attributes.reader(), limits, fields)?;
    }
    info.finish()
}

fn request_attributes(
    mut attributes: Reader<'_>,
    limits: &InspectLimits,
    fields: &mut Vec<Field>,
) -> Result<(), NotDer> {
    let mut requested = None;
    let mut others = Vec::new();
    while !attributes.is_empty() {
        let mut attribute = attributes.expect(tag::SEQUENCE)?.reader();
        let kind = Named::of(attribute.expect(tag::OID)?.content);
        let values = attribute.expect(tag::SET)?;
        attribute.finish()?;
        if values.content.is_empty() {
            // An attribute must have a value (RFC 2986 section 4.1), but some devices write one without: it requests
            // nothing.
            others.push(format!("{}: (no value)", kind.to_label()));
            continue;
        }
        match kind.oid.as_str() {
            "1.2.840.113549.1.9.14" | "1.3.6.1.4.1.311.2.1.14" if requested.is_none() => {
                requested = Some(extensions::list(
                    values.reader().expect(tag::SEQUENCE)?.reader(),
                    limits,
                )?);
            }
            // A secret shared by requester and CA: never shown.
            "1.2.840.113549.1.9.7" => others.push(format!("{}: (not shown)", kind.to_label())),
            _ => {
                let value = values
                    .reader()
                    .read()
                    .map(|value| general_name::string_or_octets(&value))?;
                others.push(format!("{}: {value}", kind.to_label()));
            }
        }
    }
    if let Some(requested) = requested {
        fields.push(Field::new("requestedExtensions", "Requested extensions", requested));
    }
    if !others.is_empty() {
        let others = Value::list(others.into_iter(), limits.list_items, Value::from);
        fields.push(Field::new("attributes", "Other attributes", others));
    }
    Ok(())
}

/// Describes a CRL (RFC 5280 section 5.1).
pub(super) fn revocation_list(der: &[u8], limits: &InspectLimits, fields: &mut Vec<Field>) -> Result<(), NotDer> {
    let signed = Signed::read(der)?;
    let mut tbs = signed.content.reader();
    let version = match tbs.optional(tag::INTEGER)? {
        Some(number) => version(&number)?,
        None => 1,
    };
    fields.push(Field::new("version", "Version", version));
    tbs.expect(tag::SEQUENCE)?;
    fields.push(signed.signature_algorithm()?);
    let issuer = directory_name(tbs.expect(tag::SEQUENCE)?.raw);
    fields.push(Field::new("issuer", "Issuer", issuer));
    let this_update = time::parse(&tbs.read()?).ok_or(NotDer::Unexpected)?;
    fields.push(Field::new("thisUpdate", "This update", this_update.to_string()));
    if let Some(next_update) = der::optional_time(&mut tbs)? {
        let next_update = time::parse(&next_update).ok_or(NotDer::Unexpected)?;
        fields.push(Field::new("nextUpdate", "Next update", next_update.to_string()));
    }
    let entries = tbs.optional(tag::SEQUENCE)?;
    if let Some(explicit) = tbs.optional(tag::context_constructed(0))? {
        let extensions = der::only(explicit.content, tag::SEQUENCE)?;
        fields.push(Field::new(
            "extensions",
            "Extensions",
            extensions::list(extensions.reader(), limits)?,
        ));
    }
    tbs.finish()?;
    revoked_certificates(entries.map(|entries| entries.reader()), limits, fields)
}

fn revoked_certificates(
    entries: Option<Reader<'_>>,
    limits: &InspectLimits,
    fields: &mut Vec<Field>,
) -> Result<(), NotDer> {
    let mut reader = entries.unwrap_or_else(|| Reader::new(&[]));
    let mut items = Vec::new();
    let mut count = 0;
    let mut outcome = Ok(());
    while !reader.is_empty() {
        match RawEntry::next(&mut reader) {
            Ok(entry) => {
                count += 1;
                if items.len() < limits.crl_entries {
                    items.push(revoked_certificate(&entry));
                }
            }
            Err(malformed) => {
                outcome = Err(malformed);
                break;
            }
        }
    }
    fields.push(Field::new("revokedCount", "Revoked certificates", count as u64));
    if count > 0 {
        let omitted = count - items.len();
        fields.push(Field::new("revoked", "Entries", Value::List { items, omitted }));
    }
    outcome
}

fn revoked_certificate(entry: &RawEntry<'_>) -> Value {
    let mut fields = Vec::new();
    serial(entry.serial, &mut fields);
    fields.push(Field::new("revoked", "Revoked", entry.revoked_at.to_string()));
    if let Some(code) = entry.reason {
        let reason = match (RevocationReason::from_code(code), code) {
            (Some(reason), _) => reason.name().to_owned(),
            (None, 8) => "removeFromCRL".to_owned(),
            (None, code) => format!("unknown ({code})"),
        };
        fields.push(Field::new("reason", "Reason", reason));
    }
    if let Some(date) = entry.invalidity_date {
        fields.push(Field::new("invalidityDate", "Invalid since", date.to_string()));
    }
    if let Some(issuer) = &entry.certificate_issuer {
        let issuer = general_name::texts(issuer.reader()).unwrap_or_else(|_: NotDer| "(malformed)".to_owned());
        fields.push(Field::new("certificateIssuer", "Certificate issuer", issuer));
    }
    if let Some(oid) = entry.unknown_critical {
        let oid = Named::of(oid).to_label();
        fields.push(Field::new(
            "unknownCriticalExtension",
            "Unknown critical extension",
            oid,
        ));
    }
    fields.into()
}

/// Describes a SubjectPublicKeyInfo.
pub(super) fn public_key(der: &[u8], fields: &mut Vec<Field>) -> Result<(), NotDer> {
    fields.extend(key::fields(&der::only(der, tag::SEQUENCE)?)?);
    Ok(())
}

/// The version for display: one more than the encoded number, so that a request's is 1 as well.
fn version(element: &Tlv<'_>) -> Result<u64, NotDer> {
    let number = der::as_u64(der::unsigned(element.content)?).ok_or(NotDer::Unexpected)?;
    number.checked_add(1).ok_or(NotDer::Unexpected)
}

/// Decimal and hexadecimal; also zero, negative and over-long numbers, which other CAs have issued.
fn serial(content: &[u8], fields: &mut Vec<Field>) {
    // Conversion to decimal takes quadratic time, and a longer number is of no use to a reader.
    let sane = content.len() <= 64;
    if sane {
        let number = BigInt::from_signed_bytes_be(content);
        fields.push(Field::new("serialNumber", "Serial number", number.to_string()));
    }
    let octets = match content {
        [0, magnitude @ ..] if !magnitude.is_empty() => magnitude,
        octets => octets,
    };
    let hex = if sane {
        format!("0x{}", data_encoding::HEXUPPER.encode(octets))
    } else {
        shortened(octets, 64)
    };
    fields.push(Field::new("serialNumberHex", "Hexadecimal", hex));
}

fn validity_fields(validity: &Tlv<'_>, fields: &mut Vec<Field>) -> Result<(), NotDer> {
    let mut reader = validity.reader();
    let not_before = time::parse(&reader.read()?).ok_or(NotDer::Unexpected)?;
    let not_after = time::parse(&reader.read()?).ok_or(NotDer::Unexpected)?;
    reader.finish()?;
    fields.push(Field::new("notBefore", "Valid from", not_before.to_string()));
    fields.push(Field::new("notAfter", "Valid until", not_after.to_string()));
    fields.push(Field::new("days", "Days", days(not_before, not_after)));
    Ok(())
}

/// The length of the period in whole days; its end is inclusive.
fn days(UnixTime(first): UnixTime, UnixTime(last): UnixTime) -> u64 {
    u64::try_from((last - first + 1) / DAY).unwrap_or(0)
}
