use num_bigint::BigUint;

use super::*;
use crate::key::SubjectPublicKey;
use crate::key::policy::KeyPolicy;
use crate::key::test_keys::TestKey;

/// A DER SubjectPublicKeyInfo of this modulus and exponent.
fn spki(modulus: &BigUint, exponent: u32) -> Vec<u8> {
    use der::Encode;
    use der::asn1::{AnyRef, BitStringRef, UintRef};

    let mut fields = Vec::new();
    UintRef::new(&modulus.to_bytes_be())
        .unwrap()
        .encode_to_vec(&mut fields)
        .unwrap();
    UintRef::new(&exponent.to_be_bytes())
        .unwrap()
        .encode_to_vec(&mut fields)
        .unwrap();
    let bits = AnyRef::new(der::Tag::Sequence, &fields).unwrap().to_der().unwrap();
    let algorithm = spki::AlgorithmIdentifierRef {
        oid: const_oid::db::rfc5912::RSA_ENCRYPTION,
        parameters: Some(AnyRef::NULL),
    };
    let subject_public_key = BitStringRef::from_bytes(&bits).unwrap();
    spki::SubjectPublicKeyInfo {
        algorithm,
        subject_public_key,
    }
    .to_der()
    .unwrap()
}

fn judge(modulus: &BigUint) -> Result<(), WeakKey> {
    let key = SubjectPublicKey::from_der(&spki(modulus, 65537)).unwrap();
    KeyPolicy::default().check(&key)
}

fn has_small_factor(number: &BigUint) -> bool {
    residues(&number.to_bytes_be()).contains(&0)
}

/// The first number from `start` on in steps of `step` without a small factor: as good as a prime to everything here.
fn without_small_factor(start: BigUint, step: &BigUint) -> BigUint {
    std::iter::successors(Some(start), |number| Some(number + step))
        .find(|number| !has_small_factor(number))
        .unwrap()
}

/// 1024 bits of which the topmost two are set, so that products have 2048; different for each seed.
fn half(seed: u32) -> BigUint {
    let octets: Vec<u8> = (0..4)
        .flat_map(|part| {
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[seed.to_be_bytes(), [part; 4]].concat())
                .as_ref()
                .to_vec()
        })
        .collect();
    BigUint::from_bytes_be(&octets) | (BigUint::from(3u8) << 1022u32) | BigUint::from(1u8)
}

fn prime_like(seed: u32) -> BigUint {
    without_small_factor(half(seed), &BigUint::from(2u8))
}

#[test]
fn keys_of_a_good_generator_pass() {
    use crate::algorithm::CaKeyAlgorithm;
    for algorithm in [
        CaKeyAlgorithm::Rsa2048,
        CaKeyAlgorithm::Rsa3072,
        CaKeyAlgorithm::Rsa4096,
    ] {
        let key = SubjectPublicKey::from_der(&TestKey::generate(algorithm).spki()).unwrap();
        assert_eq!(KeyPolicy::default().check(&key), Ok(()), "{algorithm}");
    }
    assert_eq!(judge(&(prime_like(1) * prime_like(2))), Ok(()));
}

#[test]
fn sizes_are_2048_to_4096_in_whole_octets() {
    let one = BigUint::from(1u8);
    for bits in [1024, 2040, 2047, 2049, 2052, 4095, 4097, 4104, 8192] {
        let modulus = (&one << (bits - 1)) + 1u8;
        assert_eq!(judge(&modulus), Err(WeakKey::RsaSize { bits }));
    }
    for bits in [2048, 2056, 4096] {
        let modulus = without_small_factor((&one << (bits - 1)) + half(bits), &BigUint::from(2u8));
        assert_eq!(judge(&modulus), Ok(()), "{bits}");
    }
}

#[test]
fn exponents_other_than_65537_are_refused() {
    let modulus = prime_like(3) * prime_like(4);
    for exponent in [3, 17, 65539] {
        let key = SubjectPublicKey::from_der(&spki(&modulus, exponent)).unwrap();
        assert_eq!(KeyPolicy::default().check(&key), Err(WeakKey::RsaExponent));
    }
}

#[test]
fn every_small_factor_is_found() {
    for prime in PRIMES.into_iter().skip(1) {
        let other = without_small_factor(half(prime) << 1024u32 | half(5), &BigUint::from(2u8)) / prime;
        let modulus = without_small_factor(other | BigUint::from(1u8), &BigUint::from(2u8)) * prime;
        let refused = match judge(&modulus) {
            // The division can shorten it by a few bits.
            Err(WeakKey::RsaSize { bits }) => panic!("{bits} bits"),
            refused => refused,
        };
        assert_eq!(refused, Err(WeakKey::RsaSmallFactor { prime }));
    }
}

