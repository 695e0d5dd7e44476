//! Placeholder signatures of the right form: what lints see instead of the signature to come. They do not verify.

use chancery_x509::algorithm::CaKeyAlgorithm;

/// Octets in the form of a signature by a key of that algorithm.
pub(crate) fn signature(algorithm: CaKeyAlgorithm) -> Vec<u8> {
    match algorithm {
        CaKeyAlgorithm::Rsa2048 => vec![0x55; 256],
        CaKeyAlgorithm::Rsa3072 => vec![0x55; 384],
        CaKeyAlgorithm::Rsa4096 => vec![0x55; 512],
        CaKeyAlgorithm::P256 => ecdsa(32),
        CaKeyAlgorithm::P384 => ecdsa(48),
        CaKeyAlgorithm::P521 => ecdsa(66),
        // FIPS 204 table 2.
        CaKeyAlgorithm::MlDsa44 => vec![0; 2420],
        CaKeyAlgorithm::MlDsa65 => vec![0; 3309],
        CaKeyAlgorithm::MlDsa87 => vec![0; 4627],
    }
}

/// ECDSA-Sig-Value (RFC 5480 appendix A): a SEQUENCE of two positive INTEGERs of that many octets.
fn ecdsa(octets: u8) -> Vec<u8> {
    let mut integer = vec![0x02, octets, 0x01];
    integer.resize(2 + usize::from(octets), 0x55);
    let content = 2 * (octets + 2);
    let mut value = if content < 0x80 {
        vec![0x30, content]
    } else {
        vec![0x30, 0x81, content]
    };
    value.extend_from_slice(&integer);
    value.extend_from_slice(&integer);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecdsa_values_are_whole_der() {
        for (algorithm, len) in [
            (CaKeyAlgorithm::P256, 70),
            (CaKeyAlgorithm::P384, 102),
            (CaKeyAlgorithm::P521, 139),
        ] {
            let value = signature(algorithm);
            assert_eq!(value.len(), len);
            let header = if value[1] == 0x81 { 3 } else { 2 };
            assert_eq!(
                usize::from(value[header - 1]),
                len - header,
                "the SEQUENCE holds the rest"
            );
        }
    }
}
