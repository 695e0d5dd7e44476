//! A descriptor that the process inherited under a known number.
//!
//! Opening `/dev/fd/N` does not replace it: that opens the underlying file again, which the system refuses for a pipe
//! that another user made, and for a socket.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use super::PassphraseError;

/// A descriptor that the parent process opened for this one.
///
/// Take it before the process opens anything itself: where the parent did not open the descriptor, its number goes to
/// the next file that is opened, and that file's first line would be used as the passphrase.
#[derive(Clone, Debug)]
pub struct InheritedDescriptor {
    number: u32,
    /// Shares its read position with the descriptor itself.
    file: Arc<File>,
}

impl InheritedDescriptor {
    /// The descriptor of that number, which stays open under it.
    pub fn take(number: u32) -> Result<Self, PassphraseError> {
        match duplicate(number) {
            Ok(file) => Ok(Self {
                number,
                file: Arc::new(file),
            }),
            Err(error) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => {
                Err(PassphraseError::NotOpen { number })
            }
            Err(source) => Err(PassphraseError::Io {
                path: path(number),
                source,
            }),
        }
    }

    pub(super) fn file(&self) -> impl Read + '_ {
        &*self.file
    }

    /// Its name in messages.
    pub(super) fn path(&self) -> PathBuf {
        path(self.number)
    }
}

fn path(number: u32) -> PathBuf {
    PathBuf::from(format!("/dev/fd/{number}"))
}

/// A number does not prove who owns the descriptor, hence no safe function makes a `BorrowedFd` of it. But the kernel
/// gives out duplicates of any process's descriptors, this one's included, and a duplicate belongs to this function.
#[cfg(target_os = "linux")]
fn duplicate(number: u32) -> io::Result<File> {
    use std::os::fd::AsRawFd as _;

    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let target = i32::try_from(number).map_err(|_| Errno::BADF)?;
    let duplicate = pidfd_open(getpid(), PidfdFlags::empty()).and_then(|own_process| {
        if own_process.as_raw_fd() == target {
            return Err(Errno::BADF); // the number was free
        }
        pidfd_getfd(own_process, target, PidfdGetfdFlags::empty())
    });
    match duplicate {
        Ok(duplicate) => Ok(File::from(duplicate)),
        // A kernel before 5.6, or a system call filter: containers and services often forbid what debuggers use.
        Err(Errno::NOSYS | Errno::PERM | Errno::ACCESS | Errno::INVAL) => reopen(number),
        Err(error) => Err(error.into()),
    }
}

/// Elsewhere opening `/dev/fd/N` duplicates the descriptor.
#[cfg(not(target_os = "linux"))]
fn duplicate(number: u32) -> io::Result<File> {
    reopen(number)
}

fn reopen(number: u32) -> io::Result<File> {
    File::open(path(number)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Errno::BADF.into(),
        _ => error,
    })
}
