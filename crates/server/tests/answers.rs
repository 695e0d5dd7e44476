//! Answers on real connections: of what there is too little for all, who gets it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chancery_server::limits::Limits;
use chancery_server::listen::{Listener, serve};
use chancery_server::load::Load;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// More than the system takes of an answer that nobody reads.
const LARGE: usize = 8 << 20;

/// A listener where each answer is so long.
async fn listening(limits: Limits, len: usize) -> (SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move || async move { vec![b'a'; len] };
    let router = Router::new().route("/", get(answer).post(answer));
    let (stop, stopped) = watch::channel(false);
    let listener = Listener {
        listener,
        tls: None,
        router,
    };
    tokio::spawn(serve(vec![listener], limits, Load::default(), stopped));
    (address, stop)
}

async fn asked(from: &str, to: SocketAddr, method: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let request = format!("{method} / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Status and length of the whole answer, head included.
async fn answered(mut stream: TcpStream) -> (String, usize) {
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).await.unwrap();
    (String::from_utf8_lossy(&octets[9..12]).into_owned(), octets.len())
}

#[tokio::test]
async fn an_answer_that_tells_of_a_change_is_never_replaced() {
    let limits = Limits {
        answer_octets: 1,
        ..Limits::default()
    };
    let (address, _stop) = listening(limits, 100_000).await;
    let (status, _) = answered(asked("127.0.0.1", address, "GET").await).await;
    assert_eq!(status, "503", "there is no memory for it");
    let (status, len) = answered(asked("127.0.0.1", address, "POST").await).await;
    assert!(status == "200" && len > 100_000, "{status}, {len} octets");
    let (address, _stop) = listening(limits, 10_000).await;
    let (status, _) = answered(asked("127.0.0.1", address, "GET").await).await;
    assert_eq!(status, "200", "a short one needs none");
}

#[tokio::test]
async fn who_does_not_read_makes_room_for_an_answer_of_somebody_who_has_fewer() {
    // Two answers for each address, and memory for two.
    let places = Limits {
        connections: 16,
        connections_per_address: Some(8),
        answers: 4,
        ..Limits::default()
    };
    let memory = Limits {
        answers: 4096,
        answer_octets: 4 * LARGE,
        ..places
    };
    for limits in [places, memory] {
        let limits = Limits {
            answer_octets: limits.answer_octets.max(4 * LARGE),
            ..limits
        };
        let (address, _stop) = listening(limits, LARGE).await;
        let mut held = Vec::new();
        for from in ["127.0.5.1", "127.0.5.2"] {
            held.push(asked(from, address, "GET").await);
            held.push(asked(from, address, "GET").await);
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
        let refused = answered(asked("127.0.5.1", address, "GET").await).await;
        assert_eq!(refused.0, "503", "its address has all that it may have");
        let (status, len) = answered(asked("127.0.5.3", address, "GET").await).await;
        assert!(status == "200" && len > LARGE, "{limits:?}: {status}");
        drop(held);
    }
}
