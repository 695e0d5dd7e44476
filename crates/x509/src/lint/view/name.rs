//! Distinguished names (RFC 5280 section 4.1.2.4).

use super::oid::Oid;
use super::tlv::{self, Malformed, Reader, Tlv, tag};

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
        let tlv = reader.expect(tag::SEQUENCE, what)?;
        let mut rdns = Reader::new(tlv.value);
        while !rdns.is_empty() {
            let mut attributes = Reader::new(rdns.expect(tag::SET, "an RDN is not a SET")?.value);
            if attributes.is_empty() {
                return Err(Malformed("an RDN is empty"));
            }
            while !attributes.is_empty() {
                let attribute = attributes.expect(tag::SEQUENCE, "an attribute is not a SEQUENCE")?;
                Attribute::parse(attribute.value)?;
            }
        }
        Ok(Self {
            der: tlv.der,
            rdns: Reader::new(tlv.value),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The RDNs in order.
    pub(crate) fn rdns(&self) -> impl Iterator<Item = Rdn<'a>> + Clone + use<'a> {
        self.rdns.into_iter().map(|rdn| Rdn(Reader::new(rdn.value)))
    }

    /// The RDNs' octets, for comparison.
    pub(crate) fn rdn_ders(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.rdns.into_iter().map(|rdn| rdn.der)
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
            .into_iter()
            .filter_map(|attribute| Attribute::parse(attribute.value).ok())
    }
}

impl<'a> Attribute<'a> {
    fn parse(contents: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(contents);
        let kind = reader.expect(tag::OID, "an attribute type is not an OBJECT IDENTIFIER")?;
        let value = reader.read()?;
        reader.end("an attribute has more than type and value")?;
        Ok(Self {
            kind: Oid(tlv::oid(kind.value)?),
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
