//! What is built from checked values is read back as what it was built from, and lints find nothing malformed in it.

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chancery_lint::{Finding, lint_certificate, lint_crl};
use chancery_x509::certificate::{
    BasicConstraints, Certificate, CertificateTemplate, Issuer, KeyUsage, NameConstraints, Subtree,
};
use chancery_x509::crl::{
    Coverage, CrlHeader, CrlWriteError, CrlWriter, Framing, RevocationList, RevocationReason, RevokedEntry,
};
use chancery_x509::csr::builder::CertificationRequestInfo;
use chancery_x509::csr::{CertificationRequest, CsrBudget};
use chancery_x509::extension::{CustomExtension, ExtensionError, extended_key_usage, extended_key_usage_name};
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::name::Name;
use chancery_x509::time::UnixTime;

use super::draw::Draw;
use super::made_by_openssl::{ISSUING, LEAF, ROOT};

/// DER of Ed25519's AlgorithmIdentifier (RFC 8410 section 3).
const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/// Octets where a signature belongs, in the form of an ECDSA signature: two integers.
const NO_SIGNATURE: &[u8] = &[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01];

static REQUESTER: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("32 octets are a seed"));
static ROOT_CA: LazyLock<Issuer> = LazyLock::new(|| issuer(ROOT));
static ISSUING_CA: LazyLock<Issuer> = LazyLock::new(|| issuer(ISSUING));

fn issuer(der: &[u8]) -> Issuer {
    let certificate = Certificate::parse(der).expect("OpenSSL's certificate is read");
    Issuer::new(certificate).expect("OpenSSL's CA is a CA")
}

/// A request for any subject and any alternative names is taken, and asks for just these.
pub fn csr_builder(octets: &[u8]) {
    let mut draw = Draw(octets);
    let Ok(subject) = draw.subject().to_name() else { return };
    let alt_names = draw.alt_names();
    // RFC 8410 section 4: the 12 octets in front of an Ed25519 key.
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&prefix[..], REQUESTER.public_key().as_ref()].concat();
    let key = SubjectPublicKey::from_der(&spki).expect("a key just made is read");

    let info = CertificationRequestInfo::new(&subject, &key, &alt_names);
    let der = info.assemble(ED25519, REQUESTER.sign(info.as_der()).as_ref());
    let request = CertificationRequest::parse(&der, &CsrBudget::default()).expect("what is built is taken");
    assert_eq!(request.as_der(), der);
    assert_eq!(*request.subject(), subject);
    assert_eq!(*request.public_key(), key);
    assert_eq!(request.requested_alt_names(), Ok(alt_names));
}

/// A time that X.509 has a form of its own for: it knows none before 1950.
fn has_form(time: UnixTime) -> bool {
    time >= UnixTime(-631_152_000)
}

/// A custom extension's value is DER by the lints' lights as well; and no text is an OID by accident.
pub fn extension(octets: &[u8]) {
    const OID: &str = "1.3.6.1.4.1.99999.1";
    match CustomExtension::new(OID, true, octets.to_vec()) {
        Ok(extension) => {
            assert_eq!((extension.oid().to_string().as_str(), extension.value()), (OID, octets));
            carry(extension);
        }
        Err(error) => assert!(matches!(error, ExtensionError::NotDer { .. }), "{error}"),
    }

    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(extension) = CustomExtension::new(text, false, vec![0x05, 0x00]) {
        assert!(
            text.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.'),
            "{text:?}"
        );
        let spelled = extension.oid().to_string();
        assert!(CustomExtension::new(&spelled, false, vec![0x05, 0x00]).is_ok_and(|again| again == extension));
    }
    if let Some(usage) = extended_key_usage(text) {
        assert_eq!(extended_key_usage(&usage.to_string()), Some(usage));
        if let Some(name) = extended_key_usage_name(&usage) {
            assert_eq!(extended_key_usage(name), Some(usage));
        }
    }
}

/// The lints take a value for DER that was taken for DER from a requester.
fn carry(extension: CustomExtension) {
    let leaf = Certificate::parse(LEAF).expect("OpenSSL's certificate is read");
    let template = CertificateTemplate {
        serial: leaf.serial(),
        subject: leaf.subject().clone(),
        public_key: leaf.public_key().expect("OpenSSL's key is read"),
        not_before: leaf.not_before(),
        not_after: leaf.not_after(),
        basic_constraints: None,
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        subject_key_identifier: None,
        extended_key_usages: Vec::new(),
        alt_names: Vec::new(),
        policies: Vec::new(),
        name_constraints: None,
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        custom_extensions: vec![extension],
    };
    let tbs = template.issued_by(&ROOT_CA).expect("the root's certificate allows it");
    assert_well_formed(&lint_certificate(&tbs.assemble(NO_SIGNATURE), Some(ROOT)));
}

