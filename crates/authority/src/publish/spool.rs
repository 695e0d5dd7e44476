//! A CRL in scratch space: entries are written one by one, and the file is read from there, in constant memory.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use chancery_x509::algorithm::SigningInput;
use chancery_x509::crl::{Coverage, CrlHeader, CrlWriter, Framing, PemReader, TbsLength};
use futures_channel::oneshot;

use super::PublishError;
use crate::ca::Ca;
use crate::port::ledger::{AttemptOrigin, CrlIntent, RevokedEntries};
use crate::port::{Body, Scratch};
use crate::signing::NotSignable;
use crate::signing::crl::SignableCrl;

/// Number of entries up to which a thread of its own is not worth starting.
const FEW: u64 = 2_000;

/// Octets copied at a time.
const BUFFER: usize = 64 * 1024;

/// A TBSCertList in scratch space, not signed yet.
pub(super) struct Spooled {
    scratch: Box<dyn Scratch>,
    pub(super) input: SigningInput,
    pub(super) length: TbsLength,
}

/// A whole CRL: the TBSCertList in scratch space, with the octets before and after it.
#[derive(Clone)]
pub(super) struct WholeCrl {
    scratch: Arc<Mutex<Box<dyn Scratch>>>,
    framing: Arc<Framing>,
}

/// Writes a TBSCertList with those entries.
pub(super) fn spool(
    header: &CrlHeader<'_>,
    revocations: &mut dyn RevokedEntries,
    scratch: Box<dyn Scratch>,
) -> Result<Spooled, PublishError> {
    let mut writer = CrlWriter::new(header, revocations.octets(), scratch)?;
    // The walk only carries I/O errors: the writer's own error is kept beside it.
    let mut refused = None;
    let walked = revocations.for_each(&mut |entry| {
        writer.entry(entry).map_err(|error| {
            let stop = io::Error::other("the CRL writer refused an entry");
            refused = Some(error);
            stop
        })
    });
    if let Some(error) = refused {
        return Err(error.into());
    }
    walked.map_err(PublishError::Revocations)?;
    let (scratch, input, length) = writer.finish_tbs()?;
    Ok(Spooled { scratch, input, length })
}

impl Spooled {
    /// Checks what was written against what was recorded for it.
    pub(super) fn signable<'a>(
        &mut self,
        intent: &CrlIntent,
        attempt: AttemptOrigin,
        coverage: &Coverage,
        ca: &'a Ca,
    ) -> io::Result<Result<SignableCrl<'a>, NotSignable>> {
        SignableCrl::against(&mut self.scratch, &self.input, intent, attempt, coverage, ca)
    }

    pub(super) fn frame(self, framing: Framing) -> WholeCrl {
        WholeCrl {
            scratch: Arc::new(Mutex::new(self.scratch)),
            framing: Arc::new(framing),
        }
    }
}

impl WholeCrl {
    /// The DER, from its beginning. Only one body may be read at a time.
    pub(super) fn der(&self) -> io::Result<Body> {
        self.scratch
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .seek(SeekFrom::Start(0))?;
        let prefix = Cursor::new(self.framing.prefix().to_vec());
        let suffix = Cursor::new(self.framing.suffix().to_vec());
        Ok(Box::new(prefix.chain(Shared(self.scratch.clone())).chain(suffix)))
    }

    /// The PEM text; the same restriction applies.
    pub(super) fn pem(&self) -> io::Result<Body> {
        Ok(Box::new(PemReader::new("X509 CRL", self.der()?)))
    }

    /// SHA-256 of the DER. Fails if scratch space returns another length than was written.
    pub(super) fn digest(&self) -> io::Result<[u8; 32]> {
        let mut der = self.der()?;
        let mut context = digest::Context::new(&digest::SHA256);
        let mut buffer = vec![0; BUFFER];
        let mut length = 0;
        loop {
            let read = der.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            length += read as u64;
            context.update(&buffer[..read]);
        }
        if length != self.framing.crl_len() {
            return Err(io::Error::other(format!(
                "{length} octets came back, {} were written",
                self.framing.crl_len()
            )));
        }
        let mut octets = [0; 32];
        octets.copy_from_slice(context.finish().as_ref());
        Ok(octets)
    }
}

