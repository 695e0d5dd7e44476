//! Running other programs from the repository's root.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Set for tests that otherwise leave out what other tests cover, or repeat less often.
pub(crate) const THOROUGH: &str = "CHANCERY_THOROUGH";

/// The repository's root: the folder above this crate's.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Cargo's target folder, from the environment or the default.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Cargo's home: where it stores what it downloads and installs.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    named.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

/// The `cargo` that runs this chore.
pub(crate) fn cargo() -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A program, to be started in the root.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

thread_local! {
    /// Output of this thread while it works beside another one.
    static BESIDE: RefCell<Option<File>> = const { RefCell::new(None) };
}

/// Whether this thread works beside another one.
pub(crate) fn is_beside() -> bool {
    BESIDE.with_borrow(Option::is_some)
}

/// Works beside another thread: output is collected meanwhile and returned in one piece.
pub(crate) fn beside<T>(work: impl FnOnce() -> Result<T>) -> (Result<T>, String) {
    let file = match tempfile::tempfile() {
        Ok(file) => file,
        Err(error) => return (Err(error.into()), String::new()),
    };
    BESIDE.set(Some(file));
    let result = work();
    let mut output = Vec::new();
    if let Some(mut file) = BESIDE.take() {
        let _ = file.rewind().and_then(|()| file.read_to_end(&mut output));
    }
    (result, String::from_utf8_lossy(&output).into_owned())
}

/// Lowers the priority of this thread and of what it starts; if that fails, things are merely slower.
pub(crate) fn stand_back() {
    // On Linux this applies to this thread only, and to what it starts.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(5);
}

/// Prints a line to this thread's output.
pub(crate) fn say(line: &str) {
    BESIDE.with_borrow_mut(|beside| match beside {
        Some(file) => {
            let _ = writeln!(file, "{line}");
        }
        None => println!("{line}"),
    });
}

/// Runs a command to its end, showing its output; fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    say(&format!("\n$ {}", reported(command)));
    BESIDE.with_borrow(|beside| -> Result<()> {
        if let Some(file) = beside {
            command.stdin(Stdio::null());
            command.stdout(file.try_clone()?).stderr(file.try_clone()?);
        }
        Ok(())
    })?;
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", reported(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", reported(command));
    }
    Ok(())
}

/// The same, and returns its standard error, which is also shown as it comes.
pub(crate) fn run_and_hear(command: &mut Command) -> (Result<()>, String) {
    let mut heard = String::new();
    let mut listen = || -> Result<()> {
        say(&format!("\n$ {}", reported(command)));
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", reported(command)))?;
        let mut stream = child.stderr.take().context("its standard error is not to be had")?;
        let mut octets = [0; 8192];
        let mut all = Vec::new();
        loop {
            let count = stream.read(&mut octets)?;
            if count == 0 {
                break;
            }
            std::io::stderr().write_all(&octets[..count])?;
            all.extend_from_slice(&octets[..count]);
        }
        heard = String::from_utf8_lossy(&all).into_owned();
        let status = child.wait()?;
        if !status.success() {
            bail!("{} failed ({status})", reported(command));
        }
        Ok(())
    };
    (listen(), heard)
}

/// Runs a command to its end without showing its output; `true` if it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether a program of that name is on the PATH.
pub(crate) fn exists(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

fn reported(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    if let Some(name) = Path::new(&words[0])
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
    {
        words[0] = name;
    }
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
