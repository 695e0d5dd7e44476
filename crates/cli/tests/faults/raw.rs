//! Connections octet by octet, as those make them who mean no good: from an address of choice, silent or slow at any point.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::harness::{Folder, Server};

/// The address that attacks come from.
pub(crate) const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Somebody else's address.
pub(crate) const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A connection, with or without TLS.
pub(crate) trait Wire: Read + Write + Send {
    /// Gives up reading after that time.
    fn budget(&self, budget: Duration);
}

impl Wire for TcpStream {
    fn budget(&self, budget: Duration) {
        self.set_read_timeout(Some(budget)).unwrap();
    }
}

impl Wire for StreamOwned<ClientConnection, TcpStream> {
    fn budget(&self, budget: Duration) {
        self.sock.budget(budget);
    }
}

/// Where a server listens: `https://127.0.0.1:1234` as an address.
pub(crate) fn address(url: &str) -> SocketAddr {
    url.rsplit('/').next().unwrap().parse().unwrap()
}

/// A connection from there, over plain TCP.
pub(crate) fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        tokio::time::timeout(Duration::from_secs(5), socket.connect(to)).await?
    })?;
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// How clients of an authority's server make TLS connections.
pub(crate) fn tls(folder: &Folder, alpn: &[&str]) -> Arc<ClientConfig> {
    let pem = std::fs::read(folder.public("chancery-root-ca.crt")).unwrap();
    let mut roots = RootCertStore::empty();
    for block in chancery_x509::pem::decode_all(&pem).unwrap() {
        roots.add(block.der.into()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A connection over TLS, its handshake done.
pub(crate) fn secured(
    config: &Arc<ClientConfig>,
    stream: TcpStream,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Sends a request of HTTP/1.1 and reads until the connection ends: status and body.
pub(crate) fn ask(wire: &mut dyn Wire, request: &str) -> io::Result<(u16, Vec<u8>)> {
    wire.budget(Duration::from_secs(10));
    wire.write_all(request.as_bytes())?;
    answer(wire)
}

/// Reads until the connection ends: status and body.
pub(crate) fn answer(wire: &mut dyn Wire) -> io::Result<(u16, Vec<u8>)> {
    let mut octets = Vec::new();
    match wire.read_to_end(&mut octets) {
        // Some end without saying goodbye on TLS's level.
        Err(error) if octets.is_empty() => return Err(error),
        _ => {}
    }
    let end = octets.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| io::Error::other("no head"))?;
    let status = String::from_utf8_lossy(&octets[9..12])
        .parse()
        .map_err(io::Error::other)?;
    Ok((status, octets.split_off(end + 4)))
}

/// GET over plain HTTP, from there.
pub(crate) fn get(from: IpAddr, server: &Server<'_>, path: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = connect(from, address(&server.http))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    ask(&mut stream, &request)
}

/// The same over HTTPS with any method, a token, and an empty body.
pub(crate) fn ask_api(
    from: IpAddr,
    server: &Server<'_>,
    config: &Arc<ClientConfig>,
    method_and_path: &str,
    token: &str,
) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = secured(config, connect(from, address(&server.https))?)?;
    let request = format!(
        "{method_and_path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    ask(&mut stream, &request)
}

/// Frames of HTTP/2 (RFC 9113 section 4.1), written by hand.
pub(crate) mod http2 {
    /// What a client begins with, and settings that let the server send so many octets in a stream.
    pub(crate) fn preface(window: u32) -> Vec<u8> {
        let mut octets = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let mut setting = vec![0, 4];
        setting.extend(window.to_be_bytes());
        octets.extend(frame(4, 0, 0, &setting));
        octets
    }

    /// A frame.
    pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut octets = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        octets.extend([kind, flags]);
        octets.extend(stream.to_be_bytes());
        octets.extend(payload);
        octets
    }

    /// GET, or with a body to come POST.
    pub(crate) fn request(stream: u32, path: &str, is_whole: bool) -> Vec<u8> {
        // Of HPACK's static table: :method GET or POST, :scheme https; literals for :path and :authority (RFC 7541).
        let mut block = vec![if is_whole { 0x82 } else { 0x83 }, 0x87, 0x04];
        block.push(u8::try_from(path.len()).unwrap());
        block.extend(path.as_bytes());
        block.extend([0x01, 9]);
        block.extend(b"localhost");
        frame(1, if is_whole { 0x5 } else { 0x4 }, stream, &block)
    }

    /// PING.
    pub(crate) fn ping() -> Vec<u8> {
        frame(6, 0, 0, &[7; 8])
    }

    /// `WINDOW_UPDATE`.
    pub(crate) fn window(stream: u32, octets: u32) -> Vec<u8> {
        frame(8, 0, stream, &octets.to_be_bytes())
    }
}

/// Keeps a connection busy with what `each` sends every so often, reading whatever comes, until the server ends it; how long
/// that took.
pub(crate) fn until_ended(
    wire: &mut dyn Wire,
    most: Duration,
    mut each: impl FnMut(&mut dyn Wire) -> io::Result<()>,
) -> Option<Duration> {
    let begun = Instant::now();
    wire.budget(Duration::from_millis(100));
    let mut buffer = [0; 4096];
    while begun.elapsed() < most {
        if each(wire).is_err() {
            return Some(begun.elapsed());
        }
        match wire.read(&mut buffer) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Ok(0) | Err(_) => return Some(begun.elapsed()),
            Ok(_) => {}
        }
    }
    None
}
