//! Certificates and CRLs from files that people name, PEM or DER.

use std::path::Path;

use anyhow::{Context as _, Result};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::{PEM_LABEL, RevocationList};
use chancery_x509::pem;

use crate::bounded;

/// The first certificate of a file: one with its chain behind it is taken for that.
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

/// Every CRL of a file: servers such as nginx take those of all shards in one.
pub(super) fn crls(file: &Path) -> Result<Vec<RevocationList>> {
    let octets = bounded::read(file, bounded::CRLS)?;
    let told = || format!("{} cannot be used", file.display());
    // One alone says best what is wrong with it.
    let several = pem::decode(&octets, &[PEM_LABEL])
        .ok()
        .filter(|blocks| blocks.len() > 1);
    let Some(blocks) = several.filter(|_| pem::is_pem(&octets)) else {
        return Ok(vec![RevocationList::parse(&octets).with_context(told)?]);
    };
    let crls = blocks.into_iter().map(|block| RevocationList::from_der(block.der));
    crls.collect::<Result<_, _>>().with_context(told)
}
