//! Any input is either parsed or refused, and a damaged request is never accepted.

use proptest::prelude::*;

use super::{fixture_der, parse};
use crate::tlv::{Writer, tag};

proptest! {
    #[test]
    fn random_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse(&octets).is_err());
    }

    #[test]
    fn random_values_in_a_sequence_never_panic(octets in prop::collection::vec(any::<u8>(), 128..255)) {
        let mut writer = Writer::default();
        writer.value(tag::SEQUENCE, &octets);
        prop_assert!(parse(&writer.finish()).is_err());
    }

    #[test]
    fn random_texts_in_pem_never_panic(text in "[A-Za-z0-9+/=\n -]{0,300}") {
        let pem = format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n");
        prop_assert!(parse(pem.as_bytes()).is_err());
    }

    /// Whichever bit is flipped, the request is not accepted.
    #[test]
    fn damaged_requests_never_verify(fixture in 0..DAMAGED.len(), position: prop::sample::Index, bit in 0..8_u32) {
        let mut der = fixture_der(DAMAGED[fixture]);
        let position = position.index(der.len());
        der[position] ^= 1 << bit;
        prop_assert!(parse(&der).is_err());
    }

    #[test]
    fn several_damages_never_panic_nor_verify(
        fixture in 0..DAMAGED.len(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let original = fixture_der(DAMAGED[fixture]);
        let mut der = original.clone();
        for (position, value) in damages {
            let position = position.index(der.len());
            der[position] = value;
        }
        prop_assert_eq!(parse(&der).is_ok(), der == original);
    }
}

const DAMAGED: [&str; 6] = [
    "openssl-san.pem",
    "openssl-rsa2048-pss-sha384.pem",
    "keytool-rsa2048.pem",
    "gnutls-ed25519.pem",
    "python-p521.pem",
    "python-ml-dsa-44.pem",
];
