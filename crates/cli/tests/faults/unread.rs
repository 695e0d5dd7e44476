//! Answers that nobody reads.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::raw::{ATTACKER, ELSEWHERE, address, ask_api, connect, get, http2, secured, tls, until_ended};
use super::silent::{SHORT, everybody_else_is_served, limited};
use crate::harness::{Folder, Server};

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
fn who_reads_a_little_above_the_least_rate_gets_all_of_it() {
    let folder = Folder::new();
    // Megabytes that the system takes at once, as it does by itself, would last for seven seconds.
    limited(&folder, "[limits]\nanswer_seconds = 2\nleast_rate = 150000\n");
    publish(&folder, "large.crl", LARGE);
    let server = folder.start();
    // Where other tests have the processors, this process may itself stand still for longer than the limit allows: such a try says
    // nothing.
    let tries = (0..3).map(|_| read_at_200_000_a_second(&server));
    let outcomes: Vec<_> = tries.take_while(Result::is_err).collect();
    assert!(outcomes.len() < 3, "{outcomes:?}");
}

/// Reads for twelve seconds; how many octets there were when the server ended it.
fn read_at_200_000_a_second(server: &Server<'_>) -> Result<(), usize> {
    let mut stream = connect(ATTACKER, address(&server.http)).unwrap();
    stream
        .write_all(b"GET /large.crl HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let (begun, mut read, mut buffer) = (Instant::now(), 0, vec![0; 20_000]);
    while begun.elapsed() < Duration::from_secs(12) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return Err(read),
            Ok(octets) => read += octets,
        }
        std::thread::sleep(Duration::from_micros(5 * read as u64).saturating_sub(begun.elapsed()));
    }
    assert!(read < LARGE, "it was read too fast to show anything");
    Ok(())
}

#[test]
fn answers_that_few_addresses_do_not_read_keep_nobody_else_from_theirs() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let server = folder.start();
    let (token, config) = (server.token("admin"), tls(&folder, &["http/1.1"]));
    let h2 = tls(&folder, &["h2"]);
    let mut held = Vec::new();
    // Of all answers that there may be half: more than 64 MiB, were each its own.
    for number in 0..124 {
        let from = std::net::Ipv4Addr::new(127, 0, 3, number % 4 + 1).into();
        let mut stream = secured(&h2, connect(from, address(&server.https)).unwrap()).unwrap();
        let mut octets = http2::preface(0);
        for request in 0..16 {
            octets.extend(http2::request(2 * request + 1, "/api/v1/openapi.json", true));
        }
        stream.write_all(&octets).unwrap();
        held.push(stream);
    }
    let begun = Instant::now();
    while metric(&folder, &server, "chancery_answers_open ") < 124 * 16 {
        assert!(begun.elapsed() < Duration::from_secs(20), "not all of them were let in");
    }
    for path in ["GET /api/v1/health", "GET /api/v1/openapi.json", "POST /api/v1/crls"] {
        let begun = Instant::now();
        let (status, answer) = ask_api(ELSEWHERE, &server, &config, path, &token).unwrap();
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&answer));
        assert!(begun.elapsed() < Duration::from_secs(5), "{path}");
    }
}

#[test]
fn who_holds_every_place_and_does_not_read_makes_room() {
    let folder = Folder::new();
    limited(&folder, "[limits]\nconnections = 32\n");
    publish(&folder, "large.crl", LARGE);
    let server = folder.start();
    let (token, h2) = (server.token("admin"), tls(&folder, &["h2"]));
    let (mut secure, mut plain) = (Vec::new(), Vec::new());
    for number in 0..32 {
        let from = std::net::Ipv4Addr::new(127, 0, 4, number % 8 + 1).into();
        let mut stream = secured(&h2, connect(from, address(&server.https)).unwrap()).unwrap();
        let octets = [http2::preface(0), http2::request(1, "/health", true)].concat();
        stream.write_all(&octets).unwrap();
        secure.push(stream);
        let mut stream = connect(from, address(&server.http)).unwrap();
        stream
            .write_all(b"GET /large.crl HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .unwrap();
        plain.push(stream);
    }
    std::thread::sleep(Duration::from_millis(3500));
    everybody_else_is_served(&server, &folder, &token);
    drop((secure, plain));
}

#[test]
fn who_holds_every_place_and_reads_above_the_least_rate_makes_room() {
    let folder = Folder::new();
    limited(&folder, "[limits]\nconnections = 32\n");
    publish(&folder, "large.crl", LARGE);
    let server = folder.start();
    // Eight addresses hold all the places that they may have, which are all that there are.
    let mut held: Vec<_> = (0..32)
        .map(|number| {
            let from = std::net::Ipv4Addr::new(127, 0, 5, number % 8 + 1).into();
            let mut stream = connect(from, address(&server.http)).unwrap();
            stream
                .write_all(b"GET /large.crl HTTP/1.1\r\nhost: localhost\r\n\r\n")
                .unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            stream
        })
        .collect();
    // 40,000 octets a second, where 8,192 are wanted, for longer than an answer may take undisturbed.
    let (begun, mut buffer) = (Instant::now(), vec![0; 8_000]);
    while begun.elapsed() < Duration::from_secs(11) {
        for stream in &mut held {
            stream.read_exact(&mut buffer).unwrap();
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(get(ELSEWHERE, &server, "/chancery-issuing-ca.crl").unwrap().0, 200);
    assert!(metric(&folder, &server, "chancery_load_cut_total{reason=\"unread\"} ") == 0);
    assert!(metric(&folder, &server, "chancery_load_cut_total{reason=\"made_room\"} ") >= 1);
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
