//! One Python process with the sandbox's packages for all Rust tests: each gets a sandbox of its own from it, quickly.
//!
//! A test that finds none, as under a plain `cargo nextest run`, starts one for itself.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::shell;

/// The variable that gives tests the socket's path.
pub(crate) const SOCKET: &str = "CHANCERY_SANDBOXES";

/// The process that provides sandboxes; it and all sandboxes end when this is dropped.
pub(crate) struct Sandboxes {
    child: Child,
    folder: tempfile::TempDir,
}

impl Sandboxes {
    /// Starts it. `None` where the sandbox's packages are not installed, or it does not start: tests then report that,
    /// or do without.
    pub(crate) fn start(python: Option<&Path>) -> Option<Self> {
        // Short: a socket's path has at most 107 octets.
        let folder = tempfile::Builder::new().prefix("chancery-").tempdir().ok()?;
        let mut command = shell::program(python?.join("python"));
        command
            .current_dir(shell::root().join("sandbox"))
            .args(["-m", "chancery_sandbox.many"])
            .arg(folder.path().join("socket"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let mut line = String::new();
        let output = child.stdout.take()?;
        BufReader::new(output).read_line(&mut line).ok()?;
        let started = Self { child, folder };
        (line.trim() == "ready").then_some(started)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

impl Drop for Sandboxes {
    fn drop(&mut self) {
        // The process ends when its standard input closes.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
