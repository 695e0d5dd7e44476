//! Ctrl-C while something is being changed: what was begun is ended first. A revocation without its CRL, or a certificate
//! whose key was never written, is what would be left otherwise.

use std::io::Write as _;
use std::sync::Once;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// From now on to the end of the command the first SIGINT, SIGTERM or SIGHUP is told and otherwise ignored; a second one
/// ends the command at once. Where signals cannot be caught, nothing changes: a crash there is settled as any other is.
pub(crate) fn finish_what_is_begun() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        if let Err(error) = watch() {
            tracing::warn!(%error, "Ctrl-C will end the command at once");
        }
    });
}

fn watch() -> std::io::Result<()> {
    // On a runtime and thread of its own: a command's runtime drives nothing between its calls.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::catch() })?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            // Standard error may be gone with the terminal.
            let _ = writeln!(
                std::io::stderr(),
                "Finishing what was begun; press Ctrl-C again to end at once."
            );
            let code = signals.next().await;
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

    /// The number of the next one.
    async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hangup.recv() => SignalKind::hangup(),
        };
        kind.as_raw_value()
    }
}
