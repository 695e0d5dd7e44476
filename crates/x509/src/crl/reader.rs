//! Parses CRLs, one entry at a time.

use std::ops::Range;

use const_oid::ObjectIdentifier;

use super::RevokedEntry;
use super::entry::RawEntry;
use super::error::CrlError;
use crate::algorithm::SigningInput;
use crate::key::ca::{CaPublicKey, SigningHasher};
use crate::name::Name;
use crate::pem::{self, PemError};
use crate::serial::Serial;
use crate::time::UnixTime;
use crate::tlv::der::{self, Extension};
use crate::tlv::time;
use crate::tlv::{NotDer, Reader, Tlv, tag};

/// The PEM label of CRLs (RFC 7468 section 6).
pub const PEM_LABEL: &str = "X509 CRL";

/// Most crlExtensions: RFC 5280 defines eight, and looking for duplicates takes quadratic time.
const MAX_EXTENSIONS: usize = 64;

/// A parsed CRL; entries are parsed on demand, and never kept.
#[derive(Clone, Debug)]
pub struct RevocationList {
    der: Vec<u8>,
    tbs: Range<usize>,
    signature_algorithm: Range<usize>,
    signature_algorithm_oid: ObjectIdentifier,
    signature: Range<usize>,
    issuer: Name,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    entries: Range<usize>,
    extensions: CrlExtensions,
}

/// Which of a CA's certificates a CRL covers (RFC 5280 section 5.2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "the RFC's own four flags")]
pub struct IssuingDistributionPoint {
    /// URIs of the distribution point's full name.
    pub urls: Vec<String>,
    /// onlyContainsUserCerts
    pub only_user_certificates: bool,
    /// onlyContainsCACerts
    pub only_ca_certificates: bool,
    /// onlySomeReasons is present.
    pub only_some_reasons: bool,
    /// indirectCRL: entries may be for certificates of other CAs.
    pub indirect: bool,
    /// onlyContainsAttributeCerts
    pub only_attribute_certificates: bool,
}

fn not_a_crl(document: &[u8]) -> CrlError {
    CrlError::NotACrl {
        why: pem::diagnose(document),
    }
}

/// The error for DER that does not start like a CRL.
const OTHER_DER: CrlError = CrlError::NotACrl {
    why: PemError::OtherDer,
};

/// For `map_err`: the error with what was expected.
fn malformed(detail: &'static str) -> impl Fn(NotDer) -> CrlError {
    move |_: NotDer| CrlError::Malformed { detail }
}

impl RevocationList {
    /// Parses one CRL, DER or PEM, and copies it. Only [`entries`](Self::entries) parses the entries.
    pub fn parse(input: &[u8]) -> Result<Self, CrlError> {
        if pem::is_pem(input) {
            Self::from_pem(input)
        } else {
            Self::from_der(input.to_vec())
        }
    }

    /// The same for a file's content: DER is kept and not copied, PEM is dropped once it is decoded.
    pub fn from_file(content: Vec<u8>) -> Result<Self, CrlError> {
        if pem::is_pem(&content) {
            Self::from_pem(&content)
        } else {
            Self::from_der(content)
        }
    }

    fn from_pem(text: &[u8]) -> Result<Self, CrlError> {
        let mut blocks = pem::decode(text, &[PEM_LABEL]).map_err(|why| CrlError::NotACrl { why })?;
        let block = blocks.swap_remove(0);
        if !blocks.is_empty() {
            return Err(CrlError::Malformed {
                detail: "there is more than one in the file",
            });
        }
        Self::from_der(block.der)
    }

