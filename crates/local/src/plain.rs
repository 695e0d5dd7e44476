//! Opens files that other users may have put there: a link leads elsewhere, opening a pipe waits for a writer, and
//! reading a device may never end.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// There is a file of that name, and it is not a plain file.
#[derive(Debug, thiserror::Error)]
#[error("it is no plain file, but a link, a pipe, a device or a folder")]
struct NotPlain;

/// Opens a plain file for reading. Anything else is refused, without following or waiting for it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    opened(path, OFlags::NOFOLLOW | OFlags::NONBLOCK)
}

/// The same, but follows a link: for files whose owner may keep them elsewhere.
pub(crate) fn open_linked(path: &Path) -> io::Result<File> {
    opened(path, OFlags::NONBLOCK)
}

fn opened(path: &Path, flags: OFlags) -> io::Result<File> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = match opened {
        // A link where none may be; a socket, or a device file without a device.
        Err(error)
            if [Errno::LOOP, Errno::NXIO]
                .map(|errno| Some(errno.raw_os_error()))
                .contains(&error.raw_os_error()) =>
        {
            return Err(refused());
        }
        opened => opened?,
    };
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(refused())
    }
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, NotPlain)
}

/// Whether a file was refused because it is not a plain file.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    error
        .get_ref()
        .and_then(|source| source.downcast_ref::<NotPlain>())
        .is_some()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn plain_files_alone_are_opened_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), b"content").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink("/dev/zero", at("endless")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RWXU).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();

        assert!(open(&at("file")).is_ok());
        for name in ["link", "endless", "folder", "pipe", "socket"] {
            let error = open(&at(name)).unwrap_err();
            assert!(is_refusal(&error), "{name}: {error}");
        }
        assert!(open_linked(&at("link")).is_ok());
        for name in ["endless", "folder", "pipe", "socket"] {
            let error = open_linked(&at(name)).unwrap_err();
            assert!(is_refusal(&error), "{name}: {error}");
        }
        let missing = open(&at("missing")).unwrap_err();
        assert!(missing.kind() == io::ErrorKind::NotFound && !is_refusal(&missing));
    }
}
