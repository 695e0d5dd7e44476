//! Objects for the rules' examples: composed of raw DER parts, so that every part can be wrong.

use sha1::{Digest, Sha1};

use super::view::oid::{self, Oid};
use super::{Finding, Rule};
use chancery_x509::tlv::tag;

/// Asserts that the rule found nothing, and that the object could be parsed.
#[track_caller]
pub(super) fn assert_passes(rule: &Rule, findings: &[Finding]) {
    let loud = |finding: &&Finding| [rule.name, "certificate_der", "crl_der"].contains(&finding.rule);
    assert_eq!(findings.iter().find(loud), None, "{}", rule.name);
}

/// Asserts that the rule found something, with its own severity and citation.
#[track_caller]
pub(super) fn assert_found(rule: &Rule, findings: &[Finding]) {
    let found = findings.iter().find(|finding| finding.rule == rule.name);
    let found = found.unwrap_or_else(|| panic!("{} found nothing; others: {findings:?}", rule.name));
    assert_eq!((found.severity, found.citation), (rule.severity, rule.citation));
    assert!(!found.message.is_empty());
}

/// A value of that tag with these contents concatenated.
pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let length = contents.len().to_be_bytes();
    let significant = &length[length.iter().position(|&octet| octet != 0).unwrap_or(length.len() - 1)..];
    let mut der = vec![tag];
    if contents.len() >= 0x80 {
        der.push(0x80 | u8::try_from(significant.len()).unwrap());
    }
    der.extend_from_slice(significant);
    der.extend(contents);
    der
}

pub(super) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag::SEQUENCE, parts)
}

pub(super) fn oid(oid: Oid<'_>) -> Vec<u8> {
    tlv(tag::OID, &[oid.0])
}

pub(super) fn integer(contents: &[u8]) -> Vec<u8> {
    tlv(tag::INTEGER, &[contents])
}

pub(super) fn bit_string(octets: &[u8]) -> Vec<u8> {
    tlv(tag::BIT_STRING, &[&[0], octets])
}

pub(super) fn octet_string(octets: &[u8]) -> Vec<u8> {
    tlv(tag::OCTET_STRING, &[octets])
}

/// `[number]` around values.
pub(super) fn explicit(number: u8, parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag::context_constructed(number), parts)
}

/// `[number]` instead of a primitive value's tag.
pub(super) fn implicit(number: u8, contents: &[u8]) -> Vec<u8> {
    tlv(tag::context(number), &[contents])
}

pub(super) fn utc(text: &str) -> Vec<u8> {
    tlv(tag::UTC_TIME, &[text.as_bytes()])
}

pub(super) fn generalized(text: &str) -> Vec<u8> {
    tlv(tag::GENERALIZED_TIME, &[text.as_bytes()])
}

pub(super) fn attribute(kind: Oid<'_>, tag: u8, value: &[u8]) -> Vec<u8> {
    seq(&[&oid(kind), &tlv(tag, &[value])])
}

/// A Name with one attribute per RDN.
pub(super) fn name(attributes: &[Vec<u8>]) -> Vec<u8> {
    let rdns: Vec<_> = attributes.iter().map(|attribute| tlv(tag::SET, &[attribute])).collect();
    seq(&[&rdns.concat()])
}

pub(super) fn common_name(text: &str) -> Vec<u8> {
    name(&[attribute(oid::COMMON_NAME, tag::UTF8_STRING, text.as_bytes())])
}

pub(super) fn email(text: &str) -> Vec<u8> {
    implicit(1, text.as_bytes())
}

pub(super) fn dns(text: &str) -> Vec<u8> {
    implicit(2, text.as_bytes())
}

pub(super) fn directory(name: &[u8]) -> Vec<u8> {
    explicit(4, &[name])
}

pub(super) fn uri(text: &str) -> Vec<u8> {
    implicit(6, text.as_bytes())
}

pub(super) fn ip(octets: &[u8]) -> Vec<u8> {
    implicit(7, octets)
}

/// A distribution point with these full names.
pub(super) fn distribution_point(names: &[Vec<u8>]) -> Vec<u8> {
    seq(&[&explicit(0, &[&explicit(0, &[&names.concat()])])])
}

/// An Extension; `critical` is omitted if it is FALSE.
pub(super) fn extension(kind: Oid<'_>, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[tag::BOOLEAN, 1, 0xff] } else { &[] };
    seq(&[&oid(kind), critical, &octet_string(value)])
}

/// An Extension with `critical` explicitly FALSE.
pub(super) fn extension_with_false(kind: Oid<'_>, value: &[u8]) -> Vec<u8> {
    seq(&[&oid(kind), &[tag::BOOLEAN, 1, 0], &octet_string(value)])
}