    /// Parses DER without copying it.
    pub fn from_der(document: Vec<u8>) -> Result<Self, CrlError> {
        let mut outer = der::only(&document, tag::SEQUENCE)
            .map_err(|_| not_a_crl(&document))?
            .reader();
        let tbs = outer.expect(tag::SEQUENCE).map_err(|_| not_a_crl(&document))?;
        let algorithm = outer
            .expect(tag::SEQUENCE)
            .map_err(malformed("the signature algorithm is missing"))?;
        let signature = outer
            .expect(tag::BIT_STRING)
            .map_err(malformed("the signature is missing"))?;
        let signature = signature
            .whole_octets()
            .map_err(malformed("the signature is not a whole number of octets"))?;
        outer.finish().map_err(malformed("something follows the signature"))?;
        let signature_algorithm_oid = algorithm_oid(&algorithm)?;

        let head = Head::read(&tbs)?;
        if head.signature.raw != algorithm.raw {
            return Err(CrlError::Malformed {
                detail: "the signature algorithms inside and outside the signed part differ",
            });
        }
        let issuer = Name::from_der(head.issuer.raw).map_err(|_| CrlError::Malformed {
            detail: "the issuer is not a distinguished name",
        })?;
        Ok(Self {
            tbs: der::range_in(&document, tbs.raw),
            signature_algorithm: der::range_in(&document, algorithm.raw),
            signature_algorithm_oid,
            signature: der::range_in(&document, signature),
            issuer,
            this_update: head.this_update,
            next_update: head.next_update,
            entries: der::range_in(&document, head.entries),
            extensions: head.extensions,
            der: document,
        })
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The DER TBSCertList, which is signed.
    pub fn tbs_der(&self) -> &[u8] {
        &self.der[self.tbs.clone()]
    }

    /// The signature algorithm.
    pub fn signature_algorithm(&self) -> ObjectIdentifier {
        self.signature_algorithm_oid
    }

    /// The signature's octets.
    pub fn signature(&self) -> &[u8] {
        &self.der[self.signature.clone()]
    }

    /// The issuer.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// cRLNumber, if it is present and fits.
    pub fn number(&self) -> Option<u64> {
        self.extensions.number
    }

    /// thisUpdate.
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// nextUpdate.
    pub fn next_update(&self) -> Option<UnixTime> {
        self.next_update
    }

    /// authorityKeyIdentifier's keyIdentifier.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.extensions.authority_key_identifier.as_deref()
    }

    /// issuingDistributionPoint; if present, the CRL may not cover all of its issuer's certificates.
    pub fn issuing_distribution_point(&self) -> Option<&IssuingDistributionPoint> {
        self.extensions.issuing_distribution_point.as_ref()
    }

    /// The first URL of the issuingDistributionPoint: the shard's.
    pub fn distribution_point(&self) -> Option<&str> {
        let point = self.extensions.issuing_distribution_point.as_ref()?;
        point.urls.first().map(String::as_str)
    }

    /// Whether this is a delta CRL (section 5.2.4), which is meaningless without its base.
    pub fn is_delta(&self) -> bool {
        self.extensions.delta
    }

    /// Critical crlExtensions that are not supported here. If there are any, the CRL must not be used to decide on any
    /// certificate (section 5.2).
    pub fn unknown_critical_extensions(&self) -> &[ObjectIdentifier] {
        &self.extensions.unknown_critical
    }

    /// The entries, in order; the first error is the last item.
    pub fn entries(&self) -> impl Iterator<Item = Result<RevokedEntry, CrlError>> + '_ {
        Entries {
            reader: Reader::new(&self.der[self.entries.clone()]),
        }
    }

    /// The entry of that serial. Without one, every entry is checked up to the end; with one, those before it: time
    /// grows with the length of the CRL.
    pub fn find(&self, serial: &Serial) -> Result<Option<RevokedEntry>, CrlError> {
        self.entries()
            .find(|entry| entry.as_ref().map_or(true, |entry| entry.serial == *serial))
            .transpose()
    }

    /// Whether `issuer`'s key made the signature, with the algorithm that CAs here use for such a key (names are not
    /// compared).
    pub fn is_signed_by(&self, issuer: &CaPublicKey) -> bool {
        let mut hasher = SigningHasher::new(issuer);
        hasher.update(self.tbs_der());
        self.is_signed_as(issuer, &hasher.finish())
    }

    /// The same where the signed input is already computed.
    pub(super) fn is_signed_as(&self, issuer: &CaPublicKey, signed: &SigningInput) -> bool {
        self.der[self.signature_algorithm.clone()] == *issuer.algorithm().signature_algorithm_der()
            && issuer.verify(signed, self.signature()).is_ok()
    }
}

struct Entries<'a> {
    reader: Reader<'a>,
}

