//! Certificates, requests, revocation lists and keys as files.

use std::io::Read;
use std::sync::LazyLock;

use chancery_x509::algorithm::SigningInput;
use chancery_x509::certificate::{Certificate, Issuer};
use chancery_x509::crl::{LongCrl, PemReader, RevocationList, pem_len};
use chancery_x509::csr::{CertificationRequest, CsrBudget};
use chancery_x509::inspect::{InspectLimits, ObjectKind, Value, inspect};
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::key::policy::KeyPolicy;
use chancery_x509::pem::{decode, decode_all, encode, is_pem};

use super::{made_by_openssl, names};

static ROOT_CA: LazyLock<Issuer> = LazyLock::new(|| {
    let certificate = Certificate::parse(made_by_openssl::ROOT).expect("OpenSSL's certificate is read");
    Issuer::new(certificate).expect("OpenSSL's CA is a CA")
});

/// A request that is taken keeps the budget, and is the same when its DER is read again.
pub fn csr(octets: &[u8]) {
    let budget = CsrBudget::default();
    let Ok(request) = CertificationRequest::parse(octets, &budget) else {
        return;
    };
    assert!(request.as_der().len() <= budget.octets);
    assert!(request.subject().iter().count() <= budget.subject_attributes);
    assert!(request.requested_extensions().len() <= budget.extensions);
    if let Ok(names) = request.requested_alt_names() {
        assert!(names.len() <= budget.alt_names);
    }
    if let Ok(names) = request.requested_names() {
        assert!(names.len() <= budget.alt_names);
    }
    names::name(request.subject().as_der());
    let _ = KeyPolicy::default().check(request.public_key());

    let again = CertificationRequest::parse(request.as_der(), &budget).expect("its own DER is taken");
    assert_eq!(again.as_der(), request.as_der());
    assert_eq!(again.subject(), request.subject());
    assert_eq!(again.public_key(), request.public_key());
    assert_eq!(again.requested_extensions(), request.requested_extensions());
}

/// A certificate that is read says the same from its DER and from its PEM, and its parts are parts of it.
pub fn certificate(octets: &[u8]) {
    let Ok(certificate) = Certificate::parse(octets) else {
        return;
    };
    for text in [certificate.as_der(), certificate.to_pem().as_bytes()] {
        let again = Certificate::parse(text).expect("its own encodings are read");
        assert_eq!(again.as_der(), certificate.as_der());
        assert_eq!(again.serial(), certificate.serial());
        assert_eq!(again.alt_names(), certificate.alt_names());
        assert_eq!(again.custom_extensions(), certificate.custom_extensions());
    }
    let der = certificate.as_der();
    for part in [certificate.tbs_der(), certificate.spki_der(), certificate.signature()] {
        assert!(der.as_ptr_range().start <= part.as_ptr() && part.as_ptr_range().end <= der.as_ptr_range().end);
    }
    names::name(certificate.subject().as_der());
    names::name(certificate.issuer().as_der());
    let _ = (
        certificate.not_before().to_string(),
        certificate.not_after().to_string(),
    );
    let _ = (
        certificate.subject_key_identifier(),
        certificate.authority_key_identifier(),
    );
    let _ = (
        certificate.basic_constraints(),
        certificate.key_usage(),
        certificate.extended_key_usages(),
    );
    let _ = (certificate.key_identifier(), certificate.public_key());
    let issuing = Certificate::parse(made_by_openssl::ISSUING).expect("OpenSSL's certificate is read");
    let issuing = Issuer::new(issuing).expect("OpenSSL's CA is a CA");
    let _ = certificate.is_signed_by(issuing.public_key());
    if let Ok(issuer) = Issuer::new(certificate) {
        assert!(
            issuer
                .certificate()
                .basic_constraints()
                .is_some_and(|constraints| constraints.ca)
        );
        let _ = issuer.certificate().is_signed_by(issuer.public_key());
    }
}