/// A `KeyUsage` with these bits; bit n of the BIT STRING is bit n here.
pub(super) fn key_usage(bits: u16) -> Vec<u8> {
    let [second, first] = bits.to_be_bytes().map(u8::reverse_bits);
    let octets: &[u8] = match (first, second) {
        (0, 0) => &[],
        (first, 0) => &[first],
        (first, second) => &[first, second],
    };
    let unused = octets.last().map_or(0, |last| last.trailing_zeros());
    tlv(tag::BIT_STRING, &[&[u8::try_from(unused).unwrap()], octets])
}

/// An `AuthorityKeyIdentifier` with only a keyIdentifier.
pub(super) fn key_identifier(identifier: &[u8]) -> Vec<u8> {
    seq(&[&implicit(0, identifier)])
}

/// An `AlgorithmIdentifier` without parameters.
pub(super) fn algorithm(kind: Oid<'_>) -> Vec<u8> {
    seq(&[&oid(kind)])
}

/// An `AlgorithmIdentifier` with NULL.
pub(super) fn algorithm_null(kind: Oid<'_>) -> Vec<u8> {
    seq(&[&oid(kind), &[tag::NULL, 0]])
}

/// A `SubjectPublicKeyInfo`.
pub(super) fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    seq(&[algorithm, &bit_string(key)])
}

pub(super) fn ec_spki(curve: Oid<'_>, point: &[u8]) -> Vec<u8> {
    spki(&seq(&[&oid(oid::EC_PUBLIC_KEY), &oid(curve)]), point)
}

pub(super) fn rsa_spki(modulus_octets: usize, exponent: &[u8]) -> Vec<u8> {
    let modulus = [&[0][..], &vec![0xc5; modulus_octets]].concat();
    spki(
        &algorithm_null(oid::RSA_ENCRYPTION),
        &seq(&[&integer(&modulus), &integer(exponent)]),
    )
}

/// A well-formed uncompressed P-256 point; the coordinates repeat `fill`, so that keys differ.
pub(super) fn p256_point(fill: u8) -> Vec<u8> {
    [&[4][..], &[fill; 64]].concat()
}

/// The parts of a certificate.
#[derive(Clone, Debug)]
pub(super) struct CertificateParts {
    pub(super) version: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) inner_algorithm: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) not_before: Vec<u8>,
    pub(super) not_after: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) spki: Vec<u8>,
    pub(super) unique_identifiers: Vec<u8>,
    pub(super) extensions: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) empty_extensions: bool,
    pub(super) outer_algorithm: Vec<u8>,
    /// The DER of the CA that it is linted under.
    pub(super) ca: Option<Vec<u8>>,
}

impl CertificateParts {
    fn bare(subject: &str, fill: u8) -> Self {
        let point = p256_point(fill);
        Self {
            version: explicit(0, &[&integer(&[2])]),
            serial: integer(&[0x5a; 16]),
            inner_algorithm: algorithm(oid::ECDSA_WITH_SHA256),
            issuer: common_name("Example Root CA"),
            not_before: utc("240101000000Z"),
            not_after: utc("440101000000Z"),
            subject: common_name(subject),
            spki: ec_spki(oid::P256, &point),
            unique_identifiers: Vec::new(),
            extensions: Vec::new(),
            empty_extensions: false,
            outer_algorithm: algorithm(oid::ECDSA_WITH_SHA256),
            ca: None,
        }
        .with(oid::SUBJECT_KEY_IDENTIFIER, false, &octet_string(&Sha1::digest(&point)))
    }

    /// A valid root certificate.
    pub(super) fn root() -> Self {
        Self::bare("Example Root CA", 1)
            .with(oid::KEY_USAGE, true, &key_usage(0b110_0001))
            .with(oid::BASIC_CONSTRAINTS, true, &seq(&[&[tag::BOOLEAN, 1, 0xff]]))
    }

    /// A valid issuing CA's certificate under [`CertificateParts::root`].
    pub(super) fn issuing_ca() -> Self {
        let path_len_zero = seq(&[&[tag::BOOLEAN, 1, 0xff], &integer(&[0])]);
        let parts = Self::bare("Example Issuing CA", 2);
        Self {
            not_after: utc("340101000000Z"),
            ..parts
        }
        .with(
            oid::AUTHORITY_KEY_IDENTIFIER,
            false,
            &key_identifier(&Sha1::digest(p256_point(1))),
        )
        .with(oid::KEY_USAGE, true, &key_usage(0b110_0001))
        .with(oid::BASIC_CONSTRAINTS, true, &path_len_zero)
        .under(&Self::root())
    }

