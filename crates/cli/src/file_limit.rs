//! A limit on the length of files (`ulimit -f`, `LimitFSIZE=`): whoever reaches it is ended by a signal, in the middle of whatever
//! else goes on. Where the signal is caught, the write fails instead, and is reported like one on a full disk.

use rustix::process::Signal;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// From now on a write beyond the limit fails with an error. Where that cannot be had, the command goes on as it is.
pub(crate) fn tell_of_full_files() {
    let caught = Builder::new_current_thread().enable_io().build().and_then(|runtime| {
        // Once caught, a signal stays caught until the process ends, whoever listens.
        runtime.block_on(async { signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop) })
    });
    if let Err(error) = caught {
        tracing::warn!(%error, "a limit on the length of files will end the command");
    }
}
