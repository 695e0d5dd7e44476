//! Distinguished names (RFC 5280 section 4.1.2.4).

use chancery_x509::tlv::{Reader, Tlv, tag};

use super::der::{self, Explain as _, Malformed};
use super::oid::Oid;

/// A Name: RDNs of attributes, each with at least one (checked when parsed).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    /// All octets.
    pub(crate) der: &'a [u8],
    rdns: Reader<'a>,
}

/// A `RelativeDistinguishedName`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rdn<'a>(Reader<'a>);

/// An `AttributeTypeAndValue`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) kind: Oid<'a>,
    pub(crate) value: Tlv<'a>,
}

impl<'a> Name<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, Malformed> {
        let tlv = reader.expect(tag::SEQUENCE).explain(what)?;
        let mut rdns = tlv.reader();
        while !rdns.is_empty() {
            let mut attributes = Reader::new(rdns.expect(tag::SET).explain("an RDN is not a SET")?.content);
            if attributes.is_empty() {
                return Err(Malformed("an RDN is empty"));
            }
            while !attributes.is_empty() {
                let attribute = attributes
                    .expect(tag::SEQUENCE)
                    .explain("an attribute is not a SEQUENCE")?;
                Attribute::parse(attribute.content)?;
            }
        }
        Ok(Self {
            der: tlv.raw,
            rdns: tlv.reader(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The RDNs in order.
    pub(crate) fn rdns(&self) -> impl Iterator<Item = Rdn<'a>> + Clone + use<'a> {
        self.rdns.values().map(|rdn| Rdn(rdn.reader()))
    }

    /// The RDNs' octets, for comparison.
    pub(crate) fn rdn_ders(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.rdns.values().map(|rdn| rdn.raw)
    }

    /// Every attribute of every RDN.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + Clone + use<'a> {
        self.rdns().flat_map(Rdn::attributes)
    }

    /// The values of that type.
    pub(crate) fn values(&self, kind: Oid<'static>) -> impl Iterator<Item = Tlv<'a>> + use<'a> {
        self.attributes()
            .filter(move |attribute| attribute.kind == kind)
            .map(|attribute| attribute.value)
    }
}

impl<'a> Rdn<'a> {
    pub(crate) fn attributes(self) -> impl Iterator<Item = Attribute<'a>> + Clone + use<'a> {
        self.0
            .values()
            .filter_map(|attribute| Attribute::parse(attribute.content).ok())
    }
}

impl<'a> Attribute<'a> {
    fn parse(contents: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(contents);
        let kind = reader
            .expect(tag::OID)
            .explain("an attribute type is not an OBJECT IDENTIFIER")?;
        let value = reader.read()?;
        reader.finish().explain("an attribute has more than type and value")?;
        Ok(Self {
            kind: Oid(der::oid(kind.content)?),
            value,
        })
    }

    /// Whether the type's values are `DirectoryStrings`, so that four more, obsolete string types are possible.
    pub(crate) fn is_directory_string(&self) -> bool {
        use super::oid;
        matches!(
            self.kind,
            oid::COMMON_NAME
                | oid::SURNAME
                | oid::LOCALITY
                | oid::STATE
                | oid::STREET_ADDRESS
                | oid::ORGANIZATION
                | oid::ORGANIZATIONAL_UNIT
                | oid::TITLE
                | oid::BUSINESS_CATEGORY
                | oid::POSTAL_CODE
                | oid::NAME
                | oid::GIVEN_NAME
                | oid::INITIALS
                | oid::GENERATION_QUALIFIER
                | oid::PSEUDONYM
        )
    }
}
