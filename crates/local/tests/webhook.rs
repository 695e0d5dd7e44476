//! Webhooks: the port's contract, and receivers that are slow, broken, choosy or false.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests may panic, and say aloud what they skip"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use chancery_authority::event::Event;
use chancery_authority::port::Notices;
use chancery_contract::notice::{self, Notice};
use chancery_local::keys::Passphrase;
use chancery_local::notices::{WebhookConfig, WebhookNotices};
use chancery_testing::suite;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

/// What one request had.
#[derive(Clone, Debug)]
struct Received {
    /// By lower-case name.
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

/// Answers every request with the next of a list of statuses, and 200 after the last.
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    fn start(answers: &'static [u16]) -> Self {
        Self::serve(answers, "http", |stream| Some(Box::new(stream)))
    }

    fn serve(
        answers: &'static [u16],
        scheme: &str,
        wrap: impl Fn(TcpStream) -> Option<Box<dyn Stream>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "{scheme}://localhost:{}/hook/T0KEN",
            listener.local_addr().unwrap().port()
        );
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(stream) = wrap(stream.unwrap()) else { continue };
                let mut stream = BufReader::new(stream);
                while let Some(request) = read_request(&mut stream) {
                    let mut kept = kept.lock().unwrap();
                    let status = answers.get(kept.len()).copied().unwrap_or(200);
                    kept.push(request);
                    drop(kept);
                    let answer = format!(
                        "HTTP/1.1 {status} Whatever\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
                    );
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                    stream.get_mut().flush().unwrap();
                }
            }
        });
        Self { url, received }
    }

    fn config(&self) -> WebhookConfig {
        WebhookConfig::new(&self.url)
    }

    /// Waits for so many requests.
    fn wait_for(&self, count: usize) -> Vec<Received> {
        let begun = Instant::now();
        loop {
            let received = self.received.lock().unwrap().clone();
            if received.len() >= count {
                return received;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{} of {count} came",
                received.len()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

fn read_request(stream: &mut BufReader<Box<dyn Stream>>) -> Option<Received> {
    let mut headers = HashMap::new();
    for number in 0.. {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let line = line.trim_end();
        if number == 0 {
            assert_eq!(line, "POST /hook/T0KEN HTTP/1.1");
            continue;
        }
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(Received { headers, body })
}

fn event(number: usize) -> Event {
    Event::RequestRejected {
        request: Box::default(),
        reason: number.to_string(),
    }
}

fn number_of(received: &Received) -> usize {
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    body["message"]["Reason"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn meets_the_contract() {
    let hook = Receiver::start(&[]);
    let make = async || Arc::new(WebhookNotices::start(hook.config()).unwrap()) as Arc<dyn Notices>;
    let subjects = ["Certificate Request Rejected"];
    suite::notices(make, notice::of, async || {
        let received = hook.wait_for(2);
        let notice = |received: &Received| {
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            let subject = subjects
                .into_iter()
                .find(|subject| body["subject"] == *subject)
                .unwrap();
            Notice {
                subject,
                message: body["message"].clone(),
            }
        };
        received.iter().map(notice).collect()
    })
    .await;
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_and_keeps_its_place() {
    let hook = Receiver::start(&[503, 429]);
    let webhook = WebhookNotices::start(hook.config()).unwrap();
    for number in 0..3 {
        webhook.notify(event(number)).await.unwrap();
    }
    let received = hook.wait_for(5);
    assert_eq!(received.iter().map(number_of).collect::<Vec<_>>(), [0, 0, 0, 1, 2]);
    let ids: Vec<_> = received
        .iter()
        .map(|received| &received.headers["chancery-notice"])
        .collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "a repetition can be told");
    assert!(ids[2] != ids[3] && ids[3] != ids[4]);
    assert_eq!(received[0].headers["content-type"], "application/json");
    assert!(!received[0].headers.contains_key("chancery-signature"));
}

#[tokio::test]
async fn a_lasting_failure_is_given_up_and_a_redirect_not_followed() {
    let hook = Receiver::start(&[400, 302, 404]);
    let webhook = WebhookNotices::start(hook.config()).unwrap();
    for number in 0..4 {
        webhook.notify(event(number)).await.unwrap();
    }
    drop(webhook);
    let received = hook.wait_for(4);
    assert_eq!(received.iter().map(number_of).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[tokio::test]
async fn attempts_are_bounded() {
    let hook = Receiver::start(&[500, 500, 500]);
    let config = WebhookConfig {
        attempts: 2,
        ..hook.config()
    };
    let webhook = WebhookNotices::start(config).unwrap();
    webhook.notify(event(0)).await.unwrap();
    webhook.notify(event(1)).await.unwrap();
    let received = hook.wait_for(4);
    assert_eq!(received.iter().map(number_of).collect::<Vec<_>>(), [0, 0, 1, 1]);
}

#[tokio::test]
async fn notices_are_signed_with_the_shared_secret() {
    let hook = Receiver::start(&[]);
    let secret = Passphrase::new("a shared secret").unwrap();
    let config = WebhookConfig {
        secret: Some(secret),
        ..hook.config()
    };
    let webhook = WebhookNotices::start(config).unwrap();
    webhook.notify(event(7)).await.unwrap();
    let received = &hook.wait_for(1)[0];

    let header = &received.headers["chancery-signature"];
    let (seconds, signature) = header.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let signed = [format!("{seconds}.").as_bytes(), &received.body].concat();
    let signature = data_encoding::HEXLOWER.decode(signature.as_bytes()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a shared secret");
    hmac::verify(&key, &signed, &signature).unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(now.abs_diff(seconds.parse().unwrap()) < 60);
}

/// Takes connections and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn a_silent_receiver_slows_nobody_and_a_full_queue_is_told() {
    let (_listener, url) = silent();
    let config = WebhookConfig {
        queue: 4,
        closing: Duration::from_millis(100),
        timeout: Duration::from_mins(1),
        ..WebhookConfig::new(url)
    };
    let webhook = WebhookNotices::start(config).unwrap();
    let begun = Instant::now();
    // One is under way at most, four wait, the others are refused.
    let mut refused = 0;
    for number in 0..20 {
        refused += usize::from(webhook.notify(event(number)).await.is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!((15..=16).contains(&refused), "{refused}");
    // Dropping would wait for the attempt under way, whose minute has begun.
    std::mem::forget(webhook);
}

#[tokio::test]
async fn dropping_delivers_what_waits_but_not_for_ever() {
    let hook = Receiver::start(&[]);
    let webhook = WebhookNotices::start(hook.config()).unwrap();
    for number in 0..50 {
        webhook.notify(event(number)).await.unwrap();
    }
    drop(webhook);
    assert_eq!(hook.received.lock().unwrap().len(), 50);

    let (_listener, url) = silent();
    let config = WebhookConfig {
        closing: Duration::from_millis(200),
        timeout: Duration::from_millis(300),
        ..WebhookConfig::new(url)
    };
    let webhook = WebhookNotices::start(config).unwrap();
    for number in 0..50 {
        webhook.notify(event(number)).await.unwrap();
    }
    let begun = Instant::now();
    drop(webhook);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// A self-signed certificate for `localhost` and its key; `None` where there is no OpenSSL, which is said aloud.
fn certificate(folder: &Path, name: &str) -> Option<Arc<rustls::ServerConfig>> {
    let path = |kind: &str| folder.join(format!("{name}.{kind}"));
    // Without this, OpenSSL's own configuration would make it a CA, which is no server.
    let wanted = "[req]\ndistinguished_name = name\nx509_extensions = extensions\n[name]\n[extensions]\n\
                  subjectAltName = DNS:localhost\nbasicConstraints = critical, CA:FALSE\n";
    std::fs::write(path("conf"), wanted).unwrap();
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
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-config"])
        .arg(path("conf"))
        .arg("-keyout")
        .arg(path("key"))
        .arg("-out")
        .arg(path("crt"))
        .output();
    let Ok(made) = made else {
        eprintln!("SKIPPED: no openssl on the PATH to make a certificate with");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(path("crt")).unwrap()],
            PrivateKeyDer::from_pem_file(path("key")).unwrap(),
        )
        .unwrap();
    Some(Arc::new(config))
}

#[tokio::test]
async fn only_receivers_with_a_trusted_certificate_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = certificate(folder.path(), "server") else {
        return;
    };
    certificate(folder.path(), "stranger").unwrap();
    let hook = Receiver::serve(&[], "https", move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&server)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        // A client that does not trust the certificate breaks the handshake off.
        stream.flush().ok()?;
        Some(Box::new(stream))
    });
    let trusting = |ca: &str| WebhookConfig {
        ca_file: Some(folder.path().join(ca)),
        attempts: 1,
        ..hook.config()
    };
    let stranger = WebhookNotices::start(trusting("stranger.crt")).unwrap();
    stranger.notify(event(0)).await.unwrap();
    drop(stranger);
    let friend = WebhookNotices::start(trusting("server.crt")).unwrap();
    friend.notify(event(1)).await.unwrap();
    drop(friend);
    let received = hook.wait_for(1);
    assert_eq!(received.iter().map(number_of).collect::<Vec<_>>(), [1]);
}