    /// A valid server certificate under [`CertificateParts::issuing_ca`].
    pub(super) fn leaf() -> Self {
        let parts = Self::bare("www.example.com", 3);
        let location = uri("http://ca.example.com/issuing.crl");
        let issuer_location = seq(&[&oid(oid::AD_CA_ISSUERS), &uri("http://ca.example.com/issuing.crt")]);
        Self {
            issuer: common_name("Example Issuing CA"),
            not_before: utc("250101000000Z"),
            not_after: utc("251231235959Z"),
            ..parts
        }
        .with(
            oid::AUTHORITY_KEY_IDENTIFIER,
            false,
            &key_identifier(&Sha1::digest(p256_point(2))),
        )
        .with(oid::KEY_USAGE, true, &key_usage(1))
        .with(oid::EXTENDED_KEY_USAGE, false, &seq(&[&oid(oid::SERVER_AUTH)]))
        .with_names(&[dns("www.example.com"), ip(&[192, 0, 2, 1])])
        .with(
            oid::CERTIFICATE_POLICIES,
            false,
            &seq(&[&seq(&[&oid(Oid(&[0x67, 0x81, 0x0c, 1, 2, 1]))])]),
        )
        .with(
            oid::CRL_DISTRIBUTION_POINTS,
            false,
            &seq(&[&distribution_point(&[location])]),
        )
        .with(oid::AUTHORITY_INFO_ACCESS, false, &seq(&[&issuer_location]))
        .under(&Self::issuing_ca())
    }

    /// With that serial number.
    pub(super) fn serial(self, contents: &[u8]) -> Self {
        Self {
            serial: integer(contents),
            ..self
        }
    }

    /// With that subject.
    pub(super) fn subject(self, subject: Vec<u8>) -> Self {
        Self { subject, ..self }
    }

    /// With one more attribute after the common name.
    pub(super) fn attribute(self, kind: Oid<'_>, tag: u8, value: &[u8]) -> Self {
        let common_name = attribute(oid::COMMON_NAME, tag::UTF8_STRING, b"www.example.com");
        self.subject(name(&[common_name, attribute(kind, tag, value)]))
    }

    /// With that key, and a matching SKI.
    pub(super) fn key(self, spki: Vec<u8>) -> Self {
        Self { spki, ..self }
    }

    /// With that signature algorithm, in the TBSCertificate and outside.
    pub(super) fn signed_with(self, algorithm: Vec<u8>) -> Self {
        Self {
            inner_algorithm: algorithm.clone(),
            outer_algorithm: algorithm,
            ..self
        }
    }

    /// With that extension, which replaces one of the same OID.
    pub(super) fn with(self, kind: Oid<'_>, critical: bool, value: &[u8]) -> Self {
        self.with_raw(kind, extension(kind, critical, value))
    }

    /// With that extension's octets, which replace one of the same OID.
    pub(super) fn with_raw(mut self, kind: Oid<'_>, der: Vec<u8>) -> Self {
        match self.extensions.iter_mut().find(|(known, _)| known == kind.0) {
            Some((_, old)) => *old = der,
            None => self.extensions.push((kind.0.to_vec(), der)),
        }
        self
    }

    /// With name constraints, critical, that permit one subtree of that base.
    pub(super) fn permitting(self, base: &[u8]) -> Self {
        let permitted = explicit(0, &[&seq(&[base])]);
        self.with(oid::NAME_CONSTRAINTS, true, &seq(&[&permitted]))
    }

    /// With that subjectAltName, not critical.
    pub(super) fn with_names(self, names: &[Vec<u8>]) -> Self {
        self.with(oid::SUBJECT_ALT_NAME, false, &seq(&[&names.concat()]))
    }

    /// With an additional extension, whatever exists already.
    pub(super) fn with_another(mut self, kind: Oid<'_>, value: &[u8]) -> Self {
        self.extensions.push((Vec::new(), extension(kind, false, value)));
        self
    }

    /// Without that extension.
    pub(super) fn without(mut self, kind: Oid<'_>) -> Self {
        self.extensions.retain(|(known, _)| known != kind.0);
        self
    }

    /// Linted under that CA.
    pub(super) fn under(self, ca: &Self) -> Self {
        Self {
            ca: Some(ca.encode()),
            ..self
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let extensions: Vec<_> = self.extensions.iter().map(|(_, der)| der.as_slice()).collect();
        let extensions = if extensions.is_empty() && !self.empty_extensions {
            Vec::new()
        } else {
            explicit(3, &[&seq(&extensions)])
        };
        let tbs = seq(&[
            &self.version,
            &self.serial,
            &self.inner_algorithm,
            &self.issuer,
            &seq(&[&self.not_before, &self.not_after]),
            &self.subject,
            &self.spki,
            &self.unique_identifiers,
            &extensions,
        ]);
        seq(&[
            &tbs,
            &self.outer_algorithm,
            &bit_string(&seq(&[&integer(&[1]), &integer(&[1])])),
        ])
    }

    pub(super) fn lint(&self) -> Vec<Finding> {
        super::lint_certificate(&self.encode(), self.ca.as_deref())
    }
}

/// The parts of a CRL.
#[derive(Clone, Debug)]
pub(super) struct CrlParts {
    pub(super) version: Vec<u8>,
    pub(super) inner_algorithm: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) this_update: Vec<u8>,
    pub(super) next_update: Vec<u8>,
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) empty_list: bool,
    pub(super) extensions: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) empty_extensions: bool,
    pub(super) outer_algorithm: Vec<u8>,
    /// The DER of the CA that it is linted under.
    pub(super) ca: Option<Vec<u8>>,
}

