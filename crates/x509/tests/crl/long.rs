//! CRLs that are read through, not held.

use std::io::Cursor;

use chancery_x509::crl::{LongCrl, RevocationList, facts_of_tbs};

use super::numbered;
use crate::authority::{Authority, Key};

/// Around the lengths where an end stops fitting into what is read at first, and where lengths take another octet.
#[test]
fn a_long_crl_is_read_through_as_it_is_read_whole() {
    for key in [Key::p256(), Key::rsa2048(), Key::ml_dsa65()] {
        let authority = Authority::with(key);
        let issuer = authority.issuer.public_key();
        for count in [0, 1, 5, 600, 700, 720, 740, 760, 2_500, 9_000] {
            let entries: Vec<_> = (1..=count).map(numbered).collect();
            let der = authority.crl(&authority.header(), &entries).unwrap();
            let whole = RevocationList::parse(&der).unwrap();
            let long = LongCrl::read(der.as_slice(), issuer).unwrap().unwrap();
            let facts = long.facts();
            assert_eq!(
                (facts.number(), facts.this_update()),
                (whole.number(), whole.this_update())
            );
            assert_eq!(
                (facts.issuer(), facts.next_update()),
                (whole.issuer(), whole.next_update())
            );
            assert_eq!(facts.entries().count(), 0);
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
            assert_eq!(long.sha256(), digest.as_ref());

            // Before it is signed, its ends say the same.
            let unsigned = facts_of_tbs(&mut Cursor::new(whole.tbs_der())).unwrap().unwrap();
            assert_eq!(
                (unsigned.issuer(), unsigned.number(), unsigned.next_update()),
                (whole.issuer(), whole.number(), whole.next_update())
            );
            assert_eq!(unsigned.entries().count(), 0);
            for other in [&whole.tbs_der()[1..], &der, &[whole.tbs_der(), &[0]].concat()] {
                let facts = facts_of_tbs(&mut Cursor::new(other)).unwrap();
                assert!(facts.is_none(), "{count} entries: something else is no TBSCertList");
            }
        }
    }
}

#[test]
fn nothing_is_read_through_but_what_the_key_signed() {
    let authority = Authority::usual();
    let issuer = authority.issuer.public_key();
    let entries: Vec<_> = (1..=2_000).map(numbered).collect();
    let der = authority.crl(&authority.header(), &entries).unwrap();
    let is_read = |octets: &[u8]| LongCrl::read(octets, issuer).unwrap().is_some();
    assert!(is_read(&der));
    assert!(
        LongCrl::read(der.as_slice(), Authority::usual().issuer.public_key())
            .unwrap()
            .is_none()
    );
    for at in (0..der.len())
        .step_by(97)
        .chain(der.len() - 200..der.len())
        .chain(0..300)
    {
        let mut changed = der.clone();
        changed[at] ^= 1;
        assert!(!is_read(&changed), "octet {at} of {}", der.len());
    }
    for len in [0, 1, 2, 3, 10, 400, der.len() - 1] {
        assert!(!is_read(&der[..len]), "{len}");
    }
    assert!(!is_read(&[&der[..], &[0]].concat()), "something follows");
    let mut endless = vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff];
    endless.extend_from_slice(&[0x30, 0x84, 0xff, 0xff, 0x00, 0x00]);
    assert!(!is_read(&endless), "an announced length reserves nothing");
    assert!(!is_read(&[0x30, 0x80, 0x30, 0x80]));
    assert!(!is_read(&[0x30, 0xff, 0x30]));
}
