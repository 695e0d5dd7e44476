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

/// There is a link of that name, and nothing where it leads.
#[derive(Debug, thiserror::Error)]
#[error("it is a link, and there is no file where it leads: put that back, or remove the link")]
struct Dangling;

/// Opens a plain file for reading. Anything else is refused, without following or waiting for it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    opened(path, OpenOptions::new().read(true), OFlags::NOFOLLOW | OFlags::NONBLOCK)
}

/// The same, but follows a link: for files whose owner may keep them elsewhere. A link that leads nowhere is an error,
/// not a file that is missing.
pub(crate) fn open_linked(path: &Path) -> io::Result<File> {
    followed(path, OpenOptions::new().read(true))
}

/// Opens a plain file for reading and appending, which is made where there is none; follows a link as
/// [`open_linked`] does.
pub(crate) fn append_linked(path: &Path, mode: u32) -> io::Result<File> {
    let existing = || followed(path, OpenOptions::new().read(true).append(true));
    match existing() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    // Another process may be faster.
    let created = OpenOptions::new()
        .read(true)
        .append(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    match created {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => existing(),
        created => created,
    }
}

/// Whether there is anything of that name, if only a link that leads nowhere.
pub(crate) fn is_there(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

fn followed(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    match opened(path, options, OFlags::NONBLOCK) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, Dangling))
        }
        opened => opened,
    }
}

fn opened(path: &Path, options: &mut OpenOptions, flags: OFlags) -> io::Result<File> {
    let opened = options.custom_flags(flags.bits().cast_signed()).open(path);
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
        symlink(at("nowhere"), at("dangling")).unwrap();
        let dangling = open_linked(&at("dangling")).unwrap_err();
        assert!(dangling.kind() == io::ErrorKind::InvalidInput, "{dangling}");
        for name in ["endless", "folder", "pipe", "socket", "dangling"] {
            assert!(append_linked(&at(name), 0o600).is_err(), "{name}");
        }
        assert!(!at("nowhere").exists(), "nothing is made where a link leads");
        assert!(append_linked(&at("link"), 0o600).is_ok() && append_linked(&at("new"), 0o600).is_ok());
        let missing = open(&at("missing")).unwrap_err();
        assert!(missing.kind() == io::ErrorKind::NotFound && !is_refusal(&missing));
    }
}
