//! Connections that say nothing, or never all of it.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::raw::{ATTACKER, ELSEWHERE, Wire, address, ask, ask_api, connect, get, http2, secured, tls, until_ended};
use crate::harness::{Folder, Server, Surroundings};

/// Connections that are held against a server.
const MANY: usize = 1500;

/// How long anybody else waits at most.
const PROMISED: Duration = Duration::from_secs(5);

/// A server that may have 1,024 descriptors and is started with fewer, as many systems do.
fn few_descriptors() -> Folder {
    let limited = "ulimit -Sn 256 && ulimit -Hn 1024 && exec \"$@\"";
    let surroundings = Surroundings {
        runner: ["sh", "-c", limited, "sh"].map(Into::into).to_vec(),
        ..Surroundings::default()
    };
    Folder::within(tempfile::tempdir().unwrap(), surroundings)
}

/// Deadlines that a test can wait for: a connection without a whole request ends after two seconds, or after three.
pub(crate) const SHORT: &str = "[limits]\nsilence_seconds = 2\nbody_seconds = 1\nanswer_seconds = 2\n";

/// An authority with those limits.
pub(crate) fn limited(folder: &Folder, limits: &str) {
    folder.text(&["init"]);
    let path = folder.data().join("local.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{settings}\n{limits}")).unwrap();
}

/// This process needs descriptors, too.
fn enough_descriptors() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
}

fn hold(to: SocketAddr, number: usize) -> Vec<TcpStream> {
    // What is turned away was accepted first; what is beyond the system's backlog is not waited for.
    let connect = |_| TcpStream::connect_timeout(&to, Duration::from_secs(2)).ok();
    (0..number).filter_map(connect).collect()
}

#[track_caller]
fn in_time<T>(what: &str, work: impl FnOnce() -> std::io::Result<T>) -> T {
    let begun = Instant::now();
    let outcome = work().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(begun.elapsed() < PROMISED, "{what} took {:?}", begun.elapsed());
    outcome
}

pub(crate) fn everybody_else_is_served(server: &Server<'_>, folder: &Folder, token: &str) -> String {
    let config = tls(folder, &["http/1.1"]);
    let (status, crl) = in_time("a CRL", || get(ELSEWHERE, server, "/chancery-issuing-ca.crl"));
    assert!(status == 200 && !crl.is_empty());
    let (status, health) = in_time("health", || {
        ask_api(ELSEWHERE, server, &config, "GET /api/v1/health", "")
    });
    assert_eq!(status, 200);
    let (status, published) = in_time("a publication", || {
        ask_api(ELSEWHERE, server, &config, "POST /api/v1/crls", token)
    });
    let published = String::from_utf8(published).unwrap();
    assert!(status == 200 && !published.contains("problem"), "{published}");
    String::from_utf8(health).unwrap()
}

#[test]
fn silent_connections_of_one_address_keep_nobody_else_out() {
    enough_descriptors();
    let folder = few_descriptors();
    let server = folder.start();
    let token = server.token("admin");
    for url in [&server.https, &server.http] {
        let held = hold(address(url), MANY);
        assert!(held.len() > MANY / 2, "{} connections", held.len());
        let health = everybody_else_is_served(&server, &folder, &token);
        assert!(
            health.contains("connections are turned away") && health.contains("degraded"),
            "{health}"
        );
        drop(held);
    }
    let config = tls(&folder, &[]);
    let (_, metrics) = ask_api(ELSEWHERE, &server, &config, "GET /metrics", "").unwrap();
    let metrics = String::from_utf8(metrics).unwrap();
    let shed = metrics
        .lines()
        .find_map(|line| line.strip_prefix("chancery_load_shed_total{reason=\"connections_of_address\"} "));
    assert!(
        shed.is_some_and(|shed| shed.parse::<usize>().unwrap() > MANY),
        "{metrics}"
    );
    assert!(
        folder.printed().contains("enough for 448 connections on each port"),
        "{}",
        folder.printed()
    );
    // It goes on for the address that attacked, too.
    let begun = Instant::now();
    while get(ATTACKER, &server, "/chancery-issuing-ca.crl").is_err() {
        assert!(begun.elapsed() < PROMISED);
    }
    assert!(server.stop().success());
}