impl Iterator for Entries<'_> {
    type Item = Result<RevokedEntry, CrlError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let entry = RawEntry::next(&mut self.reader)
            .map_err(malformed("an entry has not the structure of RFC 5280 section 5.1"))
            .and_then(RawEntry::to_entry);
        if entry.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(entry)
    }
}

/// The fields of a TBSCertList.
struct Head<'a> {
    signature: Tlv<'a>,
    issuer: Tlv<'a>,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    entries: &'a [u8],
    extensions: CrlExtensions,
}

impl<'a> Head<'a> {
    fn read(tbs: &Tlv<'a>) -> Result<Self, CrlError> {
        let mut fields = tbs.reader();
        let version = fields
            .optional(tag::INTEGER)
            .map_err(malformed("the version is not an INTEGER"))?;
        if version.is_some_and(|version| version.content != [1]) {
            return Err(CrlError::Malformed {
                detail: "the version is not 2",
            });
        }
        let signature = fields.expect(tag::SEQUENCE).map_err(|_| OTHER_DER)?;
        let issuer = fields.expect(tag::SEQUENCE).map_err(|_| OTHER_DER)?;
        let this_update = fields.read().map_err(|_| OTHER_DER)?;
        let this_update = time::parse(&this_update).ok_or(CrlError::Malformed {
            detail: "thisUpdate is not a time of RFC 5280 section 5.1.2.4",
        })?;
        let next_update = der::optional_time(&mut fields).map_err(malformed("nextUpdate is cut off"))?;
        let next_update = next_update
            .map(|next_update| {
                time::parse(&next_update).ok_or(CrlError::Malformed {
                    detail: "nextUpdate is not a time of RFC 5280 section 5.1.2.5",
                })
            })
            .transpose()?;
        let entries = fields
            .optional(tag::SEQUENCE)
            .map_err(malformed("the entries are cut off"))?;
        let extensions = match fields
            .optional(tag::context_constructed(0))
            .map_err(malformed("the extensions are cut off"))?
        {
            None => CrlExtensions::default(),
            Some(_) if version.is_none() => {
                return Err(CrlError::Malformed {
                    detail: "a CRL of version 1 has extensions",
                });
            }
            Some(explicit) => CrlExtensions::read(&explicit)?,
        };
        fields.finish().map_err(malformed("something follows the extensions"))?;
        Ok(Self {
            signature,
            issuer,
            this_update,
            next_update,
            entries: entries.map_or(&[], |entries| entries.content),
            extensions,
        })
    }
}

#[derive(Clone, Debug, Default)]
struct CrlExtensions {
    number: Option<u64>,
    authority_key_identifier: Option<Vec<u8>>,
    issuing_distribution_point: Option<IssuingDistributionPoint>,
    delta: bool,
    unknown_critical: Vec<ObjectIdentifier>,
}

impl CrlExtensions {
    fn read(explicit: &Tlv<'_>) -> Result<Self, CrlError> {
        let not_extensions = "the extensions have not the structure of RFC 5280 section 4.1";
        let mut reader = der::only(explicit.content, tag::SEQUENCE)
            .map_err(malformed(not_extensions))?
            .reader();
        if reader.is_empty() {
            return Err(CrlError::Malformed {
                detail: "the extensions are there but empty",
            });
        }
        let mut seen = Vec::new();
        let mut extensions = Self::default();
        while !reader.is_empty() {
            let extension = Extension::next(&mut reader).map_err(malformed(not_extensions))?;
            if seen.contains(&extension.oid) {
                return Err(CrlError::Malformed {
                    detail: "an extension is there twice",
                });
            }
            seen.push(extension.oid);
            if seen.len() > MAX_EXTENSIONS {
                return Err(CrlError::Malformed {
                    detail: "there are more than 64 extensions",
                });
            }
            extensions.take(&extension)?;
        }
        Ok(extensions)
    }

