//! Reads files named by the user, and standard input, up to a limit: a device or a pipe that never ends causes an error
//! instead of exhausting memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use chancery_local::secret_file;
use zeroize::{Zeroize as _, Zeroizing};

/// Most octets of a configuration, a CSR, a key, or a certificate with its chain.
pub(crate) const TEXT: u64 = 1 << 20;

/// Most octets of a file of trusted certificates: systems have about 200 KiB of them.
pub(crate) const CERTIFICATES: u64 = 16 << 20;

/// Most octets of a file of CRLs: one of a million entries has about 60 MB in PEM.
pub(crate) const CRLS: u64 = 256 << 20;

/// Most octets of a Terraform state.
#[cfg(feature = "aws")]
pub(crate) const STATE: u64 = 256 << 20;

/// Contents of the file.
pub(crate) fn read(file: &Path, most: u64) -> Result<Vec<u8>> {
    let context = || format!("cannot read {}", file.display());
    let opened = File::open(file).with_context(context)?;
    within(opened, most).with_context(context)
}

/// The file as text.
pub(crate) fn text(file: &Path, most: u64) -> Result<String> {
    let octets = read(file, most)?;
    String::from_utf8(octets).map_err(|_| anyhow::anyhow!("{} is not UTF-8 text", file.display()))
}

/// The same for a secret, of which no copy stays in memory; warns where others may read or replace the file.
pub(crate) fn secret(file: &Path, most: u64) -> Result<Zeroizing<String>> {
    let context = || format!("cannot read {}", file.display());
    let opened = secret_file::open(file).with_context(context)?;
    let octets = within(opened, most).with_context(context)?;
    String::from_utf8(octets).map(Zeroizing::new).map_err(|error| {
        error.into_bytes().zeroize();
        anyhow::anyhow!("{} is not UTF-8 text", file.display())
    })
}

/// Contents of standard input.
pub(crate) fn standard_input(most: u64) -> Result<Vec<u8>> {
    within(io::stdin().lock(), most).context("cannot read standard input")
}

fn within(source: impl Read, most: u64) -> Result<Vec<u8>> {
    let mut octets = Vec::new();
    source.take(most.saturating_add(1)).read_to_end(&mut octets)?;
    if octets.len() as u64 > most {
        octets.zeroize();
        bail!("it is longer than {most} octets, more than what is wanted here ever has: is it the right file?");
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_told() {
        assert_eq!(within(io::repeat(1).take(8), 8).unwrap(), [1; 8]);
        let message = within(io::repeat(1), 8).unwrap_err().to_string();
        assert!(message.contains("longer than 8 octets"), "{message}");
    }
}
