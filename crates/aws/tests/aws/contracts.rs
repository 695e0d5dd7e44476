//! Each port passes its contract suite.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use chancery_authority::config::Config;
use chancery_authority::port::{IntentKeys, IntentNonce, KeyStore, KeyStoreError, Ledger, Notices, Publication};
use chancery_aws::ledger::AdoptionMode;
use chancery_aws::{Deployment, KmsIntentKeys, KmsKeyStore, S3Publication, SnsNotices};
use chancery_contract::notice::{self, Notice};
use chancery_testing::suite;
use chancery_x509::algorithm::CaKeyAlgorithm;
use serde_json::Value;

use crate::sandbox::{Sandbox, patient};

#[tokio::test(flavor = "multi_thread")]
async fn kms_meets_the_contract() {
    let Some(sandbox) = Sandbox::start() else { return };
    let store = async || Arc::new(KmsKeyStore::new(&sandbox.config, patient())) as Arc<dyn KeyStore>;
    suite::key_store(store, &CaKeyAlgorithm::ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_meets_the_contract() {
    let Some(sandbox) = Sandbox::start() else { return };
    let ledger = async || {
        let (ledger, _) = sandbox.ledger().await;
        ledger.adopt(AdoptionMode::Resume, None, &|_| {}).await.unwrap();
        Arc::new(ledger) as Arc<dyn Ledger>
    };
    suite::ledger(ledger).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_intents_are_never_signed() {
    let Some(sandbox) = Sandbox::start() else { return };
    let config = |deployment: &Deployment| {
        let text = format!(
            "project = {:?}\nenvironment = {:?}\n[[ca]]\nname = \"root-ca\"\nalgorithm = \"p256\"\n\
             [[ca]]\nname = \"issuing-ca\"\nparent = \"root-ca\"\npath_len = 1\n",
            deployment.project(),
            deployment.environment()
        );
        Config::from_toml(&text).unwrap()
    };
    let (ledger, deployment) = sandbox.ledger().await;
    suite::planted_leaves(Arc::new(ledger), config(&deployment)).await;
    let (ledger, deployment) = sandbox.ledger().await;
    suite::planted_authority(Arc::new(ledger), config(&deployment)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_derives_keys_of_intents() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deployment().await;
    let keys = || KmsIntentKeys::new(&sandbox.config, deployment.intents_alias(), patient());
    suite::intent_keys(async || Arc::new(keys()) as Arc<dyn IntentKeys>).await;

    // A deployment of before: the key is not there, and what to do is said.
    let missing = KmsIntentKeys::new(&sandbox.config, "alias/none".to_owned(), patient());
    let error = missing.derive(&IntentNonce([1; 32])).await.unwrap_err();
    assert!(matches!(error, KeyStoreError::Denied { .. }), "{error:?}");
    assert!(error.to_string().contains("apply the Terraform module"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_meets_the_contract_while_rows_may_not_be_adopted() {
    let Some(sandbox) = Sandbox::start() else { return };
    suite::ledger(async || Arc::new(sandbox.ledger().await.0) as Arc<dyn Ledger>).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_meets_the_contract() {
    let Some(sandbox) = Sandbox::start() else { return };
    let publication = async || {
        let bucket = sandbox.bucket().await;
        Arc::new(S3Publication::new(&sandbox.config, bucket, patient())) as Arc<dyn Publication>
    };
    suite::publication(publication).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sns_meets_the_contract() {
    let Some(sandbox) = Sandbox::start() else { return };
    let client = aws_sdk_sns::Client::new(&sandbox.config);
    let topic = client.create_topic().name("notices").send().await.unwrap();
    let topic = topic.topic_arn().unwrap().to_owned();
    let subscriber = Subscriber::start();
    client
        .subscribe()
        .topic_arn(&topic)
        .protocol("http")
        .endpoint(&subscriber.url)
        .send()
        .await
        .unwrap();
    let notices = async || Arc::new(SnsNotices::new(&sandbox.config, topic.clone(), patient())) as Arc<dyn Notices>;
    suite::notices(notices, notice::of, async || subscriber.received()).await;
}

/// Takes what SNS delivers over HTTP.
struct Subscriber {
    url: String,
    received: Arc<Mutex<Vec<Value>>>,
}

impl Subscriber {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let into = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let line = line.trim().to_ascii_lowercase();
                    if let Some(octets) = line.strip_prefix("content-length:") {
                        length = octets.trim().parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                into.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                reader.into_inner().write_all(answer).unwrap();
            }
        });
        Self { url, received }
    }

    fn received(&self) -> Vec<Notice> {
        let envelopes = self.received.lock().unwrap();
        let notices = envelopes.iter().filter(|envelope| envelope["Type"] == "Notification");
        let notice = |envelope: &Value| Notice {
            subject: match envelope["Subject"].as_str().unwrap() {
                "Certificate Issued" => "Certificate Issued",
                "Certificate Revoked" => "Certificate Revoked",
                "Certificate Request Rejected" => "Certificate Request Rejected",
                other => panic!("{other}"),
            },
            message: serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap(),
        };
        notices.map(notice).collect()
    }
}