/// A CRL that is read is the same when its DER is read again; its entries end, and each is found by its serial.
pub fn crl(octets: &[u8]) {
    // Read through, it is a CRL of a key's only where it is read whole as one.
    let key = ROOT_CA.public_key();
    let long = LongCrl::read(octets, key).expect("octets are read");
    let whole = RevocationList::from_der(octets.to_vec()).ok();
    let whole = whole.filter(|list| list.is_signed_by(key));
    assert_eq!(long.map(|long| long.facts().number()), whole.map(|list| list.number()));
    let Ok(list) = RevocationList::parse(octets) else {
        return;
    };
    let again = RevocationList::from_der(list.as_der().to_vec()).expect("its own DER is read");
    assert_eq!(again.as_der(), list.as_der());
    assert_eq!(
        (again.number(), again.this_update(), again.next_update()),
        (list.number(), list.this_update(), list.next_update())
    );
    names::name(list.issuer().as_der());
    let _ = (
        list.authority_key_identifier(),
        list.distribution_point(),
        list.is_delta(),
    );
    let _ = list.unknown_critical_extensions();

    let mut octets = 0;
    let mut broken = false;
    for (number, entry) in list.entries().enumerate() {
        assert!(!broken, "an error is the last item");
        let Ok(entry) = entry else {
            broken = true;
            continue;
        };
        octets += entry.encoded_len();
        let _ = (entry.revoked_at.to_string(), entry.invalidity_date);
        if number < 4 {
            let found = list
                .find(&entry.serial)
                .expect("nothing in front is broken")
                .expect("it is there");
            assert_eq!(found.serial, entry.serial);
        }
    }
    // Nothing can be told shorter than it is written here, but for an entry's time in the other form.
    assert!(octets <= 2 * list.tbs_der().len(), "{octets}");
    let issuing = Certificate::parse(made_by_openssl::ISSUING).expect("OpenSSL's certificate is read");
    let issuing = Issuer::new(issuing).expect("OpenSSL's CA is a CA");
    let _ = list.is_signed_by(issuing.public_key());
}

/// A public key that is read is kept octet by octet, its bits are its end, and no nonsense is its signature.
pub fn public_key(octets: &[u8]) {
    let Ok(key) = SubjectPublicKey::from_der(octets) else {
        return;
    };
    assert_eq!(key.as_der(), octets);
    assert!(octets.ends_with(key.key_bits()));
    assert!(!key.kind().to_string().is_empty());
    let _ = KeyPolicy::default().check(&key);
    if let Ok(key) = CaPublicKey::from_der(octets) {
        assert_eq!(key.as_der(), octets);
        for input in [
            SigningInput::Sha256([1; 32]),
            SigningInput::Sha384([1; 48]),
            SigningInput::Sha512([1; 64]),
            SigningInput::Mu([1; 64]),
        ] {
            assert!(key.verify(&input, octets).is_err());
            assert!(key.verify(&input, &[]).is_err());
        }
    }
}

/// Every block of a PEM file comes back from what is written of it.
pub fn pem(octets: &[u8]) {
    let Ok(blocks) = decode_all(octets) else { return };
    assert!(!blocks.is_empty());
    for block in blocks {
        assert!(block.der.len() < octets.len());
        let labelled = decode(octets, &[&block.label]).expect("what all of are read is read by label");
        assert!(labelled.contains(&block));
        let text = encode("CERTIFICATE", &block.der);
        assert!(is_pem(text.as_bytes()));
        let [again] = &decode_all(text.as_bytes()).expect("what is written is read")[..] else {
            panic!("one block was written")
        };
        assert_eq!(again.der, block.der);
    }
}

/// PEM as a stream is PEM as a whole, of the length that was announced, in pieces of any length.
pub fn pem_stream(octets: &[u8]) {
    let piece = 1 + octets.first().copied().map_or(0, usize::from);
    let mut reader = PemReader::new("X509 CRL", octets);
    let mut text = Vec::new();
    let mut buffer = vec![0; piece];
    loop {
        let length = reader.read(&mut buffer).expect("memory does not fail");
        if length == 0 {
            break;
        }
        text.extend_from_slice(&buffer[..length]);
    }
    assert_eq!(text, encode("X509 CRL", octets).as_bytes());
    assert_eq!(text.len() as u64, pem_len("X509 CRL", octets.len() as u64));
}

/// Whatever is told is bounded by the limits, has no control characters, and is the same for the object's DER alone.
pub fn inspection(octets: &[u8]) {
    let limits = InspectLimits {
        crl_entries: 5,
        list_items: 10,
        octets: 16,
        blocks: 10,
    };
    let Ok(objects) = inspect(octets, &limits) else { return };
    assert!((1..=limits.blocks).contains(&objects.len()));
    for object in objects {
        assert!(!object.kind.key().is_empty());
        for field in &object.fields {
            assert_clean(&field.value, &limits);
        }
        for character in object.to_string().chars().chain(object.problems.concat().chars()) {
            assert!(character == '\n' || !character.is_control(), "{character:?}");
        }
        if object.kind == ObjectKind::Other {
            assert!(object.der.is_empty());
        } else if let Ok(again) = inspect(&object.der, &limits) {
            // Without its label it may be taken for something else, but never for two.
            assert_eq!(again.len(), 1);
        }
    }
}

fn assert_clean(value: &Value, limits: &InspectLimits) {
    match value {
        Value::Text(text) => assert!(!text.chars().any(char::is_control), "{text:?}"),
        Value::List { items, .. } => {
            assert!(items.len() <= limits.list_items, "{} items", items.len());
            for item in items {
                assert_clean(item, limits);
            }
        }
        Value::Group(fields) => {
            for field in fields {
                assert_clean(&field.value, limits);
            }
        }
        Value::Extension(extension) => assert_clean(&extension.value, limits),
        _ => {}
    }
}
