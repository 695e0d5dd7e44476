//! Extensions (RFC 5280 section 4.2), and the structures that rules check.

use chancery_x509::tlv::{Reader, Tlv, tag};

use super::der::{self, Explain as _, Malformed, single_value};
use super::general_name::{AccessDescription, DistributionPoint, GeneralNames, Subtree};
use super::oid::Oid;

/// An Extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    pub(crate) oid: Oid<'a>,
    pub(crate) critical: bool,
    /// Whether `critical` was encoded although it is FALSE, its default.
    false_encoded: bool,
    /// The contents of extnValue.
    pub(crate) value: &'a [u8],
}

impl<'a> Extension<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut fields = Reader::new(
            reader
                .expect(tag::SEQUENCE)
                .explain("an extension is not a SEQUENCE")?
                .content,
        );
        let oid = fields
            .expect(tag::OID)
            .explain("an extension's extnID is not an OBJECT IDENTIFIER")?;
        let critical = fields.optional(tag::BOOLEAN)?;
        let critical = critical.map(|critical| der::boolean(critical.content)).transpose()?;
        let value = fields
            .expect(tag::OCTET_STRING)
            .explain("an extension's extnValue is not an OCTET STRING")?
            .content;
        fields
            .finish()
            .explain("an extension has more than extnID, critical and extnValue")?;
        Ok(Self {
            oid: Oid(der::oid(oid.content)?),
            critical: critical == Some(true),
            false_encoded: critical == Some(false),
            value,
        })
    }
}

/// An Extensions list, checked when parsed. Rules report an empty one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extensions<'a> {
    reader: Reader<'a>,
    count: usize,
    /// The first that encodes critical as FALSE.
    pub(crate) false_encoded: Option<Oid<'a>>,
}

/// The most extensions that are compared pair by pair; longer lists are sorted.
const FEW: usize = 32;

/// Extensions that are noted while a list is parsed, since rules report them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExtensionFaults<'a> {
    /// The first malformed extension.
    pub(crate) malformed: Option<(Oid<'a>, Malformed)>,
    /// The first critical extension that no rule supports.
    pub(crate) unknown_critical: Option<Oid<'a>>,
}

impl<'a> ExtensionFaults<'a> {
    /// Notes an extension that no rule supports.
    #[inline]
    pub(super) fn unknown(&mut self, extension: &Extension<'a>) {
        if extension.critical {
            self.unknown_critical.get_or_insert(extension.oid);
        }
    }

    /// Notes whether an extension could be read.
    #[inline]
    pub(super) fn note(&mut self, extension: &Extension<'a>, read: Result<(), Malformed>) {
        if let Err(malformed) = read {
            self.malformed.get_or_insert((extension.oid, malformed));
        }
    }
}

impl<'a> Extensions<'a> {
    /// Parses the extensions that a structure has in a field of its own tag, if it has them.
    pub(super) fn optional(
        fields: &mut Reader<'a>,
        number: u8,
        (form, more): (&'static str, &'static str),
        found: impl FnMut(Extension<'a>),
    ) -> Result<Option<Self>, Malformed> {
        let Some(tagged) = fields.optional(tag::context_constructed(number))? else {
            return Ok(None);
        };
        let mut reader = tagged.reader();
        let sequence = reader.expect(tag::SEQUENCE).explain(form)?;
        reader.finish().explain(more)?;
        Self::parse(sequence.content, found).map(Some)
    }

    /// Parses the contents of the SEQUENCE, calling `found` with each.
    #[inline]
    pub(crate) fn parse(contents: &'a [u8], mut found: impl FnMut(Extension<'a>)) -> Result<Self, Malformed> {
        let mut extensions = Self {
            reader: Reader::new(contents),
            count: 0,
            false_encoded: None,
        };
        let mut reader = extensions.reader;
        while !reader.is_empty() {
            let extension = Extension::read(&mut reader)?;
            extensions.count += 1;
            if extension.false_encoded {
                extensions.false_encoded.get_or_insert(extension.oid);
            }
            found(extension);
        }
        Ok(extensions)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Extension<'a>> + Clone + use<'a> {
        let mut reader = self.reader;
        std::iter::from_fn(move || {
            if reader.is_empty() {
                None
            } else {
                Extension::read(&mut reader).ok()
            }
        })
    }

    /// Whether the extension is critical; `None` where it is not there. Of duplicates, the first counts.
    pub(crate) fn criticality(&self, oid: Oid<'_>) -> Option<bool> {
        // Each was read when the list was parsed.
        self.reader.values().find_map(|extension| {
            let mut fields = extension.reader().values();
            let is_it = fields.next().is_some_and(|id| id.content == oid.0);
            is_it.then(|| fields.next().is_some_and(|next| next.raw == [tag::BOOLEAN, 1, 0xff]))
        })
    }

    /// The first duplicate OID.
    pub(crate) fn duplicate(&self) -> Option<Oid<'a>> {
        if self.count < 2 {
            return None;
        }
        duplicate(self.iter().map(|extension| extension.oid.0)).map(Oid)
    }
}

