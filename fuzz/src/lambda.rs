//! What reads octets in `chancery-lambda`: events and notices.

use std::io::sink;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chancery_authority::port::{KeyName, KeyStore};
use chancery_deployment::settings::{AuthoritySettings, Emojis};
use chancery_lambda::dispatcher::{AuthorityFunction, Dispatcher};
use chancery_lambda::files::{Files, FilesError, Read};
use chancery_lambda::function::Function;
use chancery_lambda::metrics::Metrics;
use chancery_lambda::notify::blocks;
use chancery_lambda::rows::LedgerRows;
use chancery_lambda::state::{Dependencies, Invocation, NoKeyCheck};
use chancery_testing::NOW;
use chancery_testing::memory::MemoryPorts;
use chancery_x509::algorithm::CaKeyAlgorithm;
use serde_json::Value;

/// A CSR by OpenSSL that every profile takes.
const CSR: &[u8] = include_bytes!("../../crates/x509/tests/data/csr/openssl-p256.der");

struct OneCsr;

#[async_trait]
impl Files for OneCsr {
    async fn read(&self, name: &str, _limit: usize) -> Result<Option<Vec<u8>>, FilesError> {
        let name = name.strip_prefix("csrs/").expect("nothing else is read by name");
        assert!(!name.contains(['/', '\\', '\0']) && !name.starts_with('.'), "{name}");
        Ok((name == "a.csr").then(|| CSR.to_vec()))
    }

    async fn read_if_changed(&self, _name: &str, _known: Option<&str>) -> Result<Read, FilesError> {
        Ok(Read::Missing)
    }

    fn place(&self) -> String {
        "S3 bucket 'internal'".to_owned()
    }
}

struct Deployment {
    memory: MemoryPorts,
    dispatcher: Dispatcher,
    runtime: tokio::runtime::Runtime,
}

/// With both CAs, in memory.
static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(|| {
    let memory = MemoryPorts::new(NOW);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a thread can wait");
    let mut dispatcher = None;
    for function in [Function::CreateRootCa, Function::CreateIssuingCa, Function::TlsCert] {
        let current = Dispatcher::Authority(Box::new(AuthorityFunction::new(function, dependencies(&memory))));
        if function != Function::TlsCert {
            let ca_name = format!(
                "p-{}-e",
                function.name().trim_start_matches("create_").replace('_', "-")
            );
            runtime.block_on(async {
                let made = memory.keys.create(&KeyName(ca_name), CaKeyAlgorithm::P256).await;
                made.expect("memory is available");
                let answer = current.answer(b"{}", &Invocation::default()).await;
                answer.expect("memory is available");
            });
        }
        dispatcher = Some(current);
    }
    Deployment {
        memory,
        dispatcher: dispatcher.expect("the last one is there"),
        runtime,
    }
});

fn dependencies(memory: &MemoryPorts) -> Dependencies {
    let variable = |name: &str| {
        let value = match name {
            "PROJECT" => "p",
            "ENVIRONMENT_NAME" => "e",
            "EXTERNAL_S3_BUCKET" | "INTERNAL_S3_BUCKET" => "bucket",
            "CUSTOM_EXTENSION_ALLOWLIST" => "[\"1.3.6.1.4.1.99999.1\"]",
            _ => return None,
        };
        Some(value.to_owned())
    };
    Dependencies {
        settings: AuthoritySettings::from_environment(&variable).expect("the environment is one"),
        ports: memory.ports(),
        files: Arc::new(OneCsr),
        rows: Arc::new(LedgerRows(memory.ledger.clone())),
        key_check: Arc::new(NoKeyCheck),
        metrics: Metrics::new("p", "e", Box::new(|| 0), Box::new(sink())),
    }
}

/// Whatever an event is, it is answered: with a certificate that is recorded, with the chain, or with an error in words.
pub fn event(octets: &[u8]) {
    let Deployment {
        memory,
        dispatcher,
        runtime,
    } = &*DEPLOYMENT;
    let signed = memory.keys.log().len();
    let invocation = Invocation {
        request_id: signed.to_string(),
        function_arn: String::new(),
        until: None,
    };
    let answer = runtime.block_on(dispatcher.answer(octets, &invocation));
    let answer = answer.expect("nothing fails but memory");
    let signed = memory.keys.log().len() - signed;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => assert!(!error.is_empty() && signed == 0, "{error}"),
        None => assert_eq!(answer.get("CertificateInfo").is_some(), signed == 1),
    }
    assert_eq!(
        memory.keys.log().len(),
        memory.ledger.issued().len(),
        "every signature has its record"
    );
}

/// Whatever a notice says, Slack takes what is made of it, and nothing in it is a link or a mention.
pub fn notice(octets: &[u8]) {
    let (subject, message) = match octets.iter().position(|octet| *octet == b'\n') {
        Some(end) => (&octets[..end], &octets[end + 1..]),
        None => (&octets[..0], octets),
    };
    let subject = String::from_utf8_lossy(subject);
    let text = || Value::String(String::from_utf8_lossy(message).into_owned());
    let message = serde_json::from_slice(message).unwrap_or_else(|_| text());
    let emojis = Emojis {
        good: ":good:".to_owned(),
        warning: ":warning:".to_owned(),
        bad: ":bad:".to_owned(),
    };
    let mut shown = blocks::of_notice(&subject, &message, &emojis);
    blocks::add_context(&mut shown.blocks, "p", None);
    assert!((3..=50).contains(&shown.blocks.len()));
    for block in &shown.blocks {
        let texts = block
            .get("fields")
            .or_else(|| block.get("elements"))
            .and_then(Value::as_array);
        let own = block.get("text").into_iter();
        for text in own.chain(texts.into_iter().flatten()) {
            let limit = match (text["type"].as_str(), texts) {
                (Some("plain_text"), _) => 150,
                (_, Some(_)) => 2000,
                _ => 3000,
            };
            let text = text["text"].as_str().expect("it is a text");
            assert!((1..=limit).contains(&text.chars().count()), "{text}");
            assert!(!text.contains(['<', '>']), "{text}");
        }
    }
}
