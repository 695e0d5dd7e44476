//! Answers that nobody reads.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::raw::{ATTACKER, ELSEWHERE, address, ask_api, connect, get, http2, secured, tls, until_ended};
use super::silent::{SHORT, limited};
use crate::house::{Folder, Server};

/// More than the system takes off a server's hands for a connection.
const LARGE: usize = 24 << 20;

/// What all those copies would be beyond, were there more than one.
const FEW: u64 = 80 << 20;

/// Puts a file of that length beside the published ones.
fn publish(folder: &Folder, name: &str, len: usize) {
    let octets: Vec<u8> = (0..len).map(|place| place.to_le_bytes()[1]).collect();
    std::fs::write(folder.public(name), octets).unwrap();
}

/// Octets of memory that the server's process has.
fn memory(server: &Server<'_>) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Its descriptors that are regular files.
fn open_files(server: &Server<'_>, name: &str) -> usize {
    let folder = std::fs::read_dir(format!("/proc/{}/fd", server.process())).unwrap();
    let links = folder.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().contains(name)).count()
}

fn metric(folder: &Folder, server: &Server<'_>, name: &str) -> u64 {
    let (_, metrics) = ask_api(ELSEWHERE, server, &tls(folder, &[]), "GET /metrics", "").unwrap();
    let metrics = String::from_utf8(metrics).unwrap();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    value.map_or(0, |value| value.trim().parse().unwrap())
}

#[test]
fn answers_that_nobody_reads_share_one_copy_and_are_gone_in_time() {
    let folder = Folder::new();
    limited(&folder, "[limits]\nanswer_seconds = 5\n");
    publish(&folder, "large.crl", LARGE);
    let server = folder.start();
    let before = memory(&server);
    let config = tls(&folder, &["h2"]);
    std::thread::scope(|scope| {
        let stuck: Vec<_> = (0..12)
            .map(|number| {
                let (server, config) = (&server, &config);
                scope.spawn(move || {
                    let stream = connect(ATTACKER, address(&server.https)).unwrap();
                    let mut stream = secured(config, stream).unwrap();
                    // No octet of an answer fits, or a few, or the connection's window is the end.
                    let window = [0, 10, 1 << 20][number % 3];
                    let mut octets = http2::preface(window);
                    for request in 0..16 {
                        octets.extend(http2::request(2 * request + 1, "/large.crl", true));
                    }
                    stream.write_all(&octets).unwrap();
                    // Answering pings is no progress, nor is an octet now and then.
                    until_ended(&mut stream, Duration::from_secs(10), |wire| {
                        wire.write_all(&http2::ping())?;
                        wire.write_all(&http2::window(1, 1))
                    })
                })
            })
            .collect();
        // Over HTTP/1.1 nobody reads at all.
        let mut silent: Vec<_> = (0..12)
            .map(|_| {
                let mut stream = connect(ATTACKER, address(&server.http)).unwrap();
                stream
                    .write_all(b"GET /large.crl HTTP/1.1\r\nhost: localhost\r\n\r\n")
                    .unwrap();
                stream
            })
            .collect();
        // All sixteen streams of each connection, and the twelve.
        let begun = Instant::now();
        while metric(&folder, &server, "chancery_answers_open ") < 12 * 16 + 12 {
            assert!(begun.elapsed() < Duration::from_secs(4), "not all of them were let in");
        }
        let grown = memory(&server).saturating_sub(before);
        assert!(grown < FEW, "{} MiB more", grown >> 20);
        // The workers of the folder may be looking at it.
        assert!(open_files(&server, "large.crl") <= 3);
        // Meanwhile others are served.
        assert_eq!(get(ELSEWHERE, &server, "/chancery-issuing-ca.crl").unwrap().0, 200);
        for stuck in stuck {
            let ended = stuck.join().unwrap();
            assert!(ended.is_some(), "it lasted longer than ten seconds");
        }
        // The one that asks is left.
        let begun = Instant::now();
        while metric(&folder, &server, "chancery_answers_open ") > 1 {
            assert!(begun.elapsed() < Duration::from_secs(10), "some are kept");
        }
        // They were reset: what the system had buffered is gone with them.
        for stream in &mut silent {
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let ended = stream.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(ended.kind(), std::io::ErrorKind::ConnectionReset);
        }
    });
    assert!(metric(&folder, &server, "chancery_load_cut_total{reason=\"unread\"} ") >= 24);
    assert!(server.stop().success());
}

#[test]
fn who_reads_slowly_but_reads_gets_all_of_it() {
    let folder = Folder::new();
    limited(&folder, SHORT);
    publish(&folder, "large.crl", LARGE);
    let server = folder.start();
    let mut stream = connect(ATTACKER, address(&server.http)).unwrap();
    stream
        .write_all(b"GET /large.crl HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    // Twice as long as an answer may stand still.
    let (begun, mut read, mut buffer) = (Instant::now(), 0, vec![0; 256 * 1024]);
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            octets => read += octets,
        }
        std::thread::sleep(Duration::from_millis(40));
    }
    assert!(read > LARGE, "{read} octets");
    assert!(begun.elapsed() > Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_stream_more_than_sixteen_waits_for_nobody() {
    let folder = Folder::new();
    limited(&folder, SHORT);
    let server = folder.start();
    let stream = connect(ATTACKER, address(&server.https)).unwrap();
    let mut stream = secured(&tls(&folder, &["h2"]), stream).unwrap();
    stream.write_all(&http2::preface(0)).unwrap();
    stream.sock.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // The server's settings come first (RFC 9113 section 3.4): SETTINGS_MAX_CONCURRENT_STREAMS is 3.
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[3], 4, "a frame of settings");
    let mut settings = vec![0; usize::from(head[2])];
    stream.read_exact(&mut settings).unwrap();
    let streams = settings.chunks(6).find(|setting| setting[..2] == [0, 3]).unwrap();
    assert_eq!(streams[2..], 16_u32.to_be_bytes());
}

#[test]
#[ignore = "thorough: waits for the deadlines that there are by default"]
fn answers_that_nobody_reads_are_gone_within_sixty_seconds() {
    let folder = Folder::new();
    folder.text(&["init"]);
    publish(&folder, "large.crl", LARGE);
    let server = folder.start();
    let stream = connect(ATTACKER, address(&server.https)).unwrap();
    let mut stream = secured(&tls(&folder, &["h2"]), stream).unwrap();
    let mut octets = http2::preface(0);
    octets.extend(http2::request(1, "/large.crl", true));
    stream.write_all(&octets).unwrap();
    let ended = until_ended(&mut stream, Duration::from_mins(1), |wire| {
        wire.write_all(&http2::ping())
    });
    assert!(ended.is_some());
}
