//! A CRL in scratch space: entries go there one by one, and the file is read from there, in constant memory.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use chancery_x509::algorithm::SigningInput;
use chancery_x509::crl::{CrlHeader, CrlWriter, Framing, PemReader, TbsLength};
use futures_channel::oneshot;

use super::PublishError;
use crate::port::ledger::Revocations;
use crate::port::{Body, Scratch};

/// Entries up to which a thread of its own is not worth its start.
const FEW: u64 = 2_000;

/// Octets moved at a time.
const BUFFER: usize = 64 * 1024;

/// A TBSCertList in scratch space, not signed yet.
pub(super) struct Spooled {
    scratch: Box<dyn Scratch>,
    pub(super) input: SigningInput,
    pub(super) length: TbsLength,
}

/// A whole CRL: scratch space between the two ends that make it one.
#[derive(Clone)]
pub(super) struct WholeCrl {
    scratch: Arc<Mutex<Box<dyn Scratch>>>,
    framing: Arc<Framing>,
}

/// Writes a TBSCertList with those entries.
pub(super) fn spool(
    header: &CrlHeader<'_>,
    revocations: &mut dyn Revocations,
    scratch: Box<dyn Scratch>,
) -> Result<Spooled, PublishError> {
    let mut writer = CrlWriter::new(header, revocations.octets(), scratch)?;
    // The walk only carries I/O errors: what the writer had to say is kept beside it.
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
    pub(super) fn frame(self, framing: Framing) -> WholeCrl {
        WholeCrl {
            scratch: Arc::new(Mutex::new(self.scratch)),
            framing: Arc::new(framing),
        }
    }
}

impl WholeCrl {
    /// The DER, from its beginning. One body at a time may be read.
    pub(super) fn der(&self) -> io::Result<Body> {
        self.scratch
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .seek(SeekFrom::Start(0))?;
        let prefix = Cursor::new(self.framing.prefix().to_vec());
        let suffix = Cursor::new(self.framing.suffix().to_vec());
        Ok(Box::new(prefix.chain(Shared(self.scratch.clone())).chain(suffix)))
    }

    /// The PEM text, likewise.
    pub(super) fn pem(&self) -> io::Result<Body> {
        Ok(Box::new(PemReader::new("X509 CRL", self.der()?)))
    }

    /// SHA-256 of the DER. Scratch space that gives back another length than was written is an error.
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

/// Runs `work` where it does not hold up others: a CRL of a million entries is half a second of it.
pub(super) async fn off_thread<T: Send + 'static>(
    entries: u64,
    work: impl FnOnce() -> Result<T, PublishError> + Send + 'static,
) -> Result<T, PublishError> {
    if entries <= FEW {
        return work();
    }
    let (sender, receiver) = oneshot::channel();
    let started = std::thread::Builder::new().name("crl".to_owned()).spawn(move || {
        // Who asked may be gone: then nobody wants to know.
        let _ = sender.send(work());
    });
    started.map_err(PublishError::Scratch)?;
    receiver.await.map_err(|_| PublishError::Interrupted)?
}