struct Shared(Arc<Mutex<Box<dyn Scratch>>>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(buffer)
    }
}

/// Runs `work` where it blocks no other task: a CRL of a million entries takes half a second.
pub(super) async fn off_thread<T: Send + 'static>(
    entries: u64,
    work: impl FnOnce() -> Result<T, PublishError> + Send + 'static,
) -> Result<T, PublishError> {
    if entries <= FEW {
        return work();
    }
    let (sender, receiver) = oneshot::channel();
    let started = std::thread::Builder::new().name("crl".to_owned()).spawn(move || {
        // Fails only if the caller is gone, and with it any interest in the result.
        let _ = sender.send(work());
    });
    started.map_err(PublishError::Scratch)?;
    receiver.await.map_err(|_| PublishError::Interrupted)?
}

#[cfg(test)]
mod tests {
    use chancery_x509::crl::{RevocationList, RevokedEntry};

    use super::*;
    use crate::publish::testing::{Many, Root, header, on_disk, process_memory, whole};

    #[test]
    fn what_was_spooled_is_a_crl_as_often_as_it_is_read() {
        let root = Root::new();
        let crl = whole(&root, &mut Many(3000), Box::new(Cursor::new(Vec::new())));
        let mut der = Vec::new();
        crl.der().unwrap().read_to_end(&mut der).unwrap();
        assert_eq!(
            crl.digest().unwrap()[..],
            *digest::digest(&digest::SHA256, &der).as_ref()
        );
        let mut pem = Vec::new();
        crl.pem().unwrap().read_to_end(&mut pem).unwrap();
        for read in [der, pem] {
            let list = RevocationList::parse(&read).unwrap();
            assert!(list.is_signed_by(root.ca.issuer.public_key()));
            assert_eq!(list.entries().count(), 3000);
        }
    }

    #[test]
    fn entries_that_are_not_as_announced_are_refused() {
        struct Lying;
        impl RevokedEntries for Lying {
            fn entries(&self) -> u64 {
                1
            }
            fn octets(&self) -> u64 {
                Many(1).octets()
            }
            fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
                Many(2).for_each(each)
            }
            fn damaged(&self) -> &[String] {
                &[]
            }
        }
        let root = Root::new();
        let outcome = spool(&header(&root.ca), &mut Lying, Box::new(Cursor::new(Vec::new())));
        assert!(matches!(outcome, Err(PublishError::Write(_))));
    }

    #[test]
    fn scratch_space_that_loses_octets_is_noticed() {
        let root = Root::new();
        let scratch: Box<dyn Scratch> = Box::new(Cursor::new(Vec::new()));
        let mut spooled = spool(&header(&root.ca), &mut Many(10), scratch).unwrap();
        let mut kept = Vec::new();
        spooled.scratch.seek(SeekFrom::Start(0)).unwrap();
        spooled.scratch.read_to_end(&mut kept).unwrap();
        kept.pop();
        spooled.scratch = Box::new(Cursor::new(kept));
        let framing = Framing::new(root.ca.issuer.public_key().algorithm(), spooled.length, &[0; 70]);
        assert!(spooled.frame(framing).digest().is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn three_hundred_thousand_entries_take_no_more_memory_than_three_thousand() {
        let root = Root::new();
        let read_all = |entries| {
            let crl = whole(&root, &mut Many(entries), on_disk());
            crl.digest().unwrap();
            let octets = io::copy(&mut crl.der().unwrap(), &mut io::sink()).unwrap();
            (octets, io::copy(&mut crl.pem().unwrap(), &mut io::sink()).unwrap())
        };
        // A warm-up pass, so that buffers and code are loaded already.
        read_all(3_000);
        let before = process_memory("VmRSS:");
        // Resets VmHWM to the current value (proc(5)).
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let (der, pem) = read_all(300_000);
        let grown = process_memory("VmHWM:").saturating_sub(before);
        assert!(
            der > 12_000_000 && pem > 16_000_000,
            "{der} octets of DER, {pem} of PEM"
        );
        assert!(grown < 2048, "{grown} KiB for {der} octets");
    }
}
