//! A descriptor that the process was given under a number.
//!
//! Opening `/dev/fd/N` is no substitute for it: that opens the file behind it anew, which the system refuses where another
//! user made the pipe, and where it is a socket.

use std::fs::File;
use std::io;
use std::path::PathBuf;

/// What the system says of a number that no descriptor has: EBADF.
pub(super) const NOT_OPEN: i32 = rustix::io::Errno::BADF.raw_os_error();

/// What it is called, in messages and where it cannot be duplicated.
pub(super) fn name(number: u32) -> PathBuf {
    PathBuf::from(format!("/dev/fd/{number}"))
}

/// A duplicate of the descriptor: it shares what has been read of the file.
///
/// A mere number proves nothing about who owns the descriptor, hence no safe function makes a `BorrowedFd` of it. But the
/// kernel hands out duplicates of any process's descriptors, this one's included, and a duplicate is ours.
#[cfg(target_os = "linux")]
pub(super) fn duplicate(number: u32) -> io::Result<File> {
    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let target = i32::try_from(number).map_err(|_| Errno::BADF)?;
    let duplicate = pidfd_open(getpid(), PidfdFlags::empty())
        .and_then(|own_process| pidfd_getfd(own_process, target, PidfdGetfdFlags::empty()));
    match duplicate {
        Ok(duplicate) => Ok(File::from(duplicate)),
        // A kernel before 5.6, or a system call filter: containers and services often forbid what debuggers use.
        Err(Errno::NOSYS | Errno::PERM | Errno::ACCESS | Errno::INVAL) => reopen(number),
        Err(error) => Err(error.into()),
    }
}

/// Elsewhere opening `/dev/fd/N` duplicates the descriptor.
#[cfg(not(target_os = "linux"))]
pub(super) fn duplicate(number: u32) -> io::Result<File> {
    reopen(number)
}

fn reopen(number: u32) -> io::Result<File> {
    File::open(name(number)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => rustix::io::Errno::BADF.into(),
        _ => error,
    })
}
