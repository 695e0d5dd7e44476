//! RSA keys that can be broken, or that no proper generator makes.

use num_bigint::BigUint;
use num_traits::ToPrimitive;

use super::WeakKey;
use super::primes::{PRIMES, residues};
use crate::key::rsa::RsaPublicKey;

/// CA/Browser Forum Baseline Requirements section 6.1.6 allows more exponents, but generators no longer use others.
const EXPONENT: &[u8] = &[1, 0, 1];

/// Number of Fermat steps. Two random primes of 1024 bits need some 2^1000 of them; for the broken generators of
/// CVE-2022-26320 one or two are enough. Baseline Requirements section 6.1.1.3 requires 100.
const FERMAT_ROUNDS: u64 = 100;

pub(super) fn check(bits: u32, key_bits: &[u8]) -> Result<(), WeakKey> {
    if !(2048..=4096).contains(&bits) || !bits.is_multiple_of(8) {
        return Err(WeakKey::RsaSize { bits });
    }
    // The key was parsed before to get its size; an error here cannot happen, and would be a refusal.
    let key = RsaPublicKey::from_der(key_bits).map_err(|_| WeakKey::RsaSize { bits })?;
    if key.exponent != EXPONENT {
        return Err(WeakKey::RsaExponent);
    }
    let residues = residues(key.modulus);
    if let Some(index) = residues.iter().position(|residue| *residue == 0) {
        return Err(WeakKey::RsaSmallFactor { prime: PRIMES[index] });
    }
    if has_roca_fingerprint(&residues) {
        return Err(WeakKey::RsaRoca);
    }
    if fermat_factors(&BigUint::from_bytes_be(key.modulus)) {
        return Err(WeakKey::RsaFermat);
    }
    Ok(())
}

/// Primes of the ROCA fingerprint, 3 to 167, as indexes into [`PRIMES`].
const ROCA_PRIMES: std::ops::Range<usize> = 1..39;

/// For each of those primes, the powers of 65537 modulo it, as a bit set.
const ROCA_POWERS: [[u64; 3]; 38] = {
    let mut powers = [[0; 3]; 38];
    let mut index = 0;
    while index < powers.len() {
        let prime = PRIMES[ROCA_PRIMES.start + index];
        let mut power = 1;
        loop {
            powers[index][power as usize / 64] |= 1 << (power % 64);
            power = power * (65537 % prime) % prime;
            if power == 1 {
                break;
            }
        }
        index += 1;
    }
    powers
};

/// Whether N is a power of 65537 modulo every small prime (Nemec and others, "The Return of Coppersmith's Attack",
/// 2017, section 3.4). The weak generator only makes primes k·M + (65537^a mod M) with M a product of these primes, so
/// that their product has this form too; a random N has it with a probability of about 2^-27.
fn has_roca_fingerprint(residues: &[u32]) -> bool {
    residues[ROCA_PRIMES]
        .iter()
        .zip(&ROCA_POWERS)
        .all(|(residue, powers)| powers[*residue as usize / 64] >> (residue % 64) & 1 == 1)
}

/// Whether Fermat's method factors N within [`FERMAT_ROUNDS`]: N = a² − b² for an a just above √N.
fn fermat_factors(modulus: &BigUint) -> bool {
    let root = modulus.sqrt();
    let first_a = if &root * &root < *modulus { root + 1u32 } else { root };
    let first_b2 = &first_a * &first_a - modulus;
    let (Some(a), Some(b2)) = (
        (&first_a % SQUARE_FILTER).to_u64(),
        (&first_b2 % SQUARE_FILTER).to_u64(),
    ) else {
        return false;
    };
    (0..FERMAT_ROUNDS).any(|k| {
        // b² at a + k is b² at a, plus 2ak + k²; computed in full only if it may be a square.
        may_be_square(b2 + 2 * a * k + k * k) && {
            let b2 = &first_b2 + 2u32 * &first_a * k + k * k;
            let b = b2.sqrt();
            &b * &b == b2
        }
    })
}

/// Pairwise coprime moduli with few squares among their residues; together they pass one number in 1,500.
const SQUARE_MODULI: [u64; 8] = [64, 63, 65, 11, 17, 19, 23, 31];
/// Their product, of 40 bits.
const SQUARE_FILTER: u64 = 64 * 63 * 65 * 11 * 17 * 19 * 23 * 31;

/// For each modulus, its residues that are squares, as a bit set.
const SQUARES: [u128; 8] = {
    let mut squares = [0; 8];
    let mut index = 0;
    while index < squares.len() {
        let modulus = SQUARE_MODULI[index];
        let mut root = 0;
        while root < modulus {
            squares[index] |= 1 << (root * root % modulus);
            root += 1;
        }
        index += 1;
    }
    squares
};

/// `residue`: the number modulo [`SQUARE_FILTER`], or any number congruent to it.
fn may_be_square(residue: u64) -> bool {
    SQUARE_MODULI
        .iter()
        .zip(SQUARES)
        .all(|(modulus, squares)| squares >> (residue % modulus) & 1 == 1)
}

#[cfg(test)]
mod tests;
