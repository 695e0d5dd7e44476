//! What becomes of work when the server is told to stop.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::raw::{ATTACKER, address, answer, connect, secured, tls};
use crate::harness::Folder;

/// A request whose body takes so long at that rate, with the order to stop when it has begun: it is answered all the same.
fn a_request_in_work_is_answered(time: Duration, octets_a_second: usize) {
    let folder = Folder::new();
    let server = folder.start();
    let token = server.token("issue");
    let mut idle = connect(ATTACKER, address(&server.http)).unwrap();
    idle.write_all(b"GET /chancery-issuing-ca.crl HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    let config = tls(&folder, &["http/1.1"]);
    let mut stream = secured(&config, connect(ATTACKER, address(&server.https)).unwrap()).unwrap();
    let steps = usize::try_from(time.as_millis()).unwrap() / 100;
    let len = steps * octets_a_second / 10;
    write!(
        stream,
        "POST /api/v1/certificates HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: {len}\r\n\r\n"
    )
    .unwrap();
    for step in 0..steps {
        stream.write_all(&vec![b' '; octets_a_second / 10]).unwrap();
        if step == 3 {
            server.terminate();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let (status, body) = answer(&mut stream).unwrap();
    let body = String::from_utf8(body).unwrap();
    assert!(status == 400 && body.contains("not JSON"), "{status} {body}");
    // Nobody new was let in, and whoever had nothing under way was let go.
    assert!(connect(ATTACKER, address(&server.http)).is_err());
    idle.read_to_end(&mut Vec::new()).unwrap();
    let begun = Instant::now();
    assert!(server.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_request_that_is_arriving_when_the_server_stops_is_answered() {
    a_request_in_work_is_answered(Duration::from_secs(2), 10_000);
}

#[test]
#[ignore = "thorough: a request that takes longer than servers like to wait"]
fn a_request_of_more_than_twenty_seconds_is_answered_though_the_server_stops() {
    a_request_in_work_is_answered(Duration::from_secs(23), 10_000);
}

#[test]
fn a_round_of_publication_ends_at_its_next_crl() {
    let folder = Folder::new();
    folder.text(&["init"]);
    // The server's first round has them all to publish.
    std::fs::write(
        folder.data().join("chancery.toml"),
        "public_url = \"http://pki.example.com\"\n[[ca]]\nname = \"root-ca\"\n[[ca]]\nname = \"issuing-ca\"\nparent = \"root-ca\"\n\
         [ca.crl]\nshards = 4096\n",
    )
    .unwrap();
    let server = folder.start();
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    assert!(server.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let published = std::fs::read_dir(folder.data().join("public")).unwrap().count();
    assert!(
        published < 4096,
        "{published} files: the round was over before it could be stopped"
    );
}

#[test]
fn clients_that_hang_on_do_not_keep_a_server_from_stopping() {
    let folder = Folder::new();
    let server = folder.start();
    let silent: Vec<_> = [&server.http, &server.https]
        .into_iter()
        .map(|url| connect(ATTACKER, address(url)).unwrap())
        .collect();
    let config = tls(&folder, &["h2"]);
    let mut quiet = secured(&config, connect(ATTACKER, address(&server.https)).unwrap()).unwrap();
    quiet.write_all(&super::raw::http2::preface(0)).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    assert!(server.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop((silent, quiet));
}
