//! What is read, and what is not.

use chancery_x509::crl::{CrlError, RevocationList, RevocationReason};
use chancery_x509::serial::Serial;

use super::{short_entry, stored_issuer};
use crate::authority::Authority;

#[test]
fn a_crl_by_openssl_is_understood() {
    let crl = RevocationList::parse(include_bytes!("../data/openssl.crl.pem")).unwrap();
    let issuer = stored_issuer();
    assert!(crl.is_signed_by(issuer.public_key()));
    assert_eq!(crl.issuer(), issuer.certificate().subject());
    assert_eq!(crl.number(), Some(7));
    let point = crl.issuing_distribution_point().unwrap();
    assert_eq!(point.urls, ["http://crl.example.com/shard-3.crl"]);
    assert!(point.only_user_certificates && !point.only_ca_certificates && !point.indirect);
    let found = crl.find(&Serial::from_octets(&[0xff, 0x80]).unwrap()).unwrap().unwrap();
    assert_eq!(found.reason, RevocationReason::CaCompromise);
    assert_eq!(found.invalidity_date.unwrap().to_string(), "2022-12-31T00:00:00Z");
    assert_eq!(crl.entries().count(), 3);
}

#[test]
fn what_is_no_crl_is_refused() {
    let not_a_crl = |input: &[u8]| {
        let error = RevocationList::parse(input).err();
        assert!(matches!(error, Some(CrlError::NotACrl { .. })), "{error:?}");
    };
    not_a_crl(b"");
    not_a_crl(b"not PEM");
    not_a_crl(&[0x30, 0]);
    not_a_crl(include_bytes!("../data/issuing-ca.pem"));
    let pem = include_bytes!("../data/openssl.crl.pem");
    let twice = RevocationList::parse(&[&pem[..], &pem[..]].concat()).err();
    assert!(matches!(twice, Some(CrlError::Malformed { .. })), "{twice:?}");
    let mut trailing = RevocationList::parse(pem).unwrap().as_der().to_vec();
    trailing.push(0);
    not_a_crl(&trailing);
}

/// A changed octet is at the least a signature that does not verify.
#[test]
fn no_octet_of_a_crl_can_be_changed_unnoticed() {
    let authority = Authority::usual();
    let der = authority.crl(&authority.header(), &[short_entry(5)]).unwrap();
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 0x10;
        if let Ok(crl) = RevocationList::parse(&changed) {
            assert!(!crl.is_signed_by(authority.issuer.public_key()), "octet {at}");
        }
    }
}
