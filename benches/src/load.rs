//! Issuance over HTTP: a number of connections, each requesting the next certificate as soon as it has the last.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_x509::certificate::Certificate;
use clap::{Args, ValueEnum};
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::csrs;
use crate::http::Connection;

#[derive(Args)]
pub(crate) struct Arguments {
    /// API to use
    #[arg(long, value_enum, default_value = "chancery")]
    api: Api,
    /// Address and port
    #[arg(long)]
    address: String,
    /// Root certificate: HTTPS; without it plain HTTP
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Token
    #[arg(long, default_value = "")]
    token: String,
    /// Connections at once
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Certificates in total, each for a key of its own
    #[arg(long, default_value_t = 60_000)]
    certificates: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Api {
    Chancery,
    Cfssl,
    OpenBao,
}

impl Arguments {
    fn request(&self, name: &str, csr: &[u8]) -> Vec<u8> {
        let pem = chancery_x509::pem::encode("CERTIFICATE REQUEST", csr);
        let (path, body) = match self.api {
            Api::Chancery => {
                let body = json!({ "common_name": name, "purposes": ["server_auth"], "base64_csr_data": BASE64_STANDARD.encode(pem) });
                ("/api/v1/certificates", body)
            }
            Api::Cfssl => (
                "/api/v1/cfssl/sign",
                json!({ "certificate_request": pem, "hosts": [name] }),
            ),
            Api::OpenBao => (
                "/v1/pki/sign/all",
                json!({ "csr": pem, "common_name": name, "ttl": "720h" }),
            ),
        };
        let body = body.to_string();
        let length = body.len();
        let (host, token) = (&self.address, &self.token);
        format!("POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
            .into_bytes()
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let requests: Vec<Vec<u8>> = csrs::csrs(arguments.certificates)?
        .iter()
        .map(|(name, csr)| arguments.request(name, csr))
        .collect();
    // One thread: the load generator should use as little as possible of the two cores.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (elapsed, mut latencies) = runtime.block_on(load(arguments, Arc::new(requests)))?;
    latencies.sort_unstable();
    let at = |share: f64| {
        // The index is below the number of requests.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let index = ((latencies.len() - 1) as f64 * share) as usize;
        latencies[index].as_secs_f64() * 1000.0
    };
    println!(
        "{}",
        json!({
            "certificates": latencies.len(),
            "per_second": latencies.len() as f64 / elapsed.as_secs_f64(),
            "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0),
        })
    );
    Ok(())
}

async fn load(arguments: &Arguments, requests: Arc<Vec<Vec<u8>>>) -> Result<(Duration, Vec<Duration>)> {
    let connector = match &arguments.ca {
        Some(file) => {
            let mut roots = RootCertStore::empty();
            let root = Certificate::parse(&std::fs::read(file)?)?;
            roots.add(root.as_der().to_vec().into())?;
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
            Some(TlsConnector::from(Arc::new(config)))
        }
        None => None,
    };
    let next = Arc::new(AtomicUsize::new(0));
    let local = tokio::task::LocalSet::new();
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..arguments.connections {
        let stream = TcpStream::connect(&arguments.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let (requests, next, connector) = (Arc::clone(&requests), Arc::clone(&next), connector.clone());
        tasks.push(local.spawn_local(async move {
            match connector {
                Some(connector) => {
                    let stream = connector.connect(ServerName::try_from("localhost")?, stream).await?;
                    ask(Connection::new(stream), &requests, &next).await
                }
                None => ask(Connection::new(stream), &requests, &next).await,
            }
        }));
    }
    let latencies = local
        .run_until(async {
            let mut all = Vec::with_capacity(requests.len());
            for task in tasks {
                all.extend(task.await??);
            }
            Ok::<_, anyhow::Error>(all)
        })
        .await?;
    Ok((started.elapsed(), latencies))
}

async fn ask<S>(mut connection: Connection<S>, requests: &[Vec<u8>], next: &AtomicUsize) -> Result<Vec<Duration>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut latencies = Vec::new();
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let asked = Instant::now();
        let (status, body) = connection.exchange(request).await?;
        latencies.push(asked.elapsed());
        if status != 200 {
            bail!("{status}: {}", String::from_utf8_lossy(body));
        }
    }
    Ok(latencies)
}