#[test]
fn close_primes_are_found() {
    let p = prime_like(6);
    let apart = |distance: BigUint| without_small_factor(&p + distance, &BigUint::from(2u8)) * &p;
    assert_eq!(judge(&(&p * &p)), Err(WeakKey::RsaFermat));
    assert_eq!(judge(&apart(BigUint::from(2u8))), Err(WeakKey::RsaFermat));
    assert_eq!(judge(&apart(BigUint::from(1u8) << 64u32)), Err(WeakKey::RsaFermat));
    // b = distance/2 and a = √(N + b²), so that the steps from √N are b²/2p: here 2^(2·516)/2^1025 = 2^7 and more.
    assert_eq!(judge(&apart(BigUint::from(1u8) << 518u32)), Ok(()));
    // 2^(2·514)/2^1025 = 2^3 and less.
    assert_eq!(judge(&apart(BigUint::from(1u8) << 515u32)), Err(WeakKey::RsaFermat));
}

#[test]
fn the_last_fermat_round_counts_too() {
    // N = a² − b² with √N just above a − FERMAT_ROUNDS: found in the last round, and not with one round fewer.
    let p = half(7);
    let rounds_needed = |b: &BigUint| {
        let modulus = (&p * &p) - (b * b);
        let root = modulus.sqrt();
        &p - root
    };
    // Steps grow with b², so a search over b finds one of just that many.
    let (mut low, mut high) = (BigUint::from(0u8), BigUint::from(1u8) << 600u32);
    while &high - &low > BigUint::from(1u8) {
        let middle = (&low + &high) >> 1u32;
        if rounds_needed(&middle) <= BigUint::from(FERMAT_ROUNDS) {
            low = middle;
        } else {
            high = middle;
        }
    }
    assert!(fermat_factors(&(&p * &p - &low * &low)));
    assert!(!fermat_factors(&(&p * &p - &high * &high)));
}

/// Primes as the weak generator made them: k·M + (65537^a mod M), M the product of the first 39 primes for 512-bit
/// primes, of more for longer ones.
fn roca_prime(seed: u32, exponent: u32) -> BigUint {
    let product: BigUint = PRIMES[..126].iter().map(|prime| BigUint::from(*prime)).product();
    let power = BigUint::from(65537u32).modpow(&BigUint::from(exponent), &product);
    let start = half(seed) / &product * &product + power;
    without_small_factor(start, &product)
}

#[test]
fn roca_moduli_are_found() {
    for seed in 0..20 {
        let modulus = roca_prime(seed, 1000 + 77 * seed) * roca_prime(100 + seed, 5000 + 13 * seed);
        assert_eq!(judge(&modulus), Err(WeakKey::RsaRoca));
        // One weak prime does not give the product away, nor is it what the attack needs.
        assert_eq!(judge(&(roca_prime(seed, 1000) * prime_like(seed))), Ok(()));
    }
}

/// The markers that the discoverers' own detection tool publishes for its first primes.
#[test]
fn roca_powers_are_the_published_ones() {
    let published: [(u32, u64); 8] = [
        (3, 0b110),
        (5, 0b1_1110),
        (7, 0b111_1110),
        (11, 1026),
        (13, 5658),
        (17, 107_286),
        (19, 199_410),
        (37, 67_109_890),
    ];
    for (prime, marker) in published {
        let index = PRIMES[ROCA_PRIMES]
            .iter()
            .position(|candidate| *candidate == prime)
            .unwrap();
        assert_eq!(ROCA_POWERS[index], [marker, 0, 0], "{prime}");
    }
    assert_eq!(PRIMES[ROCA_PRIMES.end - 1], 167);
}

#[test]
fn the_square_filter_passes_every_square_and_few_others() {
    assert_eq!(SQUARE_MODULI.iter().product::<u64>(), SQUARE_FILTER);
    for root in 0..5000_u64 {
        assert!(may_be_square(root * root % SQUARE_FILTER));
    }
    let passed = (0..1_000_000)
        .filter(|number| may_be_square(number * 663_563 % SQUARE_FILTER))
        .count();
    assert!(passed < 2_000, "{passed}");
}
