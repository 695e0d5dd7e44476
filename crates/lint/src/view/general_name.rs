//! `GeneralNames` (RFC 5280 section 4.2.1.6), and the structures that contain them.

use chancery_x509::tlv::{Reader, tag};

use super::der::{self, Explain as _, Malformed};
use super::name::Name;
use super::oid::Oid;

/// A `GeneralName`; the kinds that no rule checks are [`GeneralName::Other`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum GeneralName<'a> {
    Email(&'a [u8]),
    Dns(&'a [u8]),
    Directory(Name<'a>),
    Uri(&'a [u8]),
    Ip(&'a [u8]),
    Other,
}

impl<'a> GeneralName<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let tlv = reader.read()?;
        match tlv.tag {
            // otherName, x400Address, ediPartyName
            0xa0 | 0xa3 | 0xa5 => Ok(Self::Other),
            0x81 => Ok(Self::Email(tlv.content)),
            0x82 => Ok(Self::Dns(tlv.content)),
            0xa4 => {
                let mut name = tlv.reader();
                let directory = Name::read(&mut name, "a directoryName is not a Name")?;
                name.finish().explain("a directoryName has more than one Name")?;
                Ok(Self::Directory(directory))
            }
            0x86 => Ok(Self::Uri(tlv.content)),
            0x87 => Ok(Self::Ip(tlv.content)),
            // registeredID
            0x88 => der::oid(tlv.content).map(|_| Self::Other),
            _ => Err(Malformed("a GeneralName is of no kind that there is")),
        }
    }
}

/// `GeneralNames`, checked when parsed. Rules report an empty list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GeneralNames<'a> {
    reader: Reader<'a>,
    has_directories: bool,
}

impl<'a> GeneralNames<'a> {
    pub(crate) fn parse(contents: &'a [u8]) -> Result<Self, Malformed> {
        let mut names = Self {
            reader: Reader::new(contents),
            has_directories: false,
        };
        let mut reader = names.reader;
        while !reader.is_empty() {
            names.has_directories |= matches!(GeneralName::read(&mut reader)?, GeneralName::Directory(_));
        }
        Ok(names)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reader.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = GeneralName<'a>> + use<'a> {
        let mut reader = self.reader;
        std::iter::from_fn(move || {
            if reader.is_empty() {
                None
            } else {
                GeneralName::read(&mut reader).ok()
            }
        })
    }

    /// Each name's octets, for comparison.
    pub(crate) fn ders(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.reader.values().map(|name| name.raw)
    }

    /// The directory names; free if there are none.
    pub(crate) fn directories(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        let names = self.has_directories.then(|| self.iter()).into_iter().flatten();
        names.filter_map(|name| {
            if let GeneralName::Directory(name) = name {
                Some(name)
            } else {
                None
            }
        })
    }

    pub(crate) fn dns_names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter().filter_map(|name| {
            if let GeneralName::Dns(text) = name {
                Some(text)
            } else {
                None
            }
        })
    }

    pub(crate) fn uris(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter().filter_map(|name| {
            if let GeneralName::Uri(text) = name {
                Some(text)
            } else {
                None
            }
        })
    }

    pub(crate) fn emails(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter().filter_map(|name| {
            if let GeneralName::Email(text) = name {
                Some(text)
            } else {
                None
            }
        })
    }

    pub(crate) fn ips(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter().filter_map(|name| {
            if let GeneralName::Ip(octets) = name {
                Some(octets)
            } else {
                None
            }
        })
    }
}

/// A `DistributionPointName` (section 4.2.1.13).
#[derive(Clone, Copy, Debug)]
pub(crate) enum DistributionPointName<'a> {
    Full(GeneralNames<'a>),
    RelativeToIssuer,
}

impl<'a> DistributionPointName<'a> {
    /// `contents` is the content of the explicit tag around the CHOICE.
    pub(crate) fn parse(contents: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(contents);
        let choice = reader.read()?;
        reader.finish().explain("a distribution point has more than one name")?;
        match choice.tag {
            0xa0 => GeneralNames::parse(choice.content).map(Self::Full),
            0xa1 => Ok(Self::RelativeToIssuer),
            _ => Err(Malformed("a distribution point's name is neither full nor relative")),
        }
    }
}

/// A `DistributionPoint`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DistributionPoint<'a> {
    pub(crate) name: Option<DistributionPointName<'a>>,
    pub(crate) crl_issuer: Option<GeneralNames<'a>>,
}

impl<'a> DistributionPoint<'a> {
    pub(crate) fn parse(contents: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(contents);
        let name = reader.optional(tag::context_constructed(0))?;
        let name = name
            .map(|name| DistributionPointName::parse(name.content))
            .transpose()?;
        if let Some(reasons) = reader.optional(tag::context(1))? {
            der::bit_string(reasons.content)?;
        }
        let crl_issuer = reader.optional(tag::context_constructed(2))?;
        let crl_issuer = crl_issuer.map(|names| GeneralNames::parse(names.content)).transpose()?;
        reader.finish().explain("a distribution point has unknown fields")?;
        Ok(Self { name, crl_issuer })
    }
}

/// An `AccessDescription` (section 4.2.2.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessDescription<'a> {
    pub(crate) method: Oid<'a>,
    pub(crate) location: GeneralName<'a>,
}

impl<'a> AccessDescription<'a> {
    pub(crate) fn parse(contents: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(contents);
        let method = reader
            .expect(tag::OID)
            .explain("an access method is not an OBJECT IDENTIFIER")?;
        let location = GeneralName::read(&mut reader)?;
        reader
            .finish()
            .explain("an access description has more than method and location")?;
        Ok(Self {
            method: Oid(der::oid(method.content)?),
            location,
        })
    }
}

/// A `GeneralSubtree` (section 4.2.1.10).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subtree<'a> {
    pub(crate) base: GeneralName<'a>,
    /// Whether minimum or maximum is present.
    pub(crate) has_distance: bool,
}

impl<'a> Subtree<'a> {
    pub(crate) fn parse(contents: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(contents);
        let base = GeneralName::read(&mut reader)?;
        let minimum = reader.optional(tag::context(0))?;
        let maximum = reader.optional(tag::context(1))?;
        for distance in [minimum, maximum].into_iter().flatten() {
            der::integer(distance.content)?;
        }
        reader.finish().explain("a subtree has unknown fields")?;
        Ok(Self {
            base,
            has_distance: minimum.is_some() || maximum.is_some(),
        })
    }
}
