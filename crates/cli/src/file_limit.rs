//! A limit on the length of files (`ulimit -f`, `LimitFSIZE=`): by default a signal kills a process that reaches it, in
//! the middle of other work. Where the signal is caught, the write fails instead, and is reported like one on a full
//! disk.

use rustix::process::Signal;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// From now on a write beyond the limit fails with an error. Where the signal cannot be caught, the command continues
/// without this.
pub(crate) fn catch_file_size_signal() {
    let caught = Builder::new_current_thread().enable_io().build().and_then(|runtime| {
        // Once tokio has caught a signal, it stays caught until the process ends.
        runtime.block_on(async { signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop) })
    });
    if let Err(error) = caught {
        tracing::warn!(%error, "reaching the file size limit will kill the command");
    }
}
