//! A Chancery server of its own, in a temporary folder.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{binary, last_line, resident};

pub(super) struct Server {
    folder: tempfile::TempDir,
    child: Child,
    ready: Value,
    took: Duration,
}

impl Server {
    /// Creates and starts a new authority.
    pub(super) fn start(binaries: &Path) -> Result<Self> {
        // Below the target folder, which is on a disk; /tmp may be memory.
        let folder = tempfile::tempdir_in(binaries)?;
        let (child, ready, took) = spawn(binaries, folder.path())?;
        Ok(Self {
            folder,
            child,
            ready,
            took,
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Puts load on it over HTTPS. The result includes the resident memory after the load.
    pub(super) fn load(&self, binaries: &Path, certificates: &str) -> Result<Value> {
        let mut create = Command::new(binary(binaries, "chancery"));
        create
            .arg("--dir")
            .arg(self.data())
            .args(["--json", "token", "create", "--scope", "issue"]);
        let output = create.output()?;
        let token: Value = serde_json::from_slice(&output.stdout).context("no token was made")?;
        let https = self.ready["https"].as_str().context("no address")?;
        let mut reported = last_line(
            Command::new(binary(binaries, "chancery-benches"))
                .args(["load", "--address", https.trim_start_matches("https://"), "--token"])
                .arg(token["token"].as_str().context("no token")?)
                .arg("--ca")
                .arg(self.data().join("public/chancery-root-ca.crt"))
                .args(["--certificates", certificates]),
        )?;
        reported["resident_kib"] = resident(self.child.id())?.into();
        Ok(reported)
    }

    /// Restarts it over its data, and measures it once it is idle.
    pub(super) fn restart_and_idle(mut self, binaries: &Path) -> Result<Value> {
        self.end();
        let (child, ready, took) = spawn(binaries, self.folder.path())?;
        (self.child, self.ready, self.took) = (child, ready, took);
        let http = self.ready["http"]
            .as_str()
            .context("no address")?
            .trim_start_matches("http://")
            .to_owned();
        let asked = Instant::now();
        let mut stream = TcpStream::connect(http)?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new())?;
        let first = self.took + asked.elapsed();
        std::thread::sleep(Duration::from_secs(3));
        let idle = resident(self.child.id())?;
        let unseal = last_line(
            Command::new(binary(binaries, "chancery-benches"))
                .arg("unseal")
                .arg(self.data().join("keys")),
        )?;
        let reported = json!({
            "first_answer_ms": first.as_secs_f64() * 1000.0,
            "unseal_ms": unseal["milliseconds"],
            "idle_kib": idle,
        });
        println!("  {reported}");
        Ok(reported)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(binaries: &Path, folder: &Path) -> Result<(Child, Value, Duration)> {
    let started = Instant::now();
    let mut child = Command::new(binary(binaries, "chancery"))
        .arg("--dir")
        .arg(folder.join("data"))
        .args(["--json", "start", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    Ok((
        child,
        serde_json::from_str(&line).context("the server did not start")?,
        started.elapsed(),
    ))
}
