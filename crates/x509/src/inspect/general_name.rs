//! `GeneralName` (RFC 5280 section 4.2.1.6) as text: `DNS:…`, `IP:…`, `email:…`, `URI:…`, `DN:…`, …

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::value::{colons, shortened};
use crate::name::Name;
use crate::oid_names::Named;
use crate::tlv::{NotDer, Reader, Tlv, tag};

/// Most octets that are shown of a name of an unknown form.
const OCTETS: usize = 32;

/// A `GeneralName`; if its content does not match its type, the octets.
pub(super) fn text(name: &Tlv<'_>) -> String {
    const OTHER_NAME: u8 = tag::context_constructed(0);
    const EMAIL: u8 = tag::context(1);
    const DNS: u8 = tag::context(2);
    const X400: u8 = tag::context_constructed(3);
    const DIRECTORY: u8 = tag::context_constructed(4);
    const EDI: u8 = tag::context_constructed(5);
    const URI: u8 = tag::context(6);
    const IP: u8 = tag::context(7);
    const REGISTERED_ID: u8 = tag::context(8);
    match name.tag {
        OTHER_NAME => other_name(name).unwrap_or_else(|_: NotDer| format!("otherName:{}", octets(name.content))),
        EMAIL => format!("email:{}", ia5(name.content)),
        DNS => format!("DNS:{}", ia5(name.content)),
        X400 => format!("x400Address:{}", octets(name.content)),
        DIRECTORY => format!("DN:{}", directory_name(name.content)),
        EDI => format!("ediPartyName:{}", octets(name.content)),
        URI => format!("URI:{}", ia5(name.content)),
        IP => format!("IP:{}", ip(name.content)),
        REGISTERED_ID => format!("RID:{}", Named::of(name.content).oid),
        tag => format!("[{}]:{}", tag & 0x1f, octets(name.content)),
    }
}

/// Every `GeneralName` of a sequence's content, separated by commas.
pub(super) fn texts(mut names: Reader<'_>) -> Result<String, NotDer> {
    let mut texts = Vec::new();
    while !names.is_empty() {
        texts.push(text(&names.read()?));
    }
    Ok(texts.join(", "))
}

/// RFC 4514 text of a DER Name; if it is malformed, the octets.
pub(super) fn directory_name(der: &[u8]) -> String {
    Name::from_der(der).map_or_else(|_| format!("(malformed) {}", octets(der)), |name| name.to_rfc4514())
}

fn other_name(name: &Tlv<'_>) -> Result<String, NotDer> {
    let mut fields = name.reader();
    let kind = fields.expect(tag::OID)?;
    let explicit = fields.expect(tag::context_constructed(0))?;
    fields.finish()?;
    let value = explicit.reader().read()?;
    Ok(format!(
        "otherName:{}={}",
        Named::of(kind.content).to_name(),
        string_or_octets(&value)
    ))
}

/// The characters of a string type; the octets of anything else.
pub(super) fn string_or_octets(value: &Tlv<'_>) -> String {
    match value.tag {
        tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING => characters(value.content),
        _ => octets(value.raw),
    }
}

/// An IA5String, with other characters escaped: they are not allowed, and must not make one name look like another.
fn ia5(content: &[u8]) -> String {
    if content.is_ascii() {
        return characters(content);
    }
    content.escape_ascii().to_string()
}

/// UTF-8 text, with invalid octets escaped.
fn characters(content: &[u8]) -> String {
    str::from_utf8(content).map_or_else(|_| content.escape_ascii().to_string(), str::to_owned)
}

/// An address, or if a mask follows (section 4.2.1.10) a network.
fn ip(content: &[u8]) -> String {
    if let Some(address) = address(content) {
        return address.to_string();
    }
    let network = content.split_at_checked(content.len() / 2);
    let network = network.and_then(|(base, mask)| Some((address(base)?, address(mask)?, mask)));
    let Some((base, mask, mask_octets)) = network else {
        return octets(content);
    };
    let ones: u32 = mask_octets.iter().map(|octet| octet.leading_ones()).sum();
    let bits: u32 = mask_octets.iter().map(|octet| octet.count_ones()).sum();
    let contiguous = mask_octets
        .iter()
        .skip_while(|&&octet| octet == 0xff)
        .skip(1)
        .all(|&octet| octet == 0);
    if contiguous && ones == bits {
        return format!("{base}/{bits}");
    }
    format!("{base}/{mask}")
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets)
            .ok()
            .map(|octets| Ipv4Addr::from(octets).into()),
        16 => <[u8; 16]>::try_from(octets)
            .ok()
            .map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

fn octets(content: &[u8]) -> String {
    if content.len() <= OCTETS {
        return colons(content);
    }
    shortened(content, OCTETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(der: &[u8]) -> String {
        text(&Reader::new(der).read().unwrap())
    }

    #[test]
    fn every_type_has_its_prefix() {
        assert_eq!(shown(b"\x82\x0bexample.com"), "DNS:example.com");
        assert_eq!(shown(b"\x81\x03a@b"), "email:a@b");
        assert_eq!(shown(b"\x86\x08http://x"), "URI:http://x");
        assert_eq!(shown(b"\x87\x04\x0a\0\0\x01"), "IP:10.0.0.1");
        assert_eq!(shown(b"\x88\x03\x2a\x03\x04"), "RID:1.2.3.4");
        assert_eq!(
            shown(b"\xa0\x14\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03\xa0\x06\x0c\x04u@ad"),
            "otherName:userPrincipalName=u@ad"
        );
        assert_eq!(shown(b"\xa0\x01\x05"), "otherName:05");
        assert_eq!(shown(b"\xa3\x02\x05\x00"), "x400Address:05:00");
        assert_eq!(shown(b"\x82\x02\xff\x41"), "DNS:\\xffA");
    }

    #[test]
    fn networks_are_addresses_with_a_mask() {
        assert_eq!(shown(b"\x87\x08\x0a\0\0\0\xff\0\0\0"), "IP:10.0.0.0/8");
        assert_eq!(shown(b"\x87\x08\x0a\0\0\0\xff\x80\0\0"), "IP:10.0.0.0/9");
        assert_eq!(shown(b"\x87\x08\x0a\0\0\0\xff\0\xff\0"), "IP:10.0.0.0/255.0.255.0");
        assert_eq!(shown(b"\x87\x08\x0a\0\0\0\0\xff\0\0"), "IP:10.0.0.0/0.255.0.0");
        assert_eq!(shown(b"\x87\x08\0\0\0\0\0\0\0\0"), "IP:0.0.0.0/0");
        assert_eq!(shown(b"\x87\x05\x0a\0\0\0\x01"), "IP:0A:00:00:00:01");
    }
}
