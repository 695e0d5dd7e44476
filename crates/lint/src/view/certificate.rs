//! Certificates (RFC 5280 section 4.1).

use chancery_x509::tlv::{Reader, tag};

use super::algorithm::Algorithm;
use super::der::{self, Explain as _, Malformed, single_value};
use super::extension::{
    self, AuthorityKeyIdentifier, BasicConstraints, Extension, ExtensionFaults, Extensions, KeyUsage, List,
    NameConstraints, ParsedExtension,
};
use super::general_name::{AccessDescription, DistributionPoint, GeneralNames};
use super::name::Name;
use super::oid::{self, Oid};
use super::public_key::PublicKey;
use super::signed::{Signed, SignedForm};
use super::time::Time;

/// A Certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Certificate<'a> {
    /// All octets.
    pub(crate) der: &'a [u8],
    /// The version's INTEGER; `None` if it is absent (v1).
    pub(crate) version: Option<&'a [u8]>,
    pub(crate) serial: &'a [u8],
    pub(crate) inner_algorithm: Algorithm<'a>,
    pub(crate) issuer: Name<'a>,
    pub(crate) not_before: Time<'a>,
    pub(crate) not_after: Time<'a>,
    pub(crate) subject: Name<'a>,
    pub(crate) public_key: PublicKey<'a>,
    pub(crate) has_unique_identifier: bool,
    pub(crate) extensions: Option<Extensions<'a>>,
    pub(crate) known: KnownExtensions<'a>,
    pub(crate) outer_algorithm: Algorithm<'a>,
}

/// The extensions that rules check.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KnownExtensions<'a> {
    pub(crate) authority_key_identifier: ParsedExtension<AuthorityKeyIdentifier<'a>>,
    pub(crate) subject_key_identifier: ParsedExtension<&'a [u8]>,
    pub(crate) key_usage: ParsedExtension<KeyUsage>,
    pub(crate) policies: ParsedExtension<List<'a, Oid<'a>>>,
    pub(crate) alt_names: ParsedExtension<GeneralNames<'a>>,
    pub(crate) basic_constraints: ParsedExtension<BasicConstraints>,
    pub(crate) name_constraints: ParsedExtension<NameConstraints<'a>>,
    /// The contents of the name constraints' extnValue.
    pub(crate) name_constraints_der: Option<&'a [u8]>,
    pub(crate) extended_key_usage: ParsedExtension<List<'a, Oid<'a>>>,
    pub(crate) distribution_points: ParsedExtension<List<'a, DistributionPoint<'a>>>,
    pub(crate) authority_info_access: ParsedExtension<List<'a, AccessDescription<'a>>>,
    pub(crate) faults: ExtensionFaults<'a>,
}

impl<'a> Certificate<'a> {
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let signed = Signed::parse(
            der,
            &SignedForm {
                outer: "a certificate is a SEQUENCE",
                tbs: "tbsCertificate is not a SEQUENCE",
                more: "a certificate has more than tbsCertificate, signatureAlgorithm and signatureValue",
            },
        )?;
        let mut tbs = signed.tbs;
        let version = tbs.optional(tag::context_constructed(0))?;
        let version = version
            .map(|version| extension::single_integer(version.content))
            .transpose()?;
        let serial = tbs.expect(tag::INTEGER).explain("serialNumber is not an INTEGER")?;
        let inner_algorithm = Algorithm::read(&mut tbs, "signature is not an AlgorithmIdentifier")?;
        let issuer = Name::read(&mut tbs, "issuer is not a Name")?;
        let mut validity = Reader::new(tbs.expect(tag::SEQUENCE).explain("validity is not a SEQUENCE")?.content);
        let not_before = Time::read(&mut validity, "notBefore is not a Time")?;
        let not_after = Time::read(&mut validity, "notAfter is not a Time")?;
        validity.finish().explain("validity has more than two times")?;
        let subject = Name::read(&mut tbs, "subject is not a Name")?;
        let public_key = PublicKey::read(&mut tbs)?;
        let issuer_unique_identifier = tbs.optional(tag::context(1))?;
        let subject_unique_identifier = tbs.optional(tag::context(2))?;
        let mut known = KnownExtensions::default();
        let extensions = Extensions::optional(
            &mut tbs,
            3,
            ("extensions are not a SEQUENCE", "octets follow after the extensions"),
            |extension| known.note(extension),
        )?;
        tbs.finish().explain("tbsCertificate has unknown fields")?;

