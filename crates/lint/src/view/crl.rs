//! Certificate revocation lists (RFC 5280 section 5.1).

use chancery_x509::tlv::{Reader, tag};

use super::algorithm::Algorithm;
use super::der::{self, Explain as _, Malformed, single_value};
use super::extension::{self, AuthorityKeyIdentifier, Extension, ExtensionFaults, Extensions, ParsedExtension};
use super::general_name::DistributionPointName;
use super::name::Name;
use super::oid;
use super::signed::{Signed, SignedForm};
use super::time::Time;

/// A `CertificateList`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crl<'a> {
    /// The version's INTEGER; `None` if it is absent (v1).
    pub(crate) version: Option<&'a [u8]>,
    pub(crate) inner_algorithm: Algorithm<'a>,
    pub(crate) issuer: Name<'a>,
    pub(crate) this_update: Time<'a>,
    pub(crate) next_update: Option<Time<'a>>,
    revoked: Option<Reader<'a>>,
    pub(crate) extensions: Option<Extensions<'a>>,
    pub(crate) known: KnownExtensions<'a>,
    pub(crate) outer_algorithm: Algorithm<'a>,
}

/// The extensions of the list that rules check.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KnownExtensions<'a> {
    pub(crate) authority_key_identifier: ParsedExtension<AuthorityKeyIdentifier<'a>>,
    pub(crate) number: ParsedExtension<&'a [u8]>,
    pub(crate) delta_indicator: ParsedExtension<&'a [u8]>,
    pub(crate) issuing_distribution_point: ParsedExtension<IssuingDistributionPoint<'a>>,
    pub(crate) faults: ExtensionFaults<'a>,
}

/// `IssuingDistributionPoint` (section 5.2.5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct IssuingDistributionPoint<'a> {
    pub(crate) name: Option<DistributionPointName<'a>>,
    /// How many of onlyContainsUserCerts, onlyContainsCACerts and onlyContainsAttributeCerts are set.
    pub(crate) only_contains: usize,
    pub(crate) only_some_reasons: bool,
    pub(crate) indirect: bool,
}

/// An entry of revokedCertificates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// Its position in the list, from 1.
    pub(crate) number: usize,
    pub(crate) serial: &'a [u8],
    pub(crate) revocation_date: Time<'a>,
    pub(crate) extensions: Option<Extensions<'a>>,
    pub(crate) reason: ParsedExtension<u8>,
    pub(crate) invalidity_date: ParsedExtension<Time<'a>>,
    pub(crate) certificate_issuer: ParsedExtension<()>,
    pub(crate) faults: ExtensionFaults<'a>,
}

impl<'a> Crl<'a> {
    /// Parses the frame; [`Crl::entries`] parses the entries.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let signed = Signed::parse(
            der,
            &SignedForm {
                outer: "a CRL is a SEQUENCE",
                tbs: "tbsCertList is not a SEQUENCE",
                more: "a CRL has more than tbsCertList, signatureAlgorithm and signatureValue",
            },
        )?;
        let mut tbs = signed.tbs;
        let version = tbs
            .optional(tag::INTEGER)?
            .map(|version| der::integer(version.content))
            .transpose()?;
        let inner_algorithm = Algorithm::read(&mut tbs, "signature is not an AlgorithmIdentifier")?;
        let issuer = Name::read(&mut tbs, "issuer is not a Name")?;
        let this_update = Time::read(&mut tbs, "thisUpdate is not a Time")?;
        let next_update = match tbs.peek_tag() {
            Some(tag::UTC_TIME | tag::GENERALIZED_TIME) => Some(Time::read(&mut tbs, "nextUpdate is not a Time")?),
            _ => None,
        };
        let revoked = tbs.optional(tag::SEQUENCE)?.map(|revoked| revoked.reader());
        let mut known = KnownExtensions::default();
        let extensions = Extensions::optional(
            &mut tbs,
            0,
            (
                "crlExtensions are not a SEQUENCE",
                "octets follow after the crlExtensions",
            ),
            |extension| known.note(extension),
        )?;
        tbs.finish().explain("tbsCertList has unknown fields")?;

        Ok(Self {
            version,
            inner_algorithm,
            issuer,
            this_update,
            next_update,
            revoked,
            extensions,
            known,
            outer_algorithm: signed.algorithm,
        })
    }

    /// Whether revokedCertificates is present, but empty.
    pub(crate) fn has_empty_list(&self) -> bool {
        self.revoked.is_some_and(|revoked| revoked.is_empty())
    }

    /// Whether the list contains only changes since another.
    pub(crate) fn is_delta(&self) -> bool {
        self.known.delta_indicator.present
    }

    /// Whether the list may contain certificates of other issuers.
    pub(crate) fn is_indirect(&self) -> bool {
        self.known
            .issuing_distribution_point
            .value
            .is_some_and(|point| point.indirect)
    }

    /// The entries in order, up to and including the first malformed one.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Result<Entry<'a>, Malformed>> + use<'a> {
        let mut rest = self.revoked.unwrap_or(Reader::new(&[]));
        let mut number = 0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            number += 1;
            let entry = Entry::read(&mut rest, number);
            if entry.is_err() {
                rest = Reader::new(&[]);
            }
            Some(entry)
        })
    }
}

