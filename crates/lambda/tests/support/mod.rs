//! A deployment in memory: its functions, its files, its keys.
#![allow(dead_code, reason = "each test binary uses its part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::port::{KeyName, KeyStore};
use chancery_contract::notice;
use chancery_deployment::settings::AuthoritySettings;
use chancery_lambda::dispatcher::{AuthorityFunction, Dispatcher};
use chancery_lambda::failure::Failure;
use chancery_lambda::files::{Files, FilesError, LIST_LIMIT, Read};
use chancery_lambda::function::Function;
use chancery_lambda::metrics::Metrics;
use chancery_lambda::rows::{LedgerRows, Rows};
use chancery_lambda::state::{Dependencies, Invocation, NoKeyCheck};
pub(crate) use chancery_testing::NOW;
use chancery_testing::memory::MemoryPorts;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::time::UnixTime;
use serde_json::{Value, json};

pub(crate) const P256: &str = include_str!("../../../x509/tests/data/csr/openssl-p256.pem");
pub(crate) const P384: &str = include_str!("../../../x509/tests/data/csr/openssl-p384.pem");
pub(crate) const ED25519: &str = include_str!("../../../x509/tests/data/csr/openssl-ed25519.pem");

pub(crate) const ROOT: &str = "serverless-root-ca-dev";
pub(crate) const ISSUING: &str = "serverless-issuing-ca-dev";

/// Operators' files in memory, which count how they are read.
#[derive(Default)]
pub(crate) struct MemoryFiles {
    files: Mutex<BTreeMap<String, (u64, Vec<u8>)>>,
    pub(crate) reads: Mutex<Vec<String>>,
    pub(crate) down: Mutex<bool>,
}

impl MemoryFiles {
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let mut files = self.files.lock().unwrap();
        let version = files.get(name).map_or(0, |(version, _)| *version) + 1;
        files.insert(name.to_owned(), (version, content.as_ref().to_vec()));
    }

    pub(crate) fn remove(&self, name: &str) {
        self.files.lock().unwrap().remove(name);
    }

    fn get(&self, name: &str, kind: &str) -> Result<Option<(u64, Vec<u8>)>, FilesError> {
        self.reads.lock().unwrap().push(format!("{kind} {name}"));
        if *self.down.lock().unwrap() {
            let detail = format!("{name} could not be read");
            return Err(FilesError::Unreadable { detail });
        }
        Ok(self.files.lock().unwrap().get(name).cloned())
    }
}

fn within(name: &str, octets: &[u8], limit: usize) -> Result<(), FilesError> {
    if octets.len() <= limit {
        return Ok(());
    }
    Err(FilesError::TooLong {
        name: name.to_owned(),
        actual: octets.len(),
        limit,
    })
}

#[async_trait]
impl Files for MemoryFiles {
    async fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, FilesError> {
        let Some((_, octets)) = self.get(name, "get")? else {
            return Ok(None);
        };
        within(name, &octets, limit)?;
        Ok(Some(octets))
    }

    async fn read_if_changed(&self, name: &str, known: Option<&str>) -> Result<Read, FilesError> {
        let Some((version, octets)) = self.get(name, "conditional")? else {
            return Ok(Read::Missing);
        };
        within(name, &octets, LIST_LIMIT)?;
        let version = version.to_string();
        if known == Some(version.as_str()) {
            return Ok(Read::Unchanged);
        }
        Ok(Read::Changed { version, octets })
    }

    fn place(&self) -> String {
        "S3 bucket 'internal'".to_owned()
    }
}

/// What is written to it is kept.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A deployment.
pub(crate) struct Deployment {
    pub(crate) memory: MemoryPorts,
    pub(crate) files: Arc<MemoryFiles>,
    pub(crate) rows: Arc<dyn Rows>,
    pub(crate) settings: AuthoritySettings,
    pub(crate) metrics: Sink,
}

impl Deployment {
    /// As Terraform leaves it: keys, and nothing else.
    pub(crate) async fn new(changes: &[(&str, &str)]) -> Self {
        Self::with_keys(changes, CaKeyAlgorithm::P384, CaKeyAlgorithm::P256).await
    }