        Ok(Self {
            der,
            version,
            serial: der::integer(serial.content)?,
            inner_algorithm,
            issuer,
            not_before,
            not_after,
            subject,
            public_key,
            has_unique_identifier: issuer_unique_identifier.is_some() || subject_unique_identifier.is_some(),
            extensions,
            known,
            outer_algorithm: signed.algorithm,
        })
    }

    /// The names of the subject: the subject field, and directory names in subjectAltName.
    pub(crate) fn own_names(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        let directories = self.alt_names().into_iter().flat_map(|names| names.directories());
        std::iter::once(self.subject).chain(directories)
    }

    /// Whether basicConstraints mark the subject as a CA.
    pub(crate) fn is_ca(&self) -> bool {
        self.known
            .basic_constraints
            .value
            .is_some_and(|constraints| constraints.ca)
    }

    /// Whether issuer and subject are the same.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer.der == self.subject.der
    }

    /// The key usage, if it is present and valid.
    pub(crate) fn key_usage(&self) -> Option<KeyUsage> {
        self.known.key_usage.value
    }

    /// Whether extKeyUsage lists that purpose.
    pub(crate) fn has_purpose(&self, purpose: Oid<'static>) -> bool {
        self.known
            .extended_key_usage
            .value
            .is_some_and(|purposes| purposes.iter().any(|listed| listed == purpose))
    }

    /// subjectAltName, if it is present and valid.
    pub(crate) fn alt_names(&self) -> Option<GeneralNames<'a>> {
        self.known.alt_names.value
    }
}

impl<'a> KnownExtensions<'a> {
    fn note(&mut self, extension: Extension<'a>) {
        let extension = &extension;
        let noted = match extension.oid {
            oid::AUTHORITY_KEY_IDENTIFIER => self
                .authority_key_identifier
                .note(extension, AuthorityKeyIdentifier::parse),
            oid::SUBJECT_KEY_IDENTIFIER => self.subject_key_identifier.note(extension, extension::octet_string),
            oid::KEY_USAGE => self.key_usage.note(extension, KeyUsage::parse),
            oid::CERTIFICATE_POLICIES => self.policies.note(extension, extension::policies),
            oid::SUBJECT_ALT_NAME => self.alt_names.note(extension, extension::alt_names),
            oid::BASIC_CONSTRAINTS => self.basic_constraints.note(extension, BasicConstraints::parse),
            oid::NAME_CONSTRAINTS => {
                self.name_constraints_der.get_or_insert(extension.value);
                self.name_constraints.note(extension, NameConstraints::parse)
            }
            oid::EXTENDED_KEY_USAGE => self.extended_key_usage.note(extension, extension::extended_key_usage),
            oid::CRL_DISTRIBUTION_POINTS => self.distribution_points.note(extension, extension::distribution_points),
            oid::AUTHORITY_INFO_ACCESS => self
                .authority_info_access
                .note(extension, extension::access_descriptions),
            oid::ISSUER_ALT_NAME => extension::alt_names(extension.value).map(drop),
            oid::FRESHEST_CRL => extension::distribution_points(extension.value).map(drop),
            oid::SUBJECT_INFO_ACCESS => extension::access_descriptions(extension.value).map(drop),
            oid::INHIBIT_ANY_POLICY => extension::single_integer(extension.value).map(drop),
            oid::POLICY_CONSTRAINTS | oid::POLICY_MAPPINGS | oid::SUBJECT_DIRECTORY_ATTRIBUTES => {
                sequence(extension.value)
            }
            _ => {
                self.faults.unknown(extension);
                Ok(())
            }
        };
        self.faults.note(extension, noted);
    }
}

/// A SEQUENCE whose content no rule checks.
fn sequence(value: &[u8]) -> Result<(), Malformed> {
    single_value(value, tag::SEQUENCE, "it is not a SEQUENCE").map(drop)
}