#[test]
fn silent_connections_of_many_addresses_make_room() {
    enough_descriptors();
    let folder = Folder::new();
    limited(&folder, "[limits]\nconnections = 32\nconnections_per_address = 4\n");
    let server = folder.start();
    let token = server.token("admin");
    let mut held = Vec::new();
    for url in [&server.https, &server.http] {
        for last in 10..30 {
            let from = std::net::Ipv4Addr::new(127, 0, 1, last).into();
            held.extend((0..4).filter_map(|_| connect(from, address(url)).ok()));
        }
    }
    std::thread::sleep(Duration::from_millis(1100));
    everybody_else_is_served(&server, &folder, &token);
}

/// What `begin` makes of a connection is over in time, whatever is sent on it every tenth of a second afterwards.
struct Slow {
    name: &'static str,
    begin: fn(&Server<'_>, &Folder) -> Box<dyn Wire>,
    each: fn(&mut dyn Wire) -> std::io::Result<()>,
}

#[allow(clippy::unnecessary_wraps, reason = "as the others that send something")]
fn nothing(_: &mut dyn Wire) -> std::io::Result<()> {
    Ok(())
}

fn letter(wire: &mut dyn Wire) -> std::io::Result<()> {
    wire.write_all(b"a")
}

fn plain(server: &Server<'_>, beginning: &[u8]) -> Box<dyn Wire> {
    let mut stream = connect(ATTACKER, address(&server.http)).unwrap();
    stream.write_all(beginning).unwrap();
    Box::new(stream)
}

fn over_tls(server: &Server<'_>, folder: &Folder, protocol: &str, beginning: &[u8]) -> Box<dyn Wire> {
    let stream = connect(ATTACKER, address(&server.https)).unwrap();
    let mut stream = secured(&tls(folder, &[protocol]), stream).unwrap();
    stream.write_all(beginning).unwrap();
    Box::new(stream)
}

const SLOW: [Slow; 13] = [
    Slow {
        name: "nothing at all",
        begin: |server, _| plain(server, b""),
        each: nothing,
    },
    Slow {
        name: "a head that trickles",
        begin: |server, _| plain(server, b"GET /a.crl HTTP/1.1\r\nhost: "),
        each: letter,
    },
    Slow {
        name: "HTTP/2 without TLS",
        begin: |server, _| plain(server, &http2::preface(0)[..18]),
        each: nothing,
    },
    Slow {
        name: "an answer, and then nothing",
        begin: |server, _| {
            plain(
                server,
                b"GET /chancery-issuing-ca.crl HTTP/1.1\r\nhost: localhost\r\n\r\n",
            )
        },
        each: nothing,
    },
    Slow {
        name: "a body that never comes, for nobody who wants it",
        begin: |server, _| {
            plain(
                server,
                b"GET /chancery-issuing-ca.crl HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n",
            )
        },
        each: letter,
    },
    Slow {
        name: "no TLS on HTTPS",
        begin: |server, _| Box::new(connect(ATTACKER, address(&server.https)).unwrap()),
        each: nothing,
    },
    Slow {
        name: "a TLS handshake that stops",
        begin: |server, _| {
            let mut stream = connect(ATTACKER, address(&server.https)).unwrap();
            stream.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
            Box::new(stream)
        },
        each: nothing,
    },
    Slow {
        name: "a TLS handshake that trickles",
        begin: |server, _| {
            let mut stream = connect(ATTACKER, address(&server.https)).unwrap();
            stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).unwrap();
            Box::new(stream)
        },
        each: letter,
    },
    Slow {
        name: "a TLS handshake and no more",
        begin: |server, folder| over_tls(server, folder, "h2", b""),
        each: nothing,
    },
    Slow {
        name: "half of HTTP/2's preface",
        begin: |server, folder| over_tls(server, folder, "h2", &http2::preface(0)[..10]),
        each: nothing,
    },
    Slow {
        name: "HTTP/2 with pings and no request",
        begin: |server, folder| over_tls(server, folder, "h2", &http2::preface(65_535)),
        each: |wire| wire.write_all(&http2::ping()),
    },
    Slow {
        name: "HTTP/2 with a head that is never whole",
        begin: |server, folder| {
            let mut octets = http2::preface(65_535);
            octets.extend(http2::frame(1, 0, 1, &[0x82]));
            over_tls(server, folder, "h2", &octets)
        },
        each: nothing,
    },
    Slow {
        name: "HTTP/2 with a request whose body trickles",
        begin: |server, folder| {
            let mut octets = http2::preface(65_535);
            octets.extend(http2::request(1, "/api/v1/certificates/1/renew", false));
            over_tls(server, folder, "h2", &octets)
        },
        each: |wire| wire.write_all(&http2::frame(0, 0, 1, b" ")),
    },
];

