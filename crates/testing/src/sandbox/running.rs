//! The process of a sandbox.
//!
//! `cargo xtask test` has one process that makes them, and says where in `CHANCERY_SANDBOXES`; without it each test starts its own.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::judges;

/// A sandbox's process: one that was started here, or a connection to one that was made for it. Either ends by itself when this
/// process does, however that ends.
pub(super) enum Running {
    Own(Child),
    Made { _connection: UnixStream },
}

impl Running {
    /// Starts one, and gives back the line that it says of itself. `None`, and a line saying so, where what it runs on is not
    /// installed.
    pub(super) fn start(arguments: &[&str]) -> Option<(Self, Value)> {
        let reported = |from: &mut dyn Read| -> Value {
            let mut line = String::new();
            BufReader::new(from).read_line(&mut line).unwrap();
            serde_json::from_str(&line).unwrap()
        };
        if let Some(socket) = std::env::var_os("CHANCERY_SANDBOXES") {
            let mut connection = UnixStream::connect(socket).unwrap();
            writeln!(connection, "{}", json!(arguments)).unwrap();
            let reported = reported(&mut connection);
            return Some((
                Self::Made {
                    _connection: connection,
                },
                reported,
            ));
        }
        let python = judges::folder().join("python");
        let has_packages = Command::new(&python)
            .args(["-c", "import moto, waitress"])
            .stderr(Stdio::null())
            .status();
        if !has_packages.is_ok_and(|status| status.success()) {
            assert!(
                std::env::var_os("CHANCERY_JUDGES").is_none(),
                "CHANCERY_JUDGES: {} has not the sandbox's packages: leave the variable out, or run cargo xtask setup",
                python.display()
            );
            eprintln!("SKIPPED: the sandbox's packages are not installed (cargo xtask setup)");
            return None;
        }
        let mut child = Command::new(python)
            .args(["-m", "chancery_sandbox.moto"])
            .args(arguments)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sandbox"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let reported = reported(&mut child.stdout.take().unwrap());
        Some((Self::Own(child), reported))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Own(child) = self {
            // Closing its standard input lets it end its functions, and then itself.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}
