//! Ctrl-C during a change: the command completes what it has begun, since stopping could leave a revocation without its
//! CRL, or a certificate whose key was never written. What can be undone is undone instead.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// From now on the first SIGINT, SIGTERM or SIGHUP only prints a message; a second one ends the command at once. Where
/// signals cannot be caught, nothing changes: the next run recovers as after any crash.
pub(crate) fn finish_what_is_begun() {
    begin("Finishing what was begun");
}

/// The same for work that is undone: it must poll [`is_interrupted`].
pub(crate) fn undo_what_is_begun() {
    begin("Undoing what was begun");
}

/// Whether the user has interrupted the command.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Sets a folder to be removed where the command ends at once: one that must not stay behind.
pub(crate) fn remove_at_once(folder: &Path) {
    *REMOVED.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder.to_owned());
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static REMOVED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Attempts at removing: another thread may be writing into the folder meanwhile.
const REMOVALS: usize = 5;

fn remove() {
    let folder = REMOVED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(folder) = folder else { return };
    for _ in 0..REMOVALS {
        let _ = std::fs::remove_dir_all(&folder);
        if !folder.exists() {
            return;
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "{} could not be removed: remove it, there may be keys in it.",
        folder.display()
    );
}

fn begin(what: &'static str) {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        if let Err(error) = watch(what) {
            tracing::warn!(%error, "Ctrl-C will end the command at once");
        }
    });
}

fn watch(what: &'static str) -> std::io::Result<()> {
    // On a runtime and thread of its own: a command's runtime drives nothing between its calls.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::catch() })?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            INTERRUPTED.store(true, Ordering::SeqCst);
            // Standard error may be gone with the terminal.
            let _ = writeln!(std::io::stderr(), "{what}; press Ctrl-C again to end at once.");
            let code = signals.next().await;
            remove();
            #[allow(clippy::exit, reason = "whoever interrupts twice wants the end, at once")]
            std::process::exit(128 + code);
        });
    })?;
    Ok(())
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The number of the next signal.
    async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hangup.recv() => SignalKind::hangup(),
        };
        kind.as_raw_value()
    }
}
