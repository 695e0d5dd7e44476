//! One entry of revokedCertificates (RFC 5280 sections 5.1.2.6 and 5.3): to DER and back.

use const_oid::ObjectIdentifier;

use super::error::CrlError;
use super::{RevocationReason, RevokedEntry};
use crate::serial::Serial;
use crate::time::UnixTime;
use crate::tlv::der::{self, Extension};
use crate::tlv::time::{self, OutOfCalendar};
use crate::tlv::{NotDer, Reader, Tlv, tag};

/// Content of the OID of cRLReasons.
const REASON_CODE: &[u8] = &[0x55, 0x1d, 0x15];
/// Content of the OID of invalidityDate.
const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 0x18];
/// Content of the OID of certificateIssuer.
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 0x1d];

/// A reasonCode extension up to the code.
const REASON_PREFIX: [u8; 11] = [0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01];
/// An invalidityDate extension up to the GeneralizedTime.
const INVALIDITY_PREFIX: [u8; 9] = [0x30, 0x18, 0x06, 0x03, 0x55, 0x1d, 0x18, 0x04, 0x11];

const REASON_LEN: usize = REASON_PREFIX.len() + 1;
const INVALIDITY_LEN: usize = INVALIDITY_PREFIX.len() + time::GENERALIZED_TIME_LEN;

/// Longest entry, in octets: all its parts are so short that each length takes one octet.
pub(super) const MAX_LEN: usize = 2 + (2 + 21) + time::GENERALIZED_TIME_LEN + 2 + REASON_LEN + INVALIDITY_LEN;
const _: () = assert!(MAX_LEN < 0x80);

/// Octets of the entry's DER.
pub(super) fn encoded_len(entry: &RevokedEntry) -> usize {
    2 + content_len(entry)
}

fn content_len(entry: &RevokedEntry) -> usize {
    let extensions = extensions_len(entry);
    let extensions = if extensions == 0 { 0 } else { 2 + extensions };
    2 + serial_len(entry.serial.significant()) + time::encoded_len(entry.revoked_at) + extensions
}

fn serial_len(significant: &[u8]) -> usize {
    significant.len() + usize::from(needs_sign_octet(significant))
}

fn needs_sign_octet(significant: &[u8]) -> bool {
    significant.first().is_some_and(|&first| first >= 0x80)
}

fn extensions_len(entry: &RevokedEntry) -> usize {
    let reason = if entry.reason == RevocationReason::Unspecified {
        0
    } else {
        REASON_LEN
    };
    let invalidity = entry.invalidity_date.map_or(0, |_| INVALIDITY_LEN);
    reason + invalidity
}

/// Appends the entry's DER; after an error `out` may hold a part of it.
pub(super) fn push(out: &mut Vec<u8>, entry: &RevokedEntry) -> Result<(), OutOfCalendar> {
    push_short_header(out, tag::SEQUENCE, content_len(entry));

    let serial = entry.serial.significant();
    push_short_header(out, tag::INTEGER, serial_len(serial));
    if needs_sign_octet(serial) {
        out.push(0);
    }
    out.extend_from_slice(serial);

    time::push(out, entry.revoked_at)?;

    let extensions = extensions_len(entry);
    if extensions == 0 {
        return Ok(());
    }
    push_short_header(out, tag::SEQUENCE, extensions);
    // Section 5.3.1: the extension is omitted for unspecified.
    if entry.reason != RevocationReason::Unspecified {
        out.extend_from_slice(&REASON_PREFIX);
        out.push(entry.reason.code());
    }
    if let Some(date) = entry.invalidity_date {
        out.extend_from_slice(&INVALIDITY_PREFIX);
        time::push_generalized(out, date)?;
    }
    Ok(())
}

/// Writes a tag and a length, which [`MAX_LEN`] keeps below 128.
fn push_short_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    debug_assert!(length < 0x80);
    out.extend_from_slice(&[tag, length.to_le_bytes()[0]]);
}

