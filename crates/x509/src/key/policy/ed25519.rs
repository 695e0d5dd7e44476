//! Ed25519 points of small order.

use super::WeakKey;

/// The y-coordinates (little-endian, sign bit clear) of the eight points whose order divides 8, and two of their
/// encodings that are not reduced modulo p = 2^255 − 19. For such a key, signatures over any message can be made
/// without a private key, so a request signed with it proves nothing.
const SMALL_ORDER: [[u8; 32]; 7] = [
    with_low_octet([0; 32], 0),
    with_low_octet([0; 32], 1),
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\
      \xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\
      \x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    // p − 1, p and p + 1
    with_low_octet(HIGH_ONES, 0xec),
    with_low_octet(HIGH_ONES, 0xed),
    with_low_octet(HIGH_ONES, 0xee),
];

const HIGH_ONES: [u8; 32] = {
    let mut octets = [0xff; 32];
    octets[31] = 0x7f;
    octets
};

const fn with_low_octet(mut octets: [u8; 32], low: u8) -> [u8; 32] {
    octets[0] = low;
    octets
}

pub(super) fn check(point: &[u8]) -> Result<(), WeakKey> {
    let small = SMALL_ORDER.iter().any(|y| {
        // The topmost bit is the sign of x.
        point.len() == 32 && point[..31] == y[..31] && point[31] & 0x7f == y[31]
    });
    if small { Err(WeakKey::Ed25519SmallOrder) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;

    /// The curve −x² + y² = 1 + d·x²·y² in terms of x² and y, which suffices for doubling.
    struct Curve {
        p: BigUint,
        d: BigUint,
    }

    impl Curve {
        fn ed25519() -> Self {
            let p = (BigUint::from(1u8) << 255u32) - 19u8;
            let d = &p - (BigUint::from(121_665u32) * Self::inverse(&p, &BigUint::from(121_666u32))) % &p;
            Self { p, d }
        }

        fn inverse(p: &BigUint, number: &BigUint) -> BigUint {
            number.modpow(&(p - 2u8), p)
        }

        fn x_squared(&self, y: &BigUint) -> BigUint {
            let y2 = y * y % &self.p;
            let denominator = (&self.d * &y2 + 1u8) % &self.p;
            (&y2 + &self.p - 1u8) * Self::inverse(&self.p, &denominator) % &self.p
        }

        fn double(&self, y: &BigUint) -> BigUint {
            let y2 = y * y % &self.p;
            let x2 = self.x_squared(y);
            let product = &self.d * &x2 % &self.p * &y2 % &self.p;
            (y2 + x2) * Self::inverse(&self.p, &(&self.p + 1u8 - product)) % &self.p
        }
    }

    #[test]
    fn each_listed_point_has_an_order_that_divides_eight() {
        let curve = Curve::ed25519();
        for y in SMALL_ORDER {
            let y = BigUint::from_bytes_le(&y) % &curve.p;
            let eightfold = curve.double(&curve.double(&curve.double(&y)));
            assert_eq!(eightfold, BigUint::from(1u8), "{y}");
        }
    }

    #[test]
    fn the_sign_does_not_matter() {
        let mut point = SMALL_ORDER[2];
        assert_eq!(check(&point), Err(WeakKey::Ed25519SmallOrder));
        point[31] |= 0x80;
        assert_eq!(check(&point), Err(WeakKey::Ed25519SmallOrder));
        point[7] ^= 1;
        assert_eq!(check(&point), Ok(()));
    }
}
