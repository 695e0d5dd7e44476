//! Extensions by name, with decoded values.

use super::InspectLimits;
use super::der::{self, Extension};
use super::general_name;
use super::value::{ExtensionValue, Field, Value, colons, shortened};
use crate::crl::IssuingDistributionPoint;
use crate::oid_names::Named;
use crate::time::UnixTime;
use crate::tlv::{NotDer, Reader, Tlv, tag};

/// Every extension of an Extensions sequence's content.
pub(super) fn list(mut extensions: Reader<'_>, limits: &InspectLimits) -> Result<Value, NotDer> {
    let mut all = Vec::new();
    while !extensions.is_empty() {
        all.push(Extension::next(&mut extensions)?);
    }
    Ok(Value::list(all.into_iter(), limits.list_items, |extension| {
        describe(&extension, limits)
    }))
}

/// One extension.
fn describe(extension: &Extension<'_>, limits: &InspectLimits) -> Value {
    let named = Named::of(extension.oid);
    let content = extension.value;
    let value = match decode(&named.oid, content, limits) {
        Ok(Some(value)) => value,
        Ok(None) => shortened(content, limits.octets).into(),
        Err(_) => format!("(malformed) {}", shortened(content, limits.octets)).into(),
    };
    Value::Extension(Box::new(ExtensionValue {
        label: named.to_label(),
        name: named.to_name(),
        oid: named.oid,
        critical: extension.critical,
        value,
    }))
}