/// The first duplicate: pair by pair in short lists, so that nothing is allocated.
pub(crate) fn duplicate<'a>(items: impl Iterator<Item = &'a [u8]> + Clone) -> Option<&'a [u8]> {
    if items.clone().nth(FEW).is_some() {
        let mut sorted: Vec<_> = items.collect();
        sorted.sort_unstable();
        return sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    }
    let mut rest = items;
    while let Some(item) = rest.next() {
        if rest.clone().any(|other| other == item) {
            return Some(item);
        }
    }
    None
}

/// An extension that rules check. Of duplicates, the first counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParsedExtension<T> {
    pub(crate) present: bool,
    pub(crate) critical: bool,
    /// Its value; `None` where it is absent or malformed.
    pub(crate) value: Option<T>,
}

impl<T> Default for ParsedExtension<T> {
    fn default() -> Self {
        Self {
            present: false,
            critical: false,
            value: None,
        }
    }
}

impl<T> ParsedExtension<T> {
    pub(crate) fn note<'a>(
        &mut self,
        extension: &Extension<'a>,
        parse: impl FnOnce(&'a [u8]) -> Result<T, Malformed>,
    ) -> Result<(), Malformed> {
        if self.present {
            return Ok(());
        }
        self.present = true;
        self.critical = extension.critical;
        self.value = Some(parse(extension.value)?);
        Ok(())
    }
}

/// `BasicConstraints` (section 4.2.1.9).
#[derive(Clone, Copy, Debug)]
pub(crate) struct BasicConstraints {
    pub(crate) ca: bool,
    /// Whether `cA` was encoded although it is FALSE, its default.
    pub(crate) false_encoded: bool,
    pub(crate) path_len: Option<u32>,
}

impl BasicConstraints {
    pub(crate) fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let mut fields = single_value(value, tag::SEQUENCE, "it is not a SEQUENCE")?;
        let ca = fields
            .optional(tag::BOOLEAN)?
            .map(|ca| der::boolean(ca.content))
            .transpose()?;
        let path_len = fields
            .optional(tag::INTEGER)?
            .map(|number| der::integer(number.content))
            .transpose()?;
        fields.finish().explain("it has more than cA and pathLenConstraint")?;
        let path_len = path_len
            .map(|number| der::small_integer(number).ok_or(Malformed("pathLenConstraint is negative or beyond reason")))
            .transpose()?;
        Ok(Self {
            ca: ca == Some(true),
            false_encoded: ca == Some(false),
            path_len,
        })
    }
}

/// `KeyUsage` (section 4.2.1.3); bit n of the BIT STRING is bit n here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyUsage {
    pub(crate) bits: u16,
    /// Whether it ends with its last set bit, as DER requires for named bits (X.690 section 11.2.2).
    pub(crate) minimal: bool,
    /// Whether bits beyond decipherOnly (8) are set.
    pub(crate) unknown_bits: bool,
}