    fn take(&mut self, extension: &Extension<'_>) -> Result<(), CrlError> {
        let value = extension.value;
        match extension.oid {
            // authorityKeyIdentifier
            [0x55, 0x1d, 0x23] => {
                self.authority_key_identifier = key_identifier(value)
                    .map_err(malformed("the authority key identifier is malformed"))?
                    .map(<[u8]>::to_vec);
            }
            // cRLNumber
            [0x55, 0x1d, 0x14] => {
                let number = der::only(value, tag::INTEGER)
                    .and_then(|number| der::unsigned(number.content))
                    .map_err(malformed("the CRL number is not a non-negative INTEGER"))?;
                self.number = der::as_u64(number);
            }
            // deltaCRLIndicator
            [0x55, 0x1d, 0x1b] => self.delta = true,
            // issuingDistributionPoint
            [0x55, 0x1d, 0x1c] => {
                let point = IssuingDistributionPoint::read(value)
                    .map_err(malformed("the issuing distribution point is malformed"))?;
                self.issuing_distribution_point = Some(point);
            }
            unknown if extension.critical => {
                let oid = ObjectIdentifier::from_bytes(unknown).map_err(|_| CrlError::Malformed {
                    detail: "an extension's object identifier is malformed",
                })?;
                self.unknown_critical.push(oid);
            }
            _ => {}
        }
        Ok(())
    }
}

/// keyIdentifier of an `AuthorityKeyIdentifier`.
pub(crate) fn key_identifier(value: &[u8]) -> Result<Option<&[u8]>, NotDer> {
    let mut fields = der::only(value, tag::SEQUENCE)?.reader();
    let identifier = fields.optional(tag::context(0))?;
    fields.optional(tag::context_constructed(1))?;
    fields.optional(tag::context(2))?;
    fields.finish()?;
    Ok(identifier.map(|identifier| identifier.content))
}

impl IssuingDistributionPoint {
    /// Parses the content of extnValue.
    pub(crate) fn read(value: &[u8]) -> Result<Self, NotDer> {
        let mut fields = der::only(value, tag::SEQUENCE)?.reader();
        let mut point = Self::default();
        if let Some(name) = fields.optional(tag::context_constructed(0))? {
            point.urls = full_name_urls(&name)?;
        }
        point.only_user_certificates = flag(&mut fields, 1)?;
        point.only_ca_certificates = flag(&mut fields, 2)?;
        point.only_some_reasons = fields.optional(tag::context(3))?.is_some();
        point.indirect = flag(&mut fields, 4)?;
        point.only_attribute_certificates = flag(&mut fields, 5)?;
        fields.finish()?;
        Ok(point)
    }
}

/// A `[number] BOOLEAN DEFAULT FALSE`.
fn flag(fields: &mut Reader<'_>, number: u8) -> Result<bool, NotDer> {
    match fields.optional(tag::context(number))? {
        Some(flag) => der::boolean(flag.content),
        None => Ok(false),
    }
}

/// The URIs among the names of a `DistributionPointName`; a name relative to the issuer has none.
fn full_name_urls(distribution_point_name: &Tlv<'_>) -> Result<Vec<String>, NotDer> {
    let mut choice = distribution_point_name.reader();
    let full_name = choice.optional(tag::context_constructed(0))?;
    if full_name.is_none() {
        choice.expect(tag::context_constructed(1))?;
    }
    choice.finish()?;
    let mut urls = Vec::new();
    let Some(full_name) = full_name else {
        return Ok(urls);
    };
    let mut names = full_name.reader();
    while !names.is_empty() {
        let name = names.read()?;
        if name.tag == tag::context(6) {
            let url = str::from_utf8(name.content).map_err(|_| NotDer::Unexpected)?;
            if !url.is_ascii() {
                return Err(NotDer::Unexpected);
            }
            urls.push(url.to_owned());
        }
    }
    Ok(urls)
}

fn algorithm_oid(algorithm: &Tlv<'_>) -> Result<ObjectIdentifier, CrlError> {
    let detail = "the signature algorithm is not an AlgorithmIdentifier";
    let mut fields = algorithm.reader();
    let oid = fields.expect(tag::OID).map_err(malformed(detail))?;
    if !fields.is_empty() {
        fields.read().map_err(malformed(detail))?;
    }
    fields.finish().map_err(malformed(detail))?;
    ObjectIdentifier::from_bytes(oid.content).map_err(|_| CrlError::Malformed { detail })
}