/// Decodes the value of a supported extension.
fn decode(oid: &str, content: &[u8], limits: &InspectLimits) -> Result<Option<Value>, NotDer> {
    let value = match oid {
        "2.5.29.14" => colons(der::only(content, tag::OCTET_STRING)?.content).into(),
        "2.5.29.15" => bits(der::only(content, tag::BIT_STRING)?.content, &KEY_USAGES)?,
        "2.5.29.17" | "2.5.29.18" | "2.5.29.29" => each(content, limits, |name| Ok(general_name::text(name).into()))?,
        "2.5.29.19" => basic_constraints(content)?,
        "2.5.29.20" | "2.5.29.27" | "2.5.29.54" => number(&der::only(content, tag::INTEGER)?)?,
        "2.5.29.28" => issuing_distribution_point(content, limits)?,
        "2.5.29.30" => name_constraints(content, limits)?,
        "2.5.29.31" | "2.5.29.46" => each(content, limits, distribution_point)?,
        "2.5.29.32" => each(content, limits, policy)?,
        "2.5.29.33" => each(content, limits, policy_mapping)?,
        "2.5.29.35" => authority_key_identifier(content)?,
        "2.5.29.36" => policy_constraints(content)?,
        "2.5.29.37" => each(content, limits, |usage| {
            oid_of(usage).map(|usage| Value::from(usage.to_name()))
        })?,
        "1.3.6.1.5.5.7.1.1" | "1.3.6.1.5.5.7.1.11" => each(content, limits, access_description)?,
        "1.3.6.1.5.5.7.1.24" => each(content, limits, tls_feature)?,
        "1.3.6.1.5.5.7.48.1.5" | "1.3.6.1.4.1.11129.2.4.3" => {
            // Both are NULL: only their presence matters.
            der::only(content, tag::NULL)?;
            true.into()
        }
        "1.3.6.1.4.1.11129.2.4.2" => signed_certificate_timestamps(content, limits)?,
        "2.16.840.1.113730.1.13" => {
            let comment = Reader::new(content).read()?;
            comment.content.escape_ascii().to_string().into()
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

/// RFC 5280 section 4.2.1.3, from bit 0.
const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

/// `ReasonFlags` (section 4.2.1.13), from bit 0.
const REASON_FLAGS: [&str; 9] = [
    "unused",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "privilegeWithdrawn",
    "aACompromise",
];

/// The names of the bits that are set in a BIT STRING's content.
fn bits(content: &[u8], names: &[&str]) -> Result<Value, NotDer> {
    let [0..=7, octets @ ..] = content else {
        return Err(NotDer::Unexpected);
    };
    let set = (0..names.len().min(octets.len() * 8)).filter(|bit| octets[bit / 8] & (0x80 >> (bit % 8)) != 0);
    Ok(Value::list(set, names.len(), |bit| names[bit].into()))
}

/// A sequence's elements, each described.
fn each(
    content: &[u8],
    limits: &InspectLimits,
    mut make: impl FnMut(&Tlv<'_>) -> Result<Value, NotDer>,
) -> Result<Value, NotDer> {
    each_of(der::only(content, tag::SEQUENCE)?.reader(), limits, &mut make)
}

fn each_of(
    mut reader: Reader<'_>,
    limits: &InspectLimits,
    make: &mut impl FnMut(&Tlv<'_>) -> Result<Value, NotDer>,
) -> Result<Value, NotDer> {
    let mut items = Vec::new();
    let mut omitted = 0;
    while !reader.is_empty() {
        let element = reader.read()?;
        if items.len() < limits.list_items {
            items.push(make(&element)?);
        } else {
            omitted += 1;
        }
    }
    Ok(Value::List { items, omitted })
}

fn oid_of(element: &Tlv<'_>) -> Result<Named, NotDer> {
    if element.tag != tag::OID {
        return Err(NotDer::Unexpected);
    }
    Ok(Named::of(element.content))
}

/// A non-negative INTEGER: as a number, or if it is too large as its octets.
fn number(element: &Tlv<'_>) -> Result<Value, NotDer> {
    let magnitude = der::unsigned(element.content)?;
    Ok(der::as_u64(magnitude).map_or_else(|| colons(magnitude).into(), Value::from))
}

fn basic_constraints(content: &[u8]) -> Result<Value, NotDer> {
    let mut fields = der::only(content, tag::SEQUENCE)?.reader();
    let ca = match fields.optional(tag::BOOLEAN)? {
        Some(flag) => der::boolean(flag.content)?,
        None => false,
    };
    let mut group = vec![Field::new("ca", "CA", ca)];
    if let Some(path_len) = fields.optional(tag::INTEGER)? {
        group.push(Field::new("pathLength", "Path length", number(&path_len)?));
    }
    fields.finish()?;
    Ok(group.into())
}

fn authority_key_identifier(content: &[u8]) -> Result<Value, NotDer> {
    let mut fields = der::only(content, tag::SEQUENCE)?.reader();
    let mut group = Vec::new();
    if let Some(identifier) = fields.optional(tag::context(0))? {
        group.push(Field::new("keyIdentifier", "Key", colons(identifier.content)));
    }
    if let Some(issuer) = fields.optional(tag::context_constructed(1))? {
        group.push(Field::new("issuer", "Issuer", general_name::texts(issuer.reader())?));
    }
    if let Some(serial) = fields.optional(tag::context(2))? {
        group.push(Field::new("serialNumber", "Serial number", colons(serial.content)));
    }
    fields.finish()?;
    Ok(group.into())
}

/// The names of a `DistributionPointName`.
fn distribution_point_name(name: &Tlv<'_>) -> Result<String, NotDer> {
    let mut choice = name.reader();
    if let Some(full_name) = choice.optional(tag::context_constructed(0))? {
        choice.finish()?;
        return general_name::texts(full_name.reader());
    }
    let relative = choice.expect(tag::context_constructed(1))?;
    choice.finish()?;
    let as_name = der::wrap(tag::SEQUENCE, &[&der::wrap(tag::SET, &[relative.content])]);
    Ok(format!(
        "relative to the issuer: {}",
        general_name::directory_name(&as_name)
    ))
}

fn distribution_point(point: &Tlv<'_>) -> Result<Value, NotDer> {
    if point.tag != tag::SEQUENCE {
        return Err(NotDer::Unexpected);
    }
    let mut fields = point.reader();
    let name = fields.optional(tag::context_constructed(0))?;
    let reasons = fields.optional(tag::context(1))?;
    let issuer = fields.optional(tag::context_constructed(2))?;
    fields.finish()?;
    let name = name.map(|name| distribution_point_name(&name)).transpose()?;
    if let (Some(name), None, None) = (&name, &reasons, &issuer) {
        return Ok(name.as_str().into());
    }
    let mut group = Vec::new();
    if let Some(name) = name {
        group.push(Field::new("name", "Name", name));
    }
    if let Some(reasons) = reasons {
        group.push(Field::new("reasons", "Reasons", bits(reasons.content, &REASON_FLAGS)?));
    }
    if let Some(issuer) = issuer {
        group.push(Field::new(
            "crlIssuer",
            "CRL issuer",
            general_name::texts(issuer.reader())?,
        ));
    }
    Ok(group.into())
}

fn issuing_distribution_point(content: &[u8], limits: &InspectLimits) -> Result<Value, NotDer> {
    let point = IssuingDistributionPoint::read(content)?;
    let mut fields = der::only(content, tag::SEQUENCE)?.reader();
    let mut group = Vec::new();
    if let Some(name) = fields.optional(tag::context_constructed(0))? {
        group.push(Field::new("name", "Name", distribution_point_name(&name)?));
    }
    let scope = [
        (point.only_user_certificates, "onlyContainsUserCerts"),
        (point.only_ca_certificates, "onlyContainsCACerts"),
        (point.only_some_reasons, "onlySomeReasons"),
        (point.indirect, "indirectCRL"),
        (point.only_attribute_certificates, "onlyContainsAttributeCerts"),
    ];
    let set = scope.iter().filter(|(set, _)| *set);
    if set.clone().count() > 0 {
        let scope = Value::list(set, limits.list_items, |(_, name)| (*name).into());
        group.push(Field::new("scope", "Scope", scope));
    }
    Ok(group.into())
}

fn name_constraints(content: &[u8], limits: &InspectLimits) -> Result<Value, NotDer> {
    let mut fields = der::only(content, tag::SEQUENCE)?.reader();
    let permitted = fields.optional(tag::context_constructed(0))?;
    let excluded = fields.optional(tag::context_constructed(1))?;
    fields.finish()?;
    let mut group = Vec::new();
    for (key, label, subtrees) in [
        ("permitted", "Permitted", permitted),
        ("excluded", "Excluded", excluded),
    ] {
        if let Some(subtrees) = subtrees {
            let subtrees = each_of(subtrees.reader(), limits, &mut |subtree| {
                let base = subtree.reader().read()?;
                Ok(general_name::text(&base).into())
            })?;
            group.push(Field::new(key, label, subtrees));
        }
    }
    Ok(group.into())
}

fn policy(information: &Tlv<'_>) -> Result<Value, NotDer> {
    let mut fields = information.reader();
    let policy = oid_of(&fields.read()?)?;
    let qualifiers = fields.optional(tag::SEQUENCE)?;
    fields.finish()?;
    let policy = match policy.label {
        Some(label) => format!("{} ({label})", policy.oid),
        None => policy.oid,
    };
    let Some(qualifiers) = qualifiers else {
        return Ok(policy.into());
    };
    let mut texts = Vec::new();
    let mut qualifiers = qualifiers.reader();
    while !qualifiers.is_empty() {
        let mut qualifier = qualifiers.expect(tag::SEQUENCE)?.reader();
        let kind = oid_of(&qualifier.read()?)?;
        let value = qualifier.read()?;
        qualifier.finish()?;
        let text = policy_qualifier(&value)?;
        texts.push(Value::from(format!("{} {text}", kind.to_label())));
    }
    Ok(vec![
        Field::new("policy", "Policy", policy),
        Field::new(
            "qualifiers",
            "Qualifiers",
            Value::list(texts.into_iter(), 32, |text| text),
        ),
    ]
    .into())
}

/// The address of a practice statement, or the explicit text of a user notice (RFC 5280 section 4.2.1.4).
fn policy_qualifier(value: &Tlv<'_>) -> Result<String, NotDer> {
    if value.tag != tag::SEQUENCE {
        return Ok(general_name::string_or_octets(value));
    }
    let mut notice = value.reader();
    notice.optional(tag::SEQUENCE)?;
    if notice.is_empty() {
        return Ok(general_name::string_or_octets(value));
    }
    Ok(general_name::string_or_octets(&notice.read()?))
}

fn policy_mapping(mapping: &Tlv<'_>) -> Result<Value, NotDer> {
    let mut fields = mapping.reader();
    let issuer = oid_of(&fields.read()?)?;
    let subject = oid_of(&fields.read()?)?;
    fields.finish()?;
    Ok(format!("{} = {}", issuer.oid, subject.oid).into())
}

fn policy_constraints(content: &[u8]) -> Result<Value, NotDer> {
    let mut fields = der::only(content, tag::SEQUENCE)?.reader();
    let mut group = Vec::new();
    if let Some(skip) = fields.optional(tag::context(0))? {
        let skip = number(&skip)?;
        group.push(Field::new(
            "requireExplicitPolicy",
            "Require explicit policy after",
            skip,
        ));
    }
    if let Some(skip) = fields.optional(tag::context(1))? {
        let skip = number(&skip)?;
        group.push(Field::new("inhibitPolicyMapping", "Inhibit policy mapping after", skip));
    }
    fields.finish()?;
    Ok(group.into())
}

fn access_description(description: &Tlv<'_>) -> Result<Value, NotDer> {
    let mut fields = description.reader();
    let method = oid_of(&fields.read()?)?;
    let location = fields.read()?;
    fields.finish()?;
    Ok(vec![
        Field::new("method", "Method", method.to_label()),
        Field::new("location", "Location", general_name::text(&location)),
    ]
    .into())
}

/// RFC 7633: the numbers of TLS extensions.
fn tls_feature(feature: &Tlv<'_>) -> Result<Value, NotDer> {
    let number = der::as_u64(der::unsigned(feature.content)?).ok_or(NotDer::Unexpected)?;
    Ok(match number {
        5 => "status_request (must staple)".into(),
        17 => "status_request_v2".into(),
        other => other.to_string().into(),
    })
}

/// RFC 6962 section 3.3: which logs promised to publish the certificate, and when.
fn signed_certificate_timestamps(content: &[u8], limits: &InspectLimits) -> Result<Value, NotDer> {
    let list = der::only(content, tag::OCTET_STRING)?.content;
    let (mut list, rest) = vector(list)?;
    if !rest.is_empty() {
        return Err(NotDer::Unexpected);
    }
    let mut timestamps = Vec::new();
    while !list.is_empty() {
        let (timestamp, rest) = vector(list)?;
        list = rest;
        // version, log id, milliseconds
        let log = timestamp.get(1..33).ok_or(NotDer::Unexpected)?;
        let milliseconds = timestamp.get(33..41).and_then(der::as_u64).ok_or(NotDer::Unexpected)?;
        timestamps.push((log, milliseconds));
    }
    Ok(Value::list(
        timestamps.into_iter(),
        limits.list_items,
        |(log, milliseconds)| {
            let time = UnixTime(i64::try_from(milliseconds / 1000).unwrap_or(i64::MAX));
            vec![
                Field::new("time", "Time", time.to_string()),
                Field::new("log", "Log", data_encoding::BASE64.encode(log)),
            ]
            .into()
        },
    ))
}

/// A TLS vector with a length of two octets, and what follows it.
fn vector(octets: &[u8]) -> Result<(&[u8], &[u8]), NotDer> {
    let (length, rest) = octets.split_first_chunk::<2>().ok_or(NotDer::Unexpected)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(NotDer::Unexpected)
}
