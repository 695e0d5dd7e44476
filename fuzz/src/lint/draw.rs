//! Values drawn from the octets of an input, for what takes types rather than octets.

use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use chancery_x509::serial::Serial;

/// Octets that are used up from the front; at their end everything is zero and empty.
pub(super) struct Draw<'a>(pub(super) &'a [u8]);

pub(super) const ALT_NAME_TYPES: [AltNameType; 5] = [
    AltNameType::Dns,
    AltNameType::Ip,
    AltNameType::Email,
    AltNameType::Uri,
    AltNameType::Directory,
];

impl<'a> Draw<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn octet(&mut self) -> u8 {
        self.octets(1).first().copied().unwrap_or_default()
    }

    pub(super) fn flag(&mut self) -> bool {
        self.octet() & 1 == 1
    }

    /// So many octets, or what is left of them.
    pub(super) fn octets(&mut self, length: usize) -> &'a [u8] {
        let (drawn, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        drawn
    }

    /// Octets with their length, up to 255, in front.
    pub(super) fn short(&mut self) -> &'a [u8] {
        let length = usize::from(self.octet());
        self.octets(length)
    }

    pub(super) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.short()).into_owned()
    }

    pub(super) fn number(&mut self) -> i64 {
        let mut octets = [0; 8];
        let drawn = self.octets(8);
        octets[..drawn.len()].copy_from_slice(drawn);
        i64::from_be_bytes(octets)
    }

    /// Any positive serial number of up to 20 octets.
    pub(super) fn serial(&mut self) -> Serial {
        let length = 1 + usize::from(self.octet()) % 20;
        Serial::from_octets(self.octets(length)).unwrap_or_else(|_| Serial::from_octets(&[1]).expect("one is positive"))
    }

    /// Any serial number that a certificate may have here: its INTEGER has 20 octets at most.
    pub(super) fn certificate_serial(&mut self) -> Serial {
        let mut octets = *self.serial().as_padded();
        octets[0] &= 0x7f;
        Serial::from_octets(&octets).unwrap_or_else(|_| Serial::from_octets(&[1]).expect("one is positive"))
    }

    /// Each field there or not.
    pub(super) fn subject(&mut self) -> Subject {
        let fields = self.octet();
        let mut field = |bit: u8| (fields & (1 << bit) != 0).then(|| self.text());
        Subject {
            common_name: field(0),
            country: field(1),
            email_address: field(2),
            locality: field(3),
            organization: field(4),
            organizational_unit: field(5),
            state: field(6),
        }
    }

    /// Up to seven names; those that are not valid for their type are left out, as from a request.
    pub(super) fn alt_names(&mut self) -> Vec<AltName> {
        let number = self.octet() % 8;
        let drawn = (0..number).filter_map(|_| {
            let kind = ALT_NAME_TYPES[usize::from(self.octet()) % ALT_NAME_TYPES.len()];
            AltName::parse(kind, &self.text()).ok()
        });
        drawn.collect()
    }
}