impl KeyUsage {
    pub(crate) const DIGITAL_SIGNATURE: u16 = 1;
    pub(crate) const CONTENT_COMMITMENT: u16 = 1 << 1;
    pub(crate) const KEY_ENCIPHERMENT: u16 = 1 << 2;
    pub(crate) const DATA_ENCIPHERMENT: u16 = 1 << 3;
    pub(crate) const KEY_AGREEMENT: u16 = 1 << 4;
    pub(crate) const KEY_CERT_SIGN: u16 = 1 << 5;
    pub(crate) const CRL_SIGN: u16 = 1 << 6;
    pub(crate) const ENCIPHER_ONLY: u16 = 1 << 7;
    pub(crate) const DECIPHER_ONLY: u16 = 1 << 8;

    pub(crate) fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(value);
        let contents = reader
            .expect(tag::BIT_STRING)
            .explain("it is not a BIT STRING")?
            .content;
        reader.finish().explain("octets follow after its end")?;
        let (octets, unused) = der::bit_string(contents)?;
        let first = octets.first().map_or(0, |octet| octet.reverse_bits());
        let second = octets.get(1).map_or(0, |octet| octet.reverse_bits());
        Ok(Self {
            bits: u16::from(first) | u16::from(second & 1) << 8,
            minimal: octets
                .last()
                .is_none_or(|last| last.trailing_zeros() == u32::from(unused)),
            unknown_bits: second > 1 || octets.iter().skip(2).any(|&octet| octet != 0),
        })
    }

    /// Whether any of these bits is set.
    pub(crate) fn any(self, bits: u16) -> bool {
        self.bits & bits != 0
    }
}

/// `AuthorityKeyIdentifier` (section 4.2.1.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuthorityKeyIdentifier<'a> {
    pub(crate) key_identifier: Option<&'a [u8]>,
    pub(crate) has_issuer: bool,
    pub(crate) has_serial: bool,
}

impl<'a> AuthorityKeyIdentifier<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = single_value(value, tag::SEQUENCE, "it is not a SEQUENCE")?;
        let key_identifier = fields.optional(tag::context(0))?;
        let issuer = fields.optional(tag::context_constructed(1))?;
        let serial = fields.optional(tag::context(2))?;
        fields.finish().explain("it has unknown fields")?;
        issuer.map(|names| GeneralNames::parse(names.content)).transpose()?;
        serial.map(|serial| der::integer(serial.content)).transpose()?;
        Ok(Self {
            key_identifier: key_identifier.map(|identifier| identifier.content),
            has_issuer: issuer.is_some(),
            has_serial: serial.is_some(),
        })
    }
}

/// The octets of a subjectKeyIdentifier (section 4.2.1.2).
pub(crate) fn octet_string(value: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(value);
    let octets = reader
        .expect(tag::OCTET_STRING)
        .explain("it is not an OCTET STRING")?
        .content;
    reader.finish().explain("octets follow after its end")?;
    Ok(octets)
}

/// The contents of a single INTEGER (section 5.2.3, 5.2.4).
pub(crate) fn single_integer(value: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(value);
    let number = reader.expect(tag::INTEGER).explain("it is not an INTEGER")?.content;
    reader.finish().explain("octets follow after its end")?;
    der::integer(number)
}

/// A SEQUENCE OF checked items, which `item` parses again whenever they are accessed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a, T> {
    items: Reader<'a>,
    item: fn(&'a [u8]) -> Result<T, Malformed>,
}

