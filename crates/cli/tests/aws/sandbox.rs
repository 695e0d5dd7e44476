//! AWS on this machine, with a deployment in it whose functions are the real `bootstrap`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use chancery_testing::sandbox::{CREDENTIALS, REGION};
use chancery_testing::{judges, sandbox};
use serde_json::Value;

/// A sandbox that runs, and ends with the test.
pub(crate) struct Sandbox {
    running: sandbox::Sandbox,
    bootstrap: PathBuf,
}

/// A deployment in it.
pub(crate) struct Deployment<'a> {
    sandbox: &'a Sandbox,
    pub(crate) project: String,
    pub(crate) made: Value,
}

/// The interpreter with the sandbox's packages.
pub(crate) fn python() -> PathBuf {
    judges::folder().join("python")
}

impl Sandbox {
    /// `None`, and a line that says so, where what it needs is not at hand.
    pub(crate) fn start() -> Option<Self> {
        // Beside the command under test: tests of the whole workspace build it.
        let bootstrap = Path::new(env!("CARGO_BIN_EXE_chancery")).with_file_name("bootstrap");
        if !bootstrap.is_file() {
            eprintln!("SKIPPED: the functions are not built (cargo build --package chancery-lambda)");
            return None;
        }
        Some(Self {
            running: sandbox::Sandbox::start()?,
            bootstrap,
        })
    }

    /// What Terraform makes: with CA keys, unless somebody else made them.
    pub(crate) fn deploy(&self, project: &str, with_keys: bool) -> Deployment<'_> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws/deployment.py");
        let bootstrap = self.bootstrap.to_str().unwrap();
        let mut arguments = vec![project, "dev", bootstrap];
        if with_keys {
            arguments.push("--with-keys");
        }
        Deployment {
            made: self.script(script, &arguments),
            project: project.to_owned(),
            sandbox: self,
        }
    }

    /// Runs a script against the sandbox, and gives what it says.
    pub(crate) fn script(&self, script: &str, arguments: &[&str]) -> Value {
        let output = Command::new(python())
            .args([script, self.running.endpoint()])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Deployment<'_> {
    /// Runs the command against the deployment.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs it, and gives its JSON answer.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs it where its answer is that something is wrong.
    pub(crate) fn answer(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert!(!output.status.success(), "{arguments:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Runs it where it must fail, and gives what it says then.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The command with this deployment as its environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.bare();
        command.args(["--aws", "--project", &self.project, "--env", "dev"]);
        command
    }

    /// The command where this deployment is, without being told of it.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CHANCERY_") || name.starts_with("AWS_") {
                command.env_remove(&*name);
            }
        }
        command
            .envs([
                ("AWS_ENDPOINT_URL", self.sandbox.running.endpoint()),
                ("AWS_REGION", REGION),
                ("AWS_ACCESS_KEY_ID", CREDENTIALS.0),
                ("AWS_SECRET_ACCESS_KEY", CREDENTIALS.1),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                // Nobody's own files.
                ("AWS_CONFIG_FILE", "/dev/null"),
                ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ])
            .stdin(Stdio::null());
        command
    }

    /// Has a function answer an empty event, as the state machine does.
    pub(crate) fn step(&self, function: &str) {
        self.look("step", &[&format!("{}-{function}-dev", self.project)]);
    }

    /// The same for one whose work is done, but who has something to tell: it fails with that type of error.
    pub(crate) fn step_failing(&self, function: &str, error: &str) {
        self.look("step", &[&format!("{}-{function}-dev", self.project), error]);
    }

    /// What was merged, where Terraform puts it.
    pub(crate) fn upload(&self, folder: &Path) {
        self.look(
            "upload",
            &[self.made["internal"].as_str().unwrap(), folder.to_str().unwrap()],
        );
    }

    /// The answers of `tls-cert` to the entries of a list.
    pub(crate) fn answers(&self, list: &Path) -> Vec<Value> {
        let answers = self.look(
            "run",
            &[&format!("{}-tls-cert-dev", self.project), list.to_str().unwrap()],
        );
        serde_json::from_value(answers).unwrap()
    }

    /// Operations of all calls since this was asked last, by service: `dynamodb.GetItem`.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = self.sandbox.running.take_calls().into_iter();
        calls.map(|call| call.replacen(' ', ".", 1)).collect()
    }

    /// What was published to the topic since this was asked last: subject and message.
    pub(crate) fn notices(&self) -> Vec<(String, Value)> {
        let notices = self.look("notices", &[self.made["queue"].as_str().unwrap()]);
        serde_json::from_value(notices).unwrap()
    }

    /// A published file.
    pub(crate) fn published(&self, name: &str) -> Vec<u8> {
        octets(&self.look("read", &[self.made["external"].as_str().unwrap(), name]))
    }

    /// What KMS sealed.
    pub(crate) fn decrypt(&self, sealed: &[u8], common_name: &str) -> Vec<u8> {
        octets(&self.look("decrypt", &[&STANDARD.encode(sealed), common_name]))
    }

    /// Lets the next calls of an operation meet a fault.
    pub(crate) fn fault(&self, service: &str, operation: &str, kind: &str, times: u32) {
        self.sandbox.running.fault(service, operation, kind, times);
    }

    /// Forgets faults that have not struck.
    pub(crate) fn clear_faults(&self) {
        self.sandbox.running.clear_faults();
    }

    pub(crate) fn look(&self, what: &str, arguments: &[&str]) -> Value {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws/look.py");
        self.sandbox.script(script, &[&[what], arguments].concat())
    }
}

fn octets(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}
