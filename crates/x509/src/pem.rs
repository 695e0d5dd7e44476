//! PEM (RFC 7468), as far as certificates, requests and revocation lists need it.

use data_encoding::BASE64;

/// Encodes DER under a label (`CERTIFICATE`, `X509 CRL`, `CERTIFICATE REQUEST`), 64 characters a line, with a final newline.
pub fn encode(label: &'static str, der: &[u8]) -> String {
    const OCTETS_A_LINE: usize = 48;
    let lines = der.len().div_ceil(OCTETS_A_LINE);
    let mut pem = String::with_capacity(lines * 65 + 2 * label.len() + 32);
    pem.push_str("-----BEGIN ");
    pem.push_str(label);
    pem.push_str("-----\n");
    for line in der.chunks(OCTETS_A_LINE) {
        BASE64.encode_append(line, &mut pem);
        pem.push('\n');
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

/// One block of a PEM file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The label between `-----BEGIN ` and `-----`.
    pub label: String,
    /// The decoded content.
    pub der: Vec<u8>,
}

/// Why a text is no PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not well-formed PEM")]
pub struct PemError;

/// Every block of a text, in order; text around blocks is passed over (RFC 7468 section 2).
///
/// A text without any block is no PEM, and so is one with a block that is cut short, whose labels differ, or whose
/// content is not strict base64 (lines may have any length; headers as in RFC 1421 are not taken).
pub fn decode_all(text: &[u8]) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut lines = text.split(|&octet| octet == b'\n').map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        let Some(label) = label_of(line, b"-----BEGIN ") else {
            continue;
        };
        blocks.push(block(label, &mut lines)?);
    }
    if blocks.is_empty() { Err(PemError) } else { Ok(blocks) }
}

/// Whether octets look like PEM rather than DER: they hold the beginning of a block.
///
/// DER of what PEM is used for begins with a SEQUENCE of 128 octets or more, which no text begins with, so a boundary
/// hidden in a certificate's strings is not taken for one.
pub fn is_pem(input: &[u8]) -> bool {
    const BOUNDARY: &[u8] = b"-----BEGIN ";
    !matches!(input, [0x30, 0x80..=0xff, ..]) && input.windows(BOUNDARY.len()).any(|window| window == BOUNDARY)
}

/// Reads a block whose first line was read.
fn block<'a>(label: &[u8], lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<Block, PemError> {
    let label = std::str::from_utf8(label).map_err(|_| PemError)?;
    let mut base64 = Vec::new();
    for line in lines {
        if let Some(end) = label_of(line, b"-----END ") {
            if end != label.as_bytes() {
                return Err(PemError);
            }
            let der = BASE64.decode(&base64).map_err(|_| PemError)?;
            return Ok(Block {
                label: label.to_owned(),
                der,
            });
        }
        base64.extend_from_slice(line);
    }
    Err(PemError)
}

/// The label of an encapsulation boundary that begins with `prefix`.
fn label_of<'a>(line: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(prefix)?.strip_suffix(b"-----")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_around_blocks_and_line_endings_are_passed_over() {
        let text = b"Subject: x\r\n-----BEGIN A B-----\r\nAQID\r\n-----END A B-----\r\n\r\nmore \xff\n-----BEGIN C-----\nBA\n==\n-----END C-----";
        let blocks = decode_all(text).unwrap();
        assert_eq!(blocks.len(), 2);
        assert_eq!(
            (blocks[0].label.as_str(), blocks[0].der.as_slice()),
            ("A B", &[1, 2, 3][..])
        );
        assert_eq!((blocks[1].label.as_str(), blocks[1].der.as_slice()), ("C", &[4][..]));
    }

    #[test]
    fn broken_blocks_are_refused() {
        let bad: [&[u8]; 7] = [
            b"",
            b"no block",
            b"-----BEGIN A-----\nAQID\n",
            b"-----BEGIN A-----\nAQID\n-----END B-----\n",
            b"-----BEGIN A-----\nAQI\n-----END A-----\n",
            b"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END A-----\n",
            b"-----BEGIN A-----\n-----BEGIN A-----\nAQID\n-----END A-----\n",
        ];
        for text in bad {
            assert_eq!(decode_all(text), Err(PemError), "{}", String::from_utf8_lossy(text));
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(der in proptest::collection::vec(any::<u8>(), 0..300)) {
            let pem = encode("CERTIFICATE", &der);
            prop_assert!(pem.lines().all(|line| line.len() <= 64));
            prop_assert!(is_pem(pem.as_bytes()));
            let blocks = decode_all(pem.as_bytes()).unwrap();
            prop_assert_eq!(blocks, vec![Block { label: "CERTIFICATE".to_owned(), der }]);
        }

        #[test]
        fn decoding_never_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_all(&text);
        }
    }
}