/// An entry of any CRL, as encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawEntry<'a> {
    /// The content of userCertificate, a DER INTEGER.
    pub(crate) serial: &'a [u8],
    /// revocationDate.
    pub(crate) revoked_at: UnixTime,
    /// reasonCode's number.
    pub(crate) reason: Option<u8>,
    /// invalidityDate.
    pub(crate) invalidity_date: Option<UnixTime>,
    /// certificateIssuer's `GeneralNames`: the certificate was issued by another CA than the CRL (section 5.3.3).
    pub(crate) certificate_issuer: Option<Tlv<'a>>,
    /// The first critical extension other than the above.
    pub(crate) unknown_critical: Option<&'a [u8]>,
}

impl<'a> RawEntry<'a> {
    /// The next entry of revokedCertificates.
    pub(crate) fn next(reader: &mut Reader<'a>) -> Result<Self, NotDer> {
        let mut fields = reader.expect(tag::SEQUENCE)?.reader();
        let serial = fields.expect(tag::INTEGER)?.content;
        let revoked_at = time::parse(&fields.read()?).ok_or(NotDer::Unexpected)?;
        let mut entry = Self {
            serial,
            revoked_at,
            reason: None,
            invalidity_date: None,
            certificate_issuer: None,
            unknown_critical: None,
        };
        if let Some(extensions) = fields.optional(tag::SEQUENCE)? {
            entry.read_extensions(extensions.reader())?;
        }
        fields.finish()?;
        Ok(entry)
    }

    fn read_extensions(&mut self, mut extensions: Reader<'a>) -> Result<(), NotDer> {
        if extensions.is_empty() {
            return Err(NotDer::Unexpected);
        }
        while !extensions.is_empty() {
            let extension = Extension::next(&mut extensions)?;
            let value = extension.value;
            let twice = match extension.oid {
                REASON_CODE => self.reason.replace(reason_code(value)?).is_some(),
                INVALIDITY_DATE => self.invalidity_date.replace(invalidity_date(value)?).is_some(),
                CERTIFICATE_ISSUER => {
                    let names = der::only(value, tag::SEQUENCE)?;
                    self.certificate_issuer.replace(names).is_some()
                }
                unknown => {
                    if extension.critical {
                        self.unknown_critical.get_or_insert(unknown);
                    }
                    false
                }
            };
            if twice {
                return Err(NotDer::Unexpected);
            }
        }
        Ok(())
    }

    /// The entry, if it contains nothing that a [`RevokedEntry`] cannot hold.
    pub(super) fn to_entry(self) -> Result<RevokedEntry, CrlError> {
        if let Some(oid) = self.unknown_critical {
            return Err(CrlError::CriticalEntryExtension { oid: dotted(oid) });
        }
        if self.certificate_issuer.is_some() {
            return Err(CrlError::CriticalEntryExtension {
                oid: dotted(CERTIFICATE_ISSUER),
            });
        }
        let magnitude = der::unsigned(self.serial).map_err(|_| CrlError::Malformed {
            detail: "an entry's serial number is not a positive DER INTEGER",
        })?;
        let serial = Serial::from_octets(magnitude).map_err(|_| CrlError::Malformed {
            detail: "an entry's serial number is zero or longer than 20 octets",
        })?;
        let reason = match self.reason {
            None => RevocationReason::Unspecified,
            Some(8) => return Err(CrlError::RemoveFromCrl { serial }),
            Some(code) => RevocationReason::from_code(code).ok_or(CrlError::Malformed {
                detail: "an entry has a reason code that RFC 5280 section 5.3.1 does not know",
            })?,
        };
        Ok(RevokedEntry {
            serial,
            revoked_at: self.revoked_at,
            reason,
            invalidity_date: self.invalidity_date,
        })
    }
}

fn reason_code(value: &[u8]) -> Result<u8, NotDer> {
    match der::only(value, tag::ENUMERATED)?.content {
        &[code @ 0..=0x7f] => Ok(code),
        _ => Err(NotDer::Unexpected),
    }
}

fn invalidity_date(value: &[u8]) -> Result<UnixTime, NotDer> {
    let element = der::only(value, tag::GENERALIZED_TIME)?;
    time::parse_generalized(element.content).ok_or(NotDer::Unexpected)
}

