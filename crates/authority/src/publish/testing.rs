//! For this module's tests: long lists that are generated on demand, and CRLs made of them.

use std::fs::{File, OpenOptions};
use std::io;
use std::sync::Arc;

use chancery_x509::crl::{Coverage, CrlHeader, Framing, RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::spool::{WholeCrl, spool};
use crate::authority::Authority;
use crate::ca::Ca;
use crate::config::Config;
use crate::memory::MemoryPorts;
use crate::port::Scratch;
use crate::port::SignUnchecked as _;
use crate::port::ledger::RevokedEntries;
use crate::profile::Profiles;

pub(crate) const NOW: UnixTime = UnixTime(1_795_464_000);

/// This many entries, each generated when it is read.
pub(super) struct Many(pub(super) u64);

pub(super) fn entry(number: u64) -> RevokedEntry {
    let mut octets = [0x41; 20];
    octets[12..].copy_from_slice(&number.to_be_bytes());
    RevokedEntry {
        serial: Serial::from_octets(&octets).unwrap(),
        revoked_at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
    }
}

impl RevokedEntries for Many {
    fn entries(&self) -> u64 {
        self.0
    }

    fn octets(&self) -> u64 {
        self.0 * entry(0).encoded_len() as u64
    }

    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
        (0..self.0).try_for_each(|number| each(&entry(number)))
    }

    fn damaged(&self) -> &[String] {
        &[]
    }
}

pub(crate) async fn issuer(memory: &MemoryPorts) -> Arc<Ca> {
    let config = Config::from_toml("[[ca]]\nname = \"root-ca\"\nalgorithm = \"p256\"").unwrap();
    let authority = Authority::open(memory.ports(), config, Profiles::built_in())
        .await
        .unwrap();
    authority.initialise(&|_: &str| ()).await.unwrap();
    authority.cas()[0].clone()
}

pub(crate) fn header(ca: &Ca) -> CrlHeader<'_> {
    CrlHeader {
        issuer: &ca.issuer,
        number: 1,
        this_update: NOW,
        next_update: NOW.plus_days(7),
        scope: Coverage::Full,
    }
}

pub(super) async fn whole(
    memory: &MemoryPorts,
    ca: &Ca,
    entries: &mut dyn RevokedEntries,
    scratch: Box<dyn Scratch>,
) -> WholeCrl {
    let spooled = spool(&header(ca), entries, scratch).unwrap();
    let signed = memory
        .keys
        .sign_unchecked(&ca.record.key, &spooled.input)
        .await
        .unwrap();
    let framing = Framing::new(ca.issuer.public_key().algorithm(), spooled.length, &signed.signature);
    spooled.frame(framing)
}

/// Kibibytes of a line of `/proc/self/status`.
#[cfg(target_os = "linux")]
pub(super) fn process_memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// Scratch space on disk, which uses no memory.
pub(super) fn on_disk() -> Box<dyn Scratch> {
    let path = std::env::temp_dir().join(format!("chancery-spool-{}", std::process::id()));
    let file: File = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .unwrap();
    std::fs::remove_file(path).unwrap();
    Box::new(file)
}
