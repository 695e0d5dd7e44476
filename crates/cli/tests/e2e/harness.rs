//! An authority in a folder of its own, with its server, ended when dropped.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, RootCerts, TlsConfig, TlsProvider};

/// The program under test, away from whatever the environment says of other authorities.
pub(crate) fn chancery() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    for name in [
        "CHANCERY_DIR",
        "CHANCERY_URL",
        "CHANCERY_CA",
        "CHANCERY_TOKEN",
        "CHANCERY_PASSPHRASE",
        "CHANCERY_LOG",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// A data folder.
pub(crate) struct Folder {
    root: tempfile::TempDir,
    surroundings: Surroundings,
}

/// Where the program runs: by default here, with nothing special around it.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    /// A program, with its first arguments, that runs the one under test.
    pub(crate) runner: Vec<OsString>,
    /// What is put into the environment.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// Before every path, as seen from here: another mount namespace's root.
    pub(crate) seen_at: PathBuf,
}

impl Folder {
    /// Nothing in it yet.
    pub(crate) fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap(), Surroundings::default())
    }

    /// In that folder, its programs run elsewhere.
    pub(crate) fn within(root: tempfile::TempDir, surroundings: Surroundings) -> Self {
        Self { root, surroundings }
    }

    /// Where its programs run.
    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// A place in the test's own folder, beside the data folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// How a path of the program's is seen from here.
    pub(crate) fn seen(&self, path: &Path) -> PathBuf {
        let mut seen = self.surroundings.seen_at.clone().into_os_string();
        seen.push(path);
        seen.into()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A published file.
    pub(crate) fn public(&self, name: &str) -> PathBuf {
        self.seen(&self.data().join("public").join(name))
    }

    /// The program, to work on the data folder.
    pub(crate) fn command(&self) -> Command {
        let mut program = chancery();
        if let Some((runner, arguments)) = self.surroundings.runner.split_first() {
            let inner = program;
            program = Command::new(runner);
            program.args(arguments).arg(inner.get_program()).stdin(Stdio::null());
            for (name, value) in inner.get_envs() {
                match value {
                    Some(value) => program.env(name, value),
                    None => program.env_remove(name),
                };
            }
        }
        program
            .envs(self.surroundings.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.root.path())
            .arg("--dir")
            .arg(self.data());
        program
    }

    /// `chancery --dir DATA …`
    pub(crate) fn chancery(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// The same with `--json`; it must succeed and its answer be JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command().arg("--json").args(arguments).output().unwrap();
        serde_json::from_slice(&succeeded(&output).stdout).unwrap()
    }

    /// The same for people; it must succeed.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        String::from_utf8(succeeded(&self.chancery(arguments)).stdout.clone()).unwrap()
    }

    /// It must fail; its complaint.
    pub(crate) fn complaint(&self, arguments: &[&str]) -> String {
        let output = self.chancery(arguments);
        assert!(!output.status.success(), "{arguments:?} should have failed");
        String::from_utf8(output.stderr).unwrap()
    }

    /// What its servers have written to standard error.
    pub(crate) fn printed(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap()
    }

    fn log(&self) -> PathBuf {
        self.path("server.log")
    }

    /// Runs a server on it.
    pub(crate) fn start(&self) -> Server<'_> {
        Server::start(self, &[])
    }
}

/// Fails the test with what the program said, unless it succeeded.
#[track_caller]
pub(crate) fn succeeded(output: &Output) -> &Output {
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A running server.
pub(crate) struct Server<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) https: String,
    pub(crate) http: String,
    /// What it said that it cannot do.
    pub(crate) warnings: Vec<String>,
    child: Child,
}

impl<'a> Server<'a> {
    /// Starts on ports that the system picks, and waits until it says that it is ready.
    pub(crate) fn start(folder: &'a Folder, arguments: &[&str]) -> Self {
        let mut child = folder
            .command()
            .args(["--json", "start", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(folder.log()).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready but {line:?}: {}", folder.printed()));
        let url = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            folder,
            https: url("https"),
            http: url("http"),
            warnings: serde_json::from_value(ready["warnings"].clone()).unwrap(),
            child,
        }
    }

    /// A token with that scope.
    pub(crate) fn token(&self, scope: &str) -> String {
        self.folder.json(&["token", "create", "--scope", scope])["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// A client that trusts this authority's root and reports statuses as answers.
    pub(crate) fn agent(&self) -> Agent {
        self.agent_with(None)
    }

    /// The same, showing a client certificate where there is one.
    pub(crate) fn agent_with(&self, identity: Option<ClientCert>) -> Agent {
        let pem = std::fs::read(self.folder.public("chancery-root-ca.crt")).unwrap();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(RootCerts::new_with_certs(&[Certificate::from_pem(&pem).unwrap()]))
            .client_cert(identity)
            .build();
        Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .build()
            .new_agent()
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) fn stop(self) -> std::process::ExitStatus {
        self.terminate();
        self.wait()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.folder.printed());
        }
    }
}

/// Runs a tool that the test found; it must succeed.
pub(crate) fn tool(program: &str, arguments: &[&str], folder: &Path) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    succeeded(&output).stdout.clone()
}

/// Whether a program is on the PATH; says so if it is not, since the test then skips.
pub(crate) fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}
