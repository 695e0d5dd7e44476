//! `GeneralName` (RFC 5280 section 4.2.1.6), to and from DER.

use std::net::IpAddr;

use super::AltName;
use crate::name::Name;
use crate::tlv::{NotDer, Reader, Tlv, Writer, tag};

const OTHER_NAME: u8 = tag::context_constructed(0);
const X400_ADDRESS: u8 = tag::context_constructed(3);
const EDI_PARTY_NAME: u8 = tag::context_constructed(5);
const REGISTERED_ID: u8 = tag::context(8);
const RFC822_NAME: u8 = tag::context(1);
const DNS_NAME: u8 = tag::context(2);
const DIRECTORY_NAME: u8 = tag::context_constructed(4);
const URI: u8 = tag::context(6);
const IP_ADDRESS: u8 = tag::context(7);

/// Writes `GeneralNames`.
pub(crate) fn write_all(writer: &mut Writer, names: &[AltName]) {
    writer.nested(tag::SEQUENCE, |writer| {
        for name in names {
            write(writer, name);
        }
    });
}

/// Writes a uniformResourceIdentifier.
pub(crate) fn write_uri(writer: &mut Writer, uri: &str) {
    writer.value(URI, uri.as_bytes());
}

fn write(writer: &mut Writer, name: &AltName) {
    match name {
        AltName::Dns(text) => writer.value(DNS_NAME, text.as_bytes()),
        AltName::Ip(IpAddr::V4(address)) => writer.value(IP_ADDRESS, &address.octets()),
        AltName::Ip(IpAddr::V6(address)) => writer.value(IP_ADDRESS, &address.octets()),
        AltName::Email(text) => writer.value(RFC822_NAME, text.as_bytes()),
        AltName::Uri(text) => write_uri(writer, text),
        // A CHOICE cannot have an implicit tag: the Name is inside an explicit one.
        AltName::Directory(name) => writer.value(DIRECTORY_NAME, name.as_der()),
    }
}

/// Parses the DER of `GeneralNames`, leaving out names of other types and addresses of an invalid length.
pub(crate) fn from_der(der: &[u8]) -> Result<Vec<AltName>, NotDer> {
    let mut reader = Reader::only(der, tag::SEQUENCE)?;
    let mut names = Vec::new();
    while !reader.is_empty() {
        names.extend(alt_name(&reader.read()?)?);
    }
    Ok(names)
}

/// An alternative name in a CSR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedName {
    /// A name of a supported type, unchecked.
    Known(AltName),
    /// A name of another type, or malformed.
    Other {
        /// The type's name in RFC 5280, e.g. `otherName 1.3.6.1.4.1.311.20.2.3`.
        kind: String,
    },
}

/// Parses the DER of `GeneralNames`, including those that no certificate here can have.
pub(crate) fn all_from_der(der: &[u8]) -> Result<Vec<RequestedName>, NotDer> {
    let mut reader = Reader::only(der, tag::SEQUENCE)?;
    let mut names = Vec::new();
    while !reader.is_empty() {
        let value = reader.read()?;
        names.push(match alt_name(&value) {
            Ok(Some(name)) => RequestedName::Known(name),
            Ok(None) | Err(_) => RequestedName::Other { kind: kind(&value) },
        });
    }
    Ok(names)
}

/// The name of a `GeneralName`'s type.
fn kind(value: &Tlv<'_>) -> String {
    let name = match value.tag {
        OTHER_NAME => {
            let oid = value.reader().read().and_then(|oid| oid.oid());
            return oid.map_or_else(|_: NotDer| "otherName".to_owned(), |oid| format!("otherName {oid}"));
        }
        RFC822_NAME => "rfc822Name, not in ASCII",
        DNS_NAME => "dNSName, not in ASCII",
        X400_ADDRESS => "x400Address",
        DIRECTORY_NAME => "directoryName, not well-formed",
        EDI_PARTY_NAME => "ediPartyName",
        URI => "uniformResourceIdentifier, not in ASCII",
        IP_ADDRESS => "iPAddress, of no known length",
        REGISTERED_ID => "registeredID",
        _ => "unknown",
    };
    name.to_owned()
}

/// Parses one `GeneralName`, if it is of a supported type.
fn alt_name(value: &Tlv<'_>) -> Result<Option<AltName>, NotDer> {
    Ok(match value.tag {
        RFC822_NAME => Some(AltName::Email(text(value.content)?)),
        DNS_NAME => Some(AltName::Dns(text(value.content)?)),
        URI => Some(AltName::Uri(text(value.content)?)),
        DIRECTORY_NAME => Some(AltName::Directory(
            Name::from_der(value.content).map_err(|_| NotDer::Unexpected)?,
        )),
        IP_ADDRESS => address(value.content).map(AltName::Ip),
        _ => None,
    })
}

/// An IA5String's text.
pub(crate) fn text(content: &[u8]) -> Result<String, NotDer> {
    let text = std::str::from_utf8(content).map_err(|_| NotDer::Unexpected)?;
    if text.is_ascii() {
        Ok(text.to_owned())
    } else {
        Err(NotDer::Unexpected)
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::from(octets));
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}