/// An entry of a CRL.
pub(super) fn entry(serial: &[u8], date: &str, extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = if extensions.is_empty() {
        Vec::new()
    } else {
        seq(&[&extensions.concat()])
    };
    seq(&[&integer(serial), &utc(date), &extensions])
}

/// A reasonCode extension.
pub(super) fn reason(code: u8) -> Vec<u8> {
    extension(oid::REASON_CODE, false, &[tag::ENUMERATED, 1, code])
}

impl CrlParts {
    /// A valid full CRL of [`CertificateParts::issuing_ca`].
    pub(super) fn full() -> Self {
        let invalidity = extension(oid::INVALIDITY_DATE, false, &generalized("20250101000000Z"));
        Self {
            version: integer(&[1]),
            inner_algorithm: algorithm(oid::ECDSA_WITH_SHA256),
            issuer: common_name("Example Issuing CA"),
            this_update: utc("250601000000Z"),
            next_update: utc("250608000000Z"),
            entries: vec![
                entry(&[0x11; 16], "250301000000Z", &[]),
                entry(&[0x22; 16], "250501000000Z", &[reason(1), invalidity]),
            ],
            empty_list: false,
            extensions: Vec::new(),
            empty_extensions: false,
            outer_algorithm: algorithm(oid::ECDSA_WITH_SHA256),
            ca: Some(CertificateParts::issuing_ca().encode()),
        }
        .with(
            oid::AUTHORITY_KEY_IDENTIFIER,
            false,
            &key_identifier(&Sha1::digest(p256_point(2))),
        )
        .with(oid::CRL_NUMBER, false, &integer(&[7]))
    }

    /// With only that entry.
    pub(super) fn entry(self, entry: Vec<u8>) -> Self {
        Self {
            entries: vec![entry],
            ..self
        }
    }

    /// With one entry that has these extensions.
    pub(super) fn entry_with(self, extensions: &[Vec<u8>]) -> Self {
        self.entry(entry(&[0x11; 16], "250301000000Z", extensions))
    }

    /// With that extension, which replaces one of the same OID.
    pub(super) fn with(self, kind: Oid<'_>, critical: bool, value: &[u8]) -> Self {
        self.with_raw(kind, extension(kind, critical, value))
    }

    /// With that extension's octets, which replace one of the same OID.
    pub(super) fn with_raw(mut self, kind: Oid<'_>, der: Vec<u8>) -> Self {
        match self.extensions.iter_mut().find(|(known, _)| known == kind.0) {
            Some((_, old)) => *old = der,
            None => self.extensions.push((kind.0.to_vec(), der)),
        }
        self
    }

    /// With an additional extension, whatever exists already.
    pub(super) fn with_another(mut self, kind: Oid<'_>, value: &[u8]) -> Self {
        self.extensions.push((Vec::new(), extension(kind, false, value)));
        self
    }

    /// Without that extension.
    pub(super) fn without(mut self, kind: Oid<'_>) -> Self {
        self.extensions.retain(|(known, _)| known != kind.0);
        self
    }

    /// Linted under that CA.
    pub(super) fn under(self, ca: &CertificateParts) -> Self {
        Self {
            ca: Some(ca.encode()),
            ..self
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let extensions: Vec<_> = self.extensions.iter().map(|(_, der)| der.as_slice()).collect();
        let extensions = if extensions.is_empty() && !self.empty_extensions {
            Vec::new()
        } else {
            explicit(0, &[&seq(&extensions)])
        };
        let revoked = if self.entries.is_empty() && !self.empty_list {
            Vec::new()
        } else {
            seq(&[&self.entries.concat()])
        };
        let tbs = seq(&[
            &self.version,
            &self.inner_algorithm,
            &self.issuer,
            &self.this_update,
            &self.next_update,
            &revoked,
            &extensions,
        ]);
        seq(&[
            &tbs,
            &self.outer_algorithm,
            &bit_string(&seq(&[&integer(&[1]), &integer(&[1])])),
        ])
    }

    pub(super) fn lint(&self) -> Vec<Finding> {
        super::lint_crl(&self.encode(), self.ca.as_deref())
    }
}
