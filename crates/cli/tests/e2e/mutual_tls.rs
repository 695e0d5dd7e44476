//! What it is all for: two parties with certificates from here, each checking the other and the CRL, over real TLS.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, Stream};

use crate::harness::{Folder, Server};

struct Party {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Party {
    fn new(folder: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
        let issuing = CertificateDer::pem_file_iter(folder.join("chain.pem"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        Self {
            chain: vec![certificate, issuing],
            key: PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap(),
        }
    }
}

/// What both check against, fetched over plain HTTP as relying parties do.
struct Trust {
    roots: Arc<RootCertStore>,
    crls: Vec<CertificateRevocationListDer<'static>>,
}

impl Trust {
    fn fetch(server: &Server<'_>) -> Self {
        let get = |name: &str| {
            server
                .agent()
                .get(format!("{}/{name}", server.http))
                .call()
                .unwrap()
                .body_mut()
                .read_to_vec()
                .unwrap()
        };
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&get("chancery-root-ca.crt")).unwrap())
            .unwrap();
        let crls = ["chancery-root-ca.crl", "chancery-issuing-ca.crl"]
            .map(|name| get(name).into())
            .to_vec();
        Self {
            roots: Arc::new(roots),
            crls,
        }
    }
}

/// A handshake and a word each way; `Err` is what the client or the server complained of.
fn talk(server: &Party, client: &Party, trust: &Trust) -> Result<(), String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&trust.roots), Arc::clone(&provider))
        .with_crls(trust.crls.clone())
        .build()
        .unwrap();
    let server_config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(server.chain.clone(), server.key.clone_key())
        .unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&trust.roots), Arc::clone(&provider))
        .with_crls(trust.crls.clone())
        .build()
        .unwrap();
    let client_config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_webpki_verifier(verifier)
        .with_client_auth_cert(client.chain.clone(), client.key.clone_key())
        .unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || -> Result<(), String> {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(Arc::new(server_config)).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        let mut word = [0; 4];
        stream
            .read_exact(&mut word)
            .map_err(|error| format!("server: {error}"))?;
        stream.write_all(b"pong").map_err(|error| format!("server: {error}"))
    });
    let mut socket = TcpStream::connect(address).unwrap();
    let mut connection = ClientConnection::new(
        Arc::new(client_config),
        ServerName::try_from("api.example.com").unwrap(),
    )
    .unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut word = [0; 4];
    let spoken = stream
        .write_all(b"ping")
        .and_then(|()| stream.read_exact(&mut word))
        .map_err(|error| format!("client: {error}"));
    drop(socket);
    let served = serving.join().unwrap();
    spoken.and(served)
}

#[test]
fn both_sides_check_each_other_and_the_crl() {
    let folder = Folder::new();
    let authority = folder.start();
    folder.text(&["request", "api.example.com", "--profile", "tls-server", "--out", "api"]);
    folder.text(&["request", "worker-7", "--profile", "tls-client", "--out", "worker"]);
    let (server, client) = (Party::new(&folder.path("api")), Party::new(&folder.path("worker")));
    assert_eq!(talk(&server, &client, &Trust::fetch(&authority)), Ok(()));
    // A server's certificate is no client's.
    assert!(talk(&server, &server, &Trust::fetch(&authority)).is_err());

    let serial = folder.json(&["list", "worker-7"])["certificates"][0]["serial_number"]
        .as_str()
        .unwrap()
        .to_owned();
    folder.text(&["revoke", &serial, "--reason", "keyCompromise"]);
    let refused = talk(&server, &client, &Trust::fetch(&authority)).unwrap_err();
    assert!(refused.to_lowercase().contains("revoked"), "{refused}");
}