impl<'a> Entry<'a> {
    fn read(reader: &mut Reader<'a>, number: usize) -> Result<Self, Malformed> {
        let sequence = reader
            .expect(tag::SEQUENCE)
            .explain("an entry of revokedCertificates is not a SEQUENCE")?;
        let mut fields = sequence.reader();
        let serial = fields
            .expect(tag::INTEGER)
            .explain("an entry's userCertificate is not an INTEGER")?;
        let revocation_date = Time::read(&mut fields, "an entry's revocationDate is not a Time")?;
        let mut entry = Self {
            number,
            serial: der::integer(serial.content)?,
            revocation_date,
            extensions: None,
            reason: ParsedExtension::default(),
            invalidity_date: ParsedExtension::default(),
            certificate_issuer: ParsedExtension::default(),
            faults: ExtensionFaults::default(),
        };
        if let Some(sequence) = fields.optional(tag::SEQUENCE)? {
            entry.extensions = Some(Extensions::parse(sequence.content, |extension| entry.note(&extension))?);
        }
        fields
            .finish()
            .explain("an entry of revokedCertificates has unknown fields")?;
        Ok(entry)
    }

    fn note(&mut self, extension: &Extension<'a>) {
        let noted = match extension.oid {
            oid::REASON_CODE => self.reason.note(extension, reason),
            oid::INVALIDITY_DATE => self.invalidity_date.note(extension, invalidity_date),
            oid::CERTIFICATE_ISSUER => self
                .certificate_issuer
                .note(extension, |value| extension::alt_names(value).map(drop)),
            _ => {
                self.faults.unknown(extension);
                Ok(())
            }
        };
        self.faults.note(extension, noted);
    }
}

impl<'a> KnownExtensions<'a> {
    fn note(&mut self, extension: Extension<'a>) {
        let extension = &extension;
        let noted = match extension.oid {
            oid::AUTHORITY_KEY_IDENTIFIER => self
                .authority_key_identifier
                .note(extension, AuthorityKeyIdentifier::parse),
            oid::CRL_NUMBER => self.number.note(extension, extension::single_integer),
            oid::DELTA_CRL_INDICATOR => self.delta_indicator.note(extension, extension::single_integer),
            oid::ISSUING_DISTRIBUTION_POINT => self
                .issuing_distribution_point
                .note(extension, IssuingDistributionPoint::parse),
            oid::ISSUER_ALT_NAME => extension::alt_names(extension.value).map(drop),
            oid::FRESHEST_CRL => extension::distribution_points(extension.value).map(drop),
            oid::AUTHORITY_INFO_ACCESS => extension::access_descriptions(extension.value).map(drop),
            _ => {
                self.faults.unknown(extension);
                Ok(())
            }
        };
        self.faults.note(extension, noted);
    }
}

impl<'a> IssuingDistributionPoint<'a> {
    fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = single_value(value, tag::SEQUENCE, "it is not a SEQUENCE")?;
        let name = fields.optional(tag::context_constructed(0))?;
        let name = name
            .map(|name| DistributionPointName::parse(name.content))
            .transpose()?;
        let user = flag(&mut fields, 1)?;
        let ca = flag(&mut fields, 2)?;
        let reasons = fields.optional(tag::context(3))?;
        reasons.map(|reasons| der::bit_string(reasons.content)).transpose()?;
        let indirect = flag(&mut fields, 4)?;
        let attribute = flag(&mut fields, 5)?;
        fields.finish().explain("it has unknown fields")?;
        Ok(Self {
            name,
            only_contains: [user, ca, attribute].into_iter().filter(|&set| set).count(),
            only_some_reasons: reasons.is_some(),
            indirect,
        })
    }
}

/// A BOOLEAN DEFAULT FALSE under an implicit tag.
fn flag(fields: &mut Reader<'_>, number: u8) -> Result<bool, Malformed> {
    let Some(flag) = fields.optional(tag::context(number))? else {
        return Ok(false);
    };
    if der::boolean(flag.content)? {
        Ok(true)
    } else {
        Err(Malformed("it writes out FALSE where that is the default"))
    }
}

fn reason(value: &[u8]) -> Result<u8, Malformed> {
    match value {
        [tag::ENUMERATED, 1, code] => Ok(*code),
        _ => Err(Malformed("it is not an ENUMERATED of one octet")),
    }
}

fn invalidity_date(value: &[u8]) -> Result<Time<'_>, Malformed> {
    let mut reader = Reader::new(value);
    let time = reader
        .expect(tag::GENERALIZED_TIME)
        .explain("it is not a GeneralizedTime")?;
    reader.finish().explain("octets follow after its end")?;
    Ok(Time::of(time))
}