impl<'a, T> List<'a, T> {
    /// Checks `contents`, whose items all have that tag.
    fn parse(contents: Reader<'a>, tag: u8, item: fn(&'a [u8]) -> Result<T, Malformed>) -> Result<Self, Malformed> {
        let mut reader = contents;
        while !reader.is_empty() {
            item(reader.expect(tag).explain("a member has the wrong type")?.content)?;
        }
        Ok(Self { items: contents, item })
    }

    fn of_sequences(value: &'a [u8], item: fn(&'a [u8]) -> Result<T, Malformed>) -> Result<Self, Malformed> {
        let contents = single_value(value, tag::SEQUENCE, "it is not a SEQUENCE")?;
        if contents.is_empty() {
            return Err(Malformed("it is an empty list"));
        }
        Self::parse(contents, tag::SEQUENCE, item)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + Clone + use<'a, T> {
        let item = self.item;
        self.items.values().filter_map(move |value| item(value.content).ok())
    }

    /// Each item's octets, for comparison.
    pub(crate) fn ders(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, T> {
        self.items.values().map(|item| item.raw)
    }
}

/// `ExtKeyUsageSyntax` (section 4.2.1.12). A rule reports an empty one.
pub(crate) fn extended_key_usage(value: &[u8]) -> Result<List<'_, Oid<'_>>, Malformed> {
    let contents = single_value(value, tag::SEQUENCE, "it is not a SEQUENCE")?;
    List::parse(contents, tag::OID, |contents| der::oid(contents).map(Oid))
}

/// `SubjectAltName` and `IssuerAltName` (sections 4.2.1.6 and 4.2.1.7).
pub(crate) fn alt_names(value: &[u8]) -> Result<GeneralNames<'_>, Malformed> {
    let mut reader = Reader::new(value);
    let names = reader.expect(tag::SEQUENCE).explain("it is not a SEQUENCE")?;
    reader.finish().explain("octets follow after its end")?;
    GeneralNames::parse(names.content)
}

/// `CRLDistributionPoints` (section 4.2.1.13).
pub(crate) fn distribution_points(value: &[u8]) -> Result<List<'_, DistributionPoint<'_>>, Malformed> {
    List::of_sequences(value, DistributionPoint::parse)
}

/// `AuthorityInfoAccessSyntax` and `SubjectInfoAccessSyntax` (sections 4.2.2.1 and 4.2.2.2).
pub(crate) fn access_descriptions(value: &[u8]) -> Result<List<'_, AccessDescription<'_>>, Malformed> {
    List::of_sequences(value, AccessDescription::parse)
}

/// `CertificatePolicies` (section 4.2.1.4): the policies' identifiers.
pub(crate) fn policies(value: &[u8]) -> Result<List<'_, Oid<'_>>, Malformed> {
    List::of_sequences(value, |contents| {
        let mut fields = Reader::new(contents);
        let policy = fields
            .expect(tag::OID)
            .explain("a policy is not an OBJECT IDENTIFIER")?;
        fields.optional(tag::SEQUENCE)?;
        fields
            .finish()
            .explain("a policy has more than identifier and qualifiers")?;
        der::oid(policy.content).map(Oid)
    })
}

/// `NameConstraints` (section 4.2.1.10).
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameConstraints<'a> {
    pub(crate) permitted: Option<List<'a, Subtree<'a>>>,
    pub(crate) excluded: Option<List<'a, Subtree<'a>>>,
}

impl<'a> NameConstraints<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = single_value(value, tag::SEQUENCE, "it is not a SEQUENCE")?;
        let permitted = fields.optional(tag::context_constructed(0))?;
        let excluded = fields.optional(tag::context_constructed(1))?;
        fields
            .finish()
            .explain("it has more than permitted and excluded subtrees")?;
        let subtrees = |tlv: Tlv<'a>| List::parse(tlv.reader(), tag::SEQUENCE, Subtree::parse);
        Ok(Self {
            permitted: permitted.map(subtrees).transpose()?,
            excluded: excluded.map(subtrees).transpose()?,
        })
    }

    /// Every subtree, permitted or excluded.
    pub(crate) fn subtrees(&self) -> impl Iterator<Item = Subtree<'a>> + use<'a> {
        [self.permitted, self.excluded]
            .into_iter()
            .flatten()
            .flat_map(|list| list.iter())
    }
}