/// Every way of being slow at once, against one server; each must be over after `first` and before `last`.
fn all_are_over(folder: &Folder, last: Duration) {
    let server = folder.start();
    std::thread::scope(|scope| {
        for slow in &SLOW {
            let (server, folder) = (&server, &folder);
            scope.spawn(move || {
                let mut wire = (slow.begin)(server, folder);
                let ended = until_ended(wire.as_mut(), last, slow.each);
                assert!(ended.is_some(), "{} lasted longer than {last:?}", slow.name);
            });
        }
    });
    let (_, metrics) = ask_api(ELSEWHERE, &server, &tls(folder, &[]), "GET /metrics", "").unwrap();
    let metrics = String::from_utf8(metrics).unwrap();
    // The one that asks, and one that came before its end is counted.
    let open = metrics
        .lines()
        .find_map(|line| line.strip_prefix("chancery_connections_open "));
    assert!(
        open.is_some_and(|open| open.parse::<usize>().unwrap() <= 2),
        "{metrics}"
    );
}

#[test]
fn whatever_brings_no_whole_request_is_gone_in_time() {
    let folder = Folder::new();
    limited(&folder, SHORT);
    // Three seconds, and what a busy machine takes.
    all_are_over(&folder, Duration::from_secs(6));
}

#[test]
#[ignore = "thorough: waits for the deadlines that there are by default"]
fn whatever_brings_no_whole_request_is_gone_within_thirty_seconds() {
    all_are_over(&Folder::new(), Duration::from_secs(30));
}

#[test]
fn a_body_that_trickles_is_told_so_and_one_that_is_only_slow_arrives() {
    let folder = Folder::new();
    limited(
        &folder,
        "[limits]\nsilence_seconds = 6\nbody_seconds = 1\nleast_rate = 1000\n",
    );
    let server = folder.start();
    let (token, config) = (server.token("issue"), tls(&folder, &["http/1.1"]));
    let head = |len: usize| {
        format!(
            "POST /api/v1/certificates HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n"
        )
    };
    let open = || secured(&config, connect(ATTACKER, address(&server.https)).unwrap()).unwrap();

    let begun = Instant::now();
    let (status, answer) = ask(&mut open(), &(head(1000) + "{")).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(status == 408 && answer.contains("too_slow"), "{status} {answer}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());

    // Two seconds at twice the least rate.
    let mut stream = open();
    stream.write_all(head(4000).as_bytes()).unwrap();
    for _ in 0..20 {
        stream.write_all(&[b' '; 200]).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    let (status, answer) = super::raw::answer(&mut stream).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(status == 400 && answer.contains("not JSON"), "{status} {answer}");
}