/// A certificate from any template that is not refused has just what the template says.
pub fn certificate_builder(octets: &[u8]) {
    let mut draw = Draw(octets);
    let issuer = if draw.flag() { &*ROOT_CA } else { &*ISSUING_CA };
    let Some(template) = template(&mut draw) else { return };
    let Ok(tbs) = template.issued_by(issuer) else { return };
    let der = tbs.assemble(NO_SIGNATURE);

    let certificate = Certificate::parse(&der).expect("what is built is read");
    assert_eq!(certificate.as_der(), der);
    assert_eq!(certificate.tbs_der(), tbs.as_der());
    assert_eq!(certificate.signature(), NO_SIGNATURE);
    assert_eq!(certificate.issuer(), issuer.certificate().subject());
    assert_eq!(certificate.serial(), template.serial);
    assert_eq!(*certificate.subject(), template.subject);
    assert_eq!(certificate.spki_der(), template.public_key.as_der());
    assert_eq!(
        (certificate.not_before(), certificate.not_after()),
        (template.not_before, template.not_after)
    );
    assert_eq!(certificate.basic_constraints(), template.basic_constraints);
    assert_eq!(certificate.key_usage().unwrap_or(KeyUsage(0)), template.key_usage);
    assert_eq!(certificate.extended_key_usages(), template.extended_key_usages);
    assert_eq!(certificate.alt_names(), template.alt_names);
    assert_eq!(certificate.custom_extensions(), template.custom_extensions);
    assert_eq!(
        certificate.authority_key_identifier(),
        issuer.certificate().subject_key_identifier()
    );
    if has_form(template.not_before) {
        assert_well_formed(&lint_certificate(&der, Some(issuer.certificate().as_der())));
    }
}

fn template(draw: &mut Draw<'_>) -> Option<CertificateTemplate> {
    let subject = draw.subject().to_name().ok()?;
    let is_ca = draw.flag();
    let not_before = draw.number();
    Some(CertificateTemplate {
        serial: draw.certificate_serial(),
        subject,
        public_key: Certificate::parse(LEAF).ok()?.public_key().ok()?,
        not_before: UnixTime(not_before),
        not_after: UnixTime(not_before.saturating_add(draw.number())),
        basic_constraints: is_ca.then(|| BasicConstraints {
            ca: true,
            path_len: draw.flag().then(|| draw.octet()),
        }),
        key_usage: KeyUsage(u16::from(draw.octet())),
        subject_key_identifier: None,
        extended_key_usages: distinct((0..draw.octet() % 4).filter_map(|_| extended_key_usage(&draw.text()))),
        alt_names: draw.alt_names(),
        policies: distinct((0..draw.octet() % 4).filter_map(|_| extended_key_usage(&draw.text()))),
        name_constraints: (is_ca && draw.flag()).then(|| NameConstraints {
            permitted: subtrees(draw),
            excluded: subtrees(draw),
        }),
        crl_distribution_points: (0..draw.octet() % 3).map(|_| draw.text()).collect(),
        ca_issuers: (0..draw.octet() % 3).map(|_| draw.text()).collect(),
        ocsp: (0..draw.octet() % 3).map(|_| draw.text()).collect(),
        custom_extensions: (0..draw.octet() % 4)
            .filter_map(|_| CustomExtension::new(&draw.text(), draw.flag(), draw.short().to_vec()).ok())
            // What a standard's own extension says is asked for, and linted as such; these are only carried.
            .filter(|extension| !extension.oid().to_string().starts_with("2.5.29."))
            .collect(),
    })
}

/// Profiles and requests name each usage once before a template is made.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut distinct, value| {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
        distinct
    })
}

fn subtrees(draw: &mut Draw<'_>) -> Vec<Subtree> {
    let number = draw.octet() % 4;
    let drawn = (0..number).filter_map(|_| match draw.octet() % 5 {
        0 => Some(Subtree::Dns(draw.text())),
        1 => Some(Subtree::Email(draw.text())),
        2 => Some(Subtree::Uri(draw.text())),
        3 => Name::from_rfc4514(&draw.text()).ok().map(Subtree::Directory),
        _ => draw.text().parse().ok().map(|address| Subtree::Ip {
            address,
            prefix: draw.octet(),
        }),
    });
    drawn.collect()
}

