//! cfssl compared with Chancery: the same load, the same machine, the same hour. It stores nothing and serves plain
//! HTTP.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{binary, last_line, resident};
use crate::shell;

const ADDRESS: &str = "127.0.0.1:18888";

pub(super) struct Server {
    _folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    /// Starts it. `None`, and a line saying so, where cfssl is not installed (Debian: `golang-cfssl`).
    pub(super) fn start() -> Result<Option<Self>> {
        if !shell::exists("cfssl") || !shell::exists("openssl") {
            println!("  SKIPPED: comparison with cfssl, which is not installed");
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "30",
                "-subj",
                "/CN=cfssl",
            ])
            .args(["-keyout", "key.pem", "-out", "ca.pem"])
            .current_dir(&folder)
            .stderr(Stdio::null())
            .status()?;
        ensure!(made.success(), "openssl made no CA for cfssl");
        // cfssl reads SEC 1 keys, not the PKCS #8 that openssl writes.
        let converted = Command::new("openssl")
            .args(["ec", "-in", "key.pem", "-out", "ec.pem"])
            .current_dir(&folder)
            .stderr(Stdio::null())
            .status()?;
        ensure!(converted.success(), "openssl did not convert the key");
        let child = Command::new("cfssl")
            .args([
                "serve",
                "-address",
                "127.0.0.1",
                "-port",
                "18888",
                "-ca",
                "ca.pem",
                "-ca-key",
                "ec.pem",
                "-loglevel",
                "5",
            ])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { _folder: folder, child };
        let up = (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            TcpStream::connect(ADDRESS).is_ok()
        });
        ensure!(up, "cfssl did not start");
        Ok(Some(server))
    }

    /// Puts load on it over plain HTTP. The result includes the resident memory after the load.
    pub(super) fn load(&self, binaries: &Path, certificates: &str) -> Result<Value> {
        let mut reported = last_line(Command::new(binary(binaries, "chancery-benches")).args([
            "load",
            "--api",
            "cfssl",
            "--address",
            ADDRESS,
            "--certificates",
            certificates,
        ]))
        .context("load on cfssl")?;
        reported["resident_kib"] = resident(self.child.id())?.into();
        Ok(reported)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