    pub(crate) async fn with_keys(changes: &[(&str, &str)], root: CaKeyAlgorithm, issuing: CaKeyAlgorithm) -> Self {
        let memory = MemoryPorts::new(NOW);
        memory.keys.create(&KeyName(ROOT.into()), root).await.unwrap();
        memory.keys.create(&KeyName(ISSUING.into()), issuing).await.unwrap();
        Self {
            rows: Arc::new(LedgerRows(memory.ledger.clone())),
            memory,
            files: Arc::default(),
            settings: settings(changes),
            metrics: Sink::default(),
        }
    }

    /// The same with both CAs.
    pub(crate) async fn with_cas(changes: &[(&str, &str)]) -> Self {
        let deployment = Self::new(changes).await;
        for function in [Function::CreateRootCa, Function::CreateIssuingCa] {
            deployment.run(function).await.unwrap();
        }
        deployment
    }

    /// A fresh process of a function.
    pub(crate) fn function(&self, function: Function) -> Dispatcher {
        let dependencies = Dependencies {
            settings: self.settings.clone(),
            ports: self.memory.faulty_ports(),
            files: self.files.clone(),
            rows: self.rows.clone(),
            key_check: Arc::new(NoKeyCheck),
            metrics: Metrics::new("serverless", "dev", Box::new(|| 0), Box::new(self.metrics.clone())),
        };
        Dispatcher::Authority(Box::new(AuthorityFunction::new(function, dependencies)))
    }

    /// Runs a function whose event does not matter, in a fresh process.
    pub(crate) async fn run(&self, function: Function) -> Result<Value, Failure> {
        self.function(function).answer(b"{}", &invocation("run")).await
    }

    /// Asks for a certificate, in a fresh process.
    pub(crate) async fn ask(&self, event: &Value, request_id: &str) -> Result<Value, Failure> {
        let function = self.function(Function::TlsCert);
        function
            .answer(event.to_string().as_bytes(), &invocation(request_id))
            .await
    }

    /// The metrics written since the last time.
    pub(crate) fn measured(&self) -> Vec<Value> {
        let octets = std::mem::take(&mut *self.metrics.0.lock().unwrap());
        let text = String::from_utf8(octets).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Subjects of all notices so far.
    pub(crate) fn reported(&self) -> Vec<&'static str> {
        let notices = self.memory.notices.received();
        notices.iter().map(|event| notice::of(event).subject).collect()
    }

    /// Whether nothing is left half done: every intent is complete or given up, every signature recorded.
    pub(crate) async fn is_whole(&self) -> bool {
        use chancery_authority::port::Ledger;
        let open = self
            .memory
            .ledger
            .intents()
            .list_open(None, UnixTime(i64::MAX), 100)
            .await
            .unwrap()
            .intents;
        open.is_empty()
    }
}

pub(crate) fn settings(changes: &[(&str, &str)]) -> AuthoritySettings {
    let mut all = BTreeMap::from([
        ("PROJECT", "serverless"),
        ("ENVIRONMENT_NAME", "dev"),
        ("EXTERNAL_S3_BUCKET", "external"),
        ("INTERNAL_S3_BUCKET", "internal"),
    ]);
    all.extend(changes.iter().copied());
    AuthoritySettings::from_environment(&|name| all.get(name).map(|value| (*value).to_owned())).unwrap()
}

pub(crate) fn invocation(request_id: &str) -> Invocation {
    Invocation {
        request_id: request_id.to_owned(),
        function_arn: "arn:aws:lambda:eu-west-1:123456789012:function:serverless-tls-cert-dev".to_owned(),
        until: None,
    }
}

/// A request with that CSR.
pub(crate) fn event(common_name: &str, csr: &str) -> Value {
    json!({"common_name": common_name, "base64_csr_data": STANDARD.encode(csr)})
}

pub(crate) fn error(answer: &Value) -> &str {
    answer["error"].as_str().unwrap_or_else(|| panic!("no error: {answer}"))
}

pub(crate) fn serial(answer: &Value) -> String {
    let serial = &answer["CertificateInfo"]["SerialNumber"];
    serial
        .as_str()
        .unwrap_or_else(|| panic!("no certificate: {answer}"))
        .to_owned()
}
