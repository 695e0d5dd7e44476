//! Reads certificates and CRLs, PEM or DER, from files named by the user; parses serial numbers in the usual notations.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::{PEM_LABEL, RevocationList};
use chancery_x509::pem;
use chancery_x509::serial::Serial;

use crate::bounded;

/// The first certificate of a file: in one with a chain, the end-entity certificate comes first.
pub(super) fn certificate(file: &Path) -> Result<Certificate> {
    certificates(file)?
        .into_iter()
        .next()
        .with_context(|| format!("{} holds no certificate", file.display()))
}

/// Every certificate of a file.
pub(super) fn certificates(file: &Path) -> Result<Vec<Certificate>> {
    Certificate::parse_all(&bounded::read(file, bounded::CERTIFICATES)?)
        .with_context(|| format!("{} cannot be used", file.display()))
}

/// Every CRL of a file: servers such as nginx take those of all shards in one file.
pub(super) fn crls(file: &Path) -> Result<Vec<RevocationList>> {
    let octets = bounded::read(file, bounded::CRLS)?;
    let context = || format!("{} cannot be used", file.display());
    // For a single CRL its own parser gives the best error.
    let several = pem::decode(&octets, &[PEM_LABEL])
        .ok()
        .filter(|blocks| blocks.len() > 1);
    let Some(blocks) = several.filter(|_| pem::is_pem(&octets)) else {
        return Ok(vec![RevocationList::parse(&octets).with_context(context)?]);
    };
    let crls = blocks.into_iter().map(|block| RevocationList::from_der(block.der));
    crls.collect::<Result<_, _>>().with_context(context)
}

/// A serial number: decimal, hexadecimal as certificate viewers print it, or that of the certificate in a file, or in
/// the folder that `request` wrote.
pub(super) fn serial(text: &str) -> Result<String> {
    if let Ok(serial) = text.parse::<Serial>() {
        return Ok(serial.to_string());
    }
    let path = Path::new(text);
    if path.is_dir() {
        return Ok(certificate(&path.join("cert.pem"))?.serial().to_string());
    }
    if path.is_file() {
        return Ok(certificate(path)?.serial().to_string());
    }
    // Digits alone are decimal; with a letter among them they can only be hexadecimal.
    if let Ok(serial) = format!("0x{text}").parse::<Serial>() {
        return Ok(serial.to_string());
    }
    bail!(
        "{text:?} is no serial number, and no file or folder with a certificate: serial numbers are decimal, or hexadecimal as \
         0x… or AB:CD:…"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_taken_as_people_have_them() {
        for text in ["4660", "0x1234", "12:34"] {
            assert_eq!(serial(text).unwrap(), "4660");
        }
        assert_eq!(serial("12AB").unwrap(), 0x12AB.to_string());
        for text in ["", "0", "-5", "nothing/there", "12G4"] {
            assert!(
                serial(text).unwrap_err().to_string().contains("is no serial number"),
                "{text}"
            );
        }
    }
}