/// An OID's content in dotted form, or in hexadecimal if it is not an OID.
pub(super) fn dotted(oid: &[u8]) -> String {
    ObjectIdentifier::from_bytes(oid).map_or_else(|_| data_encoding::HEXLOWER.encode(oid), |oid| oid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    fn entry(serial: &[u8]) -> RevokedEntry {
        RevokedEntry {
            serial: Serial::from_octets(serial).unwrap(),
            revoked_at: UnixTime(1_700_000_000),
            reason: RevocationReason::Unspecified,
            invalidity_date: None,
        }
    }

    fn der(entry: &RevokedEntry) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, entry).unwrap();
        assert_eq!(out.len(), entry.encoded_len());
        assert!(out.len() <= MAX_LEN);
        out
    }

    #[test]
    fn a_plain_entry_is_a_serial_and_a_date() {
        assert_eq!(
            der(&entry(&[0x12, 0x34])),
            hex!("3013 0202 1234 170d 3233313131343232313332305a")
        );
    }

    #[test]
    fn a_serial_with_its_top_bit_set_gets_a_sign_octet() {
        assert_eq!(
            der(&entry(&[0x80])),
            hex!("3013 0202 0080 170d 3233313131343232313332305a")
        );
        assert_eq!(der(&entry(&[0xff; 20])).len(), 2 + 23 + 15);
    }

    #[test]
    fn reason_and_invalidity_date_are_entry_extensions() {
        let full = RevokedEntry {
            reason: RevocationReason::KeyCompromise,
            invalidity_date: Some(UnixTime(1_699_999_999)),
            revoked_at: UnixTime(2_524_608_000),
            ..entry(&[5])
        };
        let expected = hex!(
            "303c 0201 05 180f 32303530303130313030303030305a
             3026 300a 0603 551d15 0403 0a01 01
                  3018 0603 551d18 0411 180f 32303233313131343232313331395a"
        );
        assert_eq!(der(&full), expected);
        let read = RawEntry::next(&mut Reader::new(&expected)).unwrap().to_entry();
        assert_eq!(read, Ok(full));
    }

    #[test]
    fn the_longest_entry_has_the_announced_length() {
        let longest = RevokedEntry {
            reason: RevocationReason::AaCompromise,
            invalidity_date: Some(UnixTime(0)),
            revoked_at: UnixTime(4_000_000_000),
            ..entry(&[0xff; 20])
        };
        assert_eq!(der(&longest).len(), MAX_LEN);
    }

    fn read_with_extensions(extensions: &[u8]) -> Result<RevokedEntry, CrlError> {
        let extensions = der::wrap(tag::SEQUENCE, &[extensions]);
        let der = der::wrap(tag::SEQUENCE, &[&[2, 1, 5], b"\x17\x0d231114221320Z", &extensions]);
        RawEntry::next(&mut Reader::new(&der))
            .map_err(|_: NotDer| CrlError::Malformed { detail: "" })?
            .to_entry()
    }

    #[test]
    fn what_an_entry_cannot_say_here_is_an_error_of_its_own() {
        let malformed = Err(CrlError::Malformed { detail: "" });
        let reason = |code: u8| [&REASON_PREFIX[..], &[code]].concat();
        assert!(read_with_extensions(&reason(3)).is_ok());
        assert_eq!(read_with_extensions(&[]), malformed);
        assert_eq!(read_with_extensions(&[reason(3), reason(3)].concat()), malformed);
        assert_eq!(
            read_with_extensions(&reason(8)),
            Err(CrlError::RemoveFromCrl {
                serial: Serial::from_octets(&[5]).unwrap()
            })
        );
        assert!(matches!(
            read_with_extensions(&reason(7)),
            Err(CrlError::Malformed { .. })
        ));
        let unknown = hex!("300c 0603 2a0304 0101ff 0402 0500");
        assert_eq!(
            read_with_extensions(&unknown),
            Err(CrlError::CriticalEntryExtension {
                oid: "1.2.3.4".to_owned()
            })
        );
        let not_critical = hex!("3009 0603 2a0304 0402 0500");
        assert!(read_with_extensions(&not_critical).is_ok());
        let certificate_issuer = hex!("300c 0603 551d1d 0101ff 0402 3000");
        assert_eq!(
            read_with_extensions(&certificate_issuer),
            Err(CrlError::CriticalEntryExtension {
                oid: "2.5.29.29".to_owned()
            })
        );
    }
}
