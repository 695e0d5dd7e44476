//! The primes below 752, and a big number's residues modulo them.

/// How many primes there are below 752.
const COUNT: usize = 133;

/// Every prime below 752: the same bound as in Boulder, the CA software of Let's Encrypt.
pub(super) const PRIMES: [u32; COUNT] = sieve();

/// `number` (big-endian octets) modulo each of [`PRIMES`], in their order.
pub(super) fn residues(number: &[u8]) -> [u32; COUNT] {
    let mut residues = [0; COUNT];
    let mut done = 0;
    while done < COUNT {
        // One pass over the number handles as many primes as have a product of at most 32 bits.
        let mut product = PRIMES[done];
        let mut end = done + 1;
        while let Some(larger) = PRIMES.get(end).and_then(|prime| product.checked_mul(*prime)) {
            product = larger;
            end += 1;
        }
        let residue = remainder(number, product);
        for (prime, slot) in PRIMES[done..end].iter().zip(&mut residues[done..end]) {
            *slot = residue % prime;
        }
        done = end;
    }
    residues
}

/// Horner's rule over 32-bit digits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a remainder is less than its divisor, of 32 bits"
)]
fn remainder(number: &[u8], divisor: u32) -> u32 {
    let (head, digits) = number.split_at(number.len() % 4);
    let divisor = u64::from(divisor);
    let start = head.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet)) % divisor;
    let (digits, _) = digits.as_chunks::<4>();
    let remainder = digits.iter().fold(start, |remainder, digit| {
        (remainder << 32 | u64::from(u32::from_be_bytes(*digit))) % divisor
    });
    remainder as u32
}

const fn sieve() -> [u32; COUNT] {
    let mut primes = [0; COUNT];
    let mut found = 0;
    let mut candidate = 2;
    while found < COUNT {
        let mut index = 0;
        while index < found && candidate % primes[index] != 0 {
            index += 1;
        }
        if index == found {
            primes[found] = candidate;
            found += 1;
        }
        candidate += 1;
    }
    primes
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_primes_end_below_752() {
        assert_eq!(PRIMES[..5], [2, 3, 5, 7, 11]);
        assert_eq!(PRIMES[COUNT - 1], 751);
    }

    proptest! {
        #[test]
        fn residues_are_those_of_big_number_division(number in prop::collection::vec(any::<u8>(), 0..600)) {
            let big = BigUint::from_bytes_be(&number);
            for (prime, residue) in PRIMES.into_iter().zip(residues(&number)) {
                prop_assert_eq!(&big % prime, BigUint::from(residue));
            }
        }
    }
}