/// A CRL of any entries that is not refused lists just these, in its announced length.
pub fn crl_writer(octets: &[u8]) {
    let mut draw = Draw(octets);
    let issuer = &*ISSUING_CA;
    let this_update = UnixTime(draw.number());
    let header = CrlHeader {
        issuer,
        number: draw.number().unsigned_abs(),
        this_update,
        next_update: this_update.plus_seconds(draw.number()),
        scope: if draw.flag() {
            Coverage::Shard {
                distribution_points: vec![draw.text()],
            }
        } else {
            Coverage::Full
        },
    };
    let mut entries = Vec::new();
    while !draw.is_empty() {
        entries.push(RevokedEntry {
            serial: draw.serial(),
            revoked_at: UnixTime(draw.number()),
            reason: RevocationReason::ALL[usize::from(draw.octet()) % RevocationReason::ALL.len()],
            invalidity_date: draw.flag().then(|| UnixTime(draw.number())),
        });
    }
    match write(&header, &entries) {
        Ok(der) => assert_lists(&der, &header, &entries),
        Err(CrlWriteError::Length { announced, actual }) => panic!("{announced} octets announced, {actual} written"),
        Err(_) => {}
    }
}

fn write(header: &CrlHeader<'_>, entries: &[RevokedEntry]) -> Result<Vec<u8>, CrlWriteError> {
    let announced: usize = entries.iter().map(RevokedEntry::encoded_len).sum();
    let mut writer = CrlWriter::new(header, announced as u64, Vec::new())?;
    for entry in entries {
        writer.entry(entry)?;
    }
    let (tbs, _, length) = writer.finish_tbs()?;
    assert_eq!(tbs.len() as u64, length.octets());
    let framing = Framing::new(header.issuer.public_key().algorithm(), length, NO_SIGNATURE);
    let der = framing.assemble(&tbs);
    assert_eq!(der.len() as u64, framing.crl_len());
    Ok(der)
}

fn assert_lists(der: &[u8], header: &CrlHeader<'_>, entries: &[RevokedEntry]) {
    let list = RevocationList::parse(der).expect("what is written is read");
    assert_eq!(list.as_der(), der);
    assert_eq!(list.issuer(), header.issuer.certificate().subject());
    assert_eq!(list.number(), Some(header.number));
    assert_eq!(
        (list.this_update(), list.next_update()),
        (header.this_update, Some(header.next_update))
    );
    assert_eq!(
        list.authority_key_identifier(),
        header.issuer.certificate().subject_key_identifier()
    );
    match &header.scope {
        Coverage::Full => assert_eq!(list.distribution_point(), None),
        Coverage::Shard { distribution_points } => {
            assert_eq!(
                list.distribution_point(),
                distribution_points.first().map(String::as_str)
            );
        }
    }
    let read: Result<Vec<_>, _> = list.entries().collect();
    assert_eq!(read.expect("every entry is read"), entries);
    let mut times = entries
        .iter()
        .flat_map(|entry| [Some(entry.revoked_at), entry.invalidity_date]);
    if has_form(header.this_update) && times.all(|time| time.is_none_or(has_form)) {
        assert_well_formed(&lint_crl(der, Some(header.issuer.certificate().as_der())));
    }
}

/// What was asked for may be unwise, and lints say so; how it is encoded is this project's own doing.
fn assert_well_formed(findings: &[Finding]) {
    const ENCODING: [&str; 37] = [
        "aki_issuer_serial_pair",
        "aki_missing",
        "aki_unlike_ca_ski",
        "aki_without_key_identifier",
        "basic_constraints_false_encoded",
        "authority_info_access_uri",
        "certificate_der",
        "distribution_point_uri",
        "eku_empty",
        "extension_duplicated",
        "extension_false_encoded",
        "extension_malformed",
        "extension_value_not_der",
        "extensions_empty",
        "issuer_unlike_ca_subject",
        "key_usage_empty",
        "key_usage_encoding",
        "name_constraints_distance",
        "public_key_malformed",
        "public_key_parameters",
        "san_directory_empty",
        "san_dns_ip_address",
        "san_dns_syntax",
        "san_dns_wildcard",
        "san_email_syntax",
        "san_empty",
        "san_ip_length",
        "san_uri_syntax",
        "serial_not_positive",
        "serial_too_long",
        "signature_algorithm_mismatch",
        "signature_algorithm_parameters",
        "ski_missing",
        "ski_unlike_key",
        "time_encoding",
        "time_type",
        "version_not_v3",
    ];
    // Of a CRL everything but its entries' serial numbers and times, and where it is found, is decided here.
    const ASKED_OF_A_CRL: [&str; 3] = ["crl_duplicate_serial", "crl_entry_in_future", "crl_entry_serial_range"];
    let schemes = ["is neither http nor ldap", "is not http"];
    for finding in findings {
        let ours = ENCODING.contains(&finding.rule)
            || (finding.rule.starts_with("crl_") && !ASKED_OF_A_CRL.contains(&finding.rule));
        let asked = schemes.iter().any(|scheme| finding.message.contains(scheme));
        assert!(!ours || asked, "{}: {}", finding.rule, finding.message);
    }
}
