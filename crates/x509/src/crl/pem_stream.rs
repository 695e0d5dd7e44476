//! PEM (RFC 7468) of any length, as a stream: a published `.crl.pem` of a million entries has at least 55 MB.

use std::io::{self, Read};

use data_encoding::BASE64;

/// Octets of DER in a line of 64 characters.
const LINE_OCTETS: usize = 48;
/// Characters in a full line, newline included.
const LINE_CHARACTERS: usize = 65;
/// Lines that are encoded at a time.
const LINES: usize = 1024;

/// The PEM text of the DER that `R` yields.
#[derive(Debug)]
pub struct PemReader<R> {
    der: R,
    label: &'static str,
    /// Lines of DER not yet encoded.
    octets: Vec<u8>,
    /// Text not yet read, from `position` on.
    text: Vec<u8>,
    position: usize,
    ended: bool,
}

impl<R: Read> PemReader<R> {
    /// Encodes `der` under `label`, e.g. `X509 CRL`.
    pub fn new(label: &'static str, der: R) -> Self {
        let mut text = Vec::with_capacity(LINES * LINE_CHARACTERS + 2 * (label.len() + 16));
        text.extend_from_slice(begin(label).as_bytes());
        Self {
            der,
            label,
            octets: vec![0; LINES * LINE_OCTETS],
            text,
            position: 0,
            ended: false,
        }
    }

    /// Refills the text with the next lines, and after the last with the END line.
    fn refill(&mut self) -> io::Result<()> {
        let length = read_full(&mut self.der, &mut self.octets)?;
        self.text.clear();
        self.position = 0;
        for line in self.octets[..length].chunks(LINE_OCTETS) {
            let start = self.text.len();
            self.text.resize(start + BASE64.encode_len(line.len()), 0);
            BASE64.encode_mut(line, &mut self.text[start..]);
            self.text.push(b'\n');
        }
        if length < self.octets.len() {
            self.ended = true;
            self.text.extend_from_slice(end(self.label).as_bytes());
        }
        Ok(())
    }
}

impl<R: Read> Read for PemReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position == self.text.len() && !self.ended && !out.is_empty() {
            self.refill()?;
        }
        let rest = &self.text[self.position..];
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.position += length;
        Ok(length)
    }
}

/// Length of the PEM text of `der` octets of DER: a server needs it for Content-Length before it streams.
pub fn pem_len(label: &str, der: u64) -> u64 {
    let characters = der.div_ceil(3).saturating_mul(4);
    let line_ends = der.div_ceil(LINE_OCTETS as u64);
    let ends = (begin(label).len() + end(label).len()) as u64;
    characters.saturating_add(line_ends).saturating_add(ends)
}

fn begin(label: &str) -> String {
    format!("-----BEGIN {label}-----\n")
}

fn end(label: &str) -> String {
    format!("-----END {label}-----\n")
}

/// Reads until `buffer` is full or the source ends; returns the number of octets.
fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(octets) => length += octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields its content in pieces of at most three octets, and is interrupted every second time.
    struct Dribble<'a>(&'a [u8], bool);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let length = out.len().min(3);
            self.0.read(&mut out[..length])
        }
    }

    fn text(der: impl Read) -> String {
        let mut text = String::new();
        PemReader::new("X509 CRL", der).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn every_length_around_lines_and_refills_is_encoded() {
        let block = LINES * LINE_OCTETS;
        let octets: Vec<u8> = (0..=u8::MAX).cycle().take(2 * block + 49).collect();
        for length in [
            0,
            1,
            2,
            3,
            47,
            48,
            49,
            96,
            block - 1,
            block,
            block + 1,
            2 * block,
            2 * block + 49,
        ] {
            let der = &octets[..length];
            let text = text(der);
            assert_eq!(text.len() as u64, pem_len("X509 CRL", length as u64), "{length}");
            let lines: Vec<&str> = text.lines().collect();
            let [first, body @ .., last] = &lines[..] else {
                panic!("too few lines")
            };
            assert_eq!((*first, *last), ("-----BEGIN X509 CRL-----", "-----END X509 CRL-----"));
            assert!(body.iter().rev().skip(1).all(|line| line.len() == 64));
            assert!(body.iter().all(|line| !line.is_empty() && line.len() <= 64));
            assert_eq!(BASE64.decode(body.concat().as_bytes()).unwrap(), der);
        }
    }

    #[test]
    fn short_and_interrupted_reads_change_nothing() {
        let der: Vec<u8> = (0..200).collect();
        assert_eq!(text(Dribble(&der, false)), text(&der[..]));
    }

    #[test]
    fn a_failing_source_is_no_end() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
        let mut reader = PemReader::new("X509 CRL", (&[0; 100][..]).chain(Broken));
        assert!(io::copy(&mut reader, &mut io::sink()).is_err());
    }
}
