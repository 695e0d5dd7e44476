//! Servers that cannot listen, or that another one is in the way of.

use std::net::TcpListener;

use super::snapshot::{Snapshot, refused, says, start_refused};
use crate::harness::Folder;

#[test]
fn a_second_server_on_a_folder_is_refused_before_it_touches_anything() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    let server = folder.start();
    let printed = format!("is in use by process {}", server.process());
    // Damage that the second would complain of, had it looked.
    let config = folder.data().join("chancery.toml");
    let sound = std::fs::read(&config).unwrap();
    std::fs::write(&config, "nonsense").unwrap();
    says(&start_refused(&folder), &[&printed, "stop that, or ask it with --url"]);
    says(&refused(&folder, &["init"]), &[&printed]);
    std::fs::write(&config, sound).unwrap();
    // Commands work beside it.
    before.goes_on(&folder);
    assert!(server.stop().success());
    assert!(folder.start().stop().success());
}

#[test]
fn of_two_that_create_an_authority_one_does() {
    let folder = Folder::new();
    let children: Vec<_> = (0..4)
        .map(|_| {
            folder
                .command()
                .arg("init")
                .stderr(std::process::Stdio::piped())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut created = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            created += 1;
        } else {
            says(&String::from_utf8_lossy(&output.stderr), &["is in use by"]);
        }
    }
    assert!(created > 0);
    assert_eq!(folder.json(&["list"])["certificates"].as_array().unwrap().len(), 2);
    folder.text(&["request", "a.example.com", "--out", "a"]);
}

#[test]
fn a_port_in_use_is_named_with_the_options_that_choose_another() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (option, other) in [("--https", "--http"), ("--http", "--https")] {
        let printed = refused(&folder, &["start", option, &address, other, "127.0.0.1:0"]);
        says(
            &printed,
            &[
                &format!("cannot listen on {address}; choose another with {option}\n"),
                "Address already in use",
            ],
        );
    }
    before.is_kept(&folder);
    // Nor is an authority made that nobody can reach, with a passphrase that nobody asked for.
    let fresh = Folder::new();
    refused(&fresh, &["start", "--https", "127.0.0.1:0", "--http", &address]);
    for made in ["chancery.toml", "ledger.sqlite3", "local.toml", "keys/passphrase"] {
        assert!(!fresh.data().join(made).exists(), "{made}");
    }
    drop(taken);
    assert!(folder.start().stop().success());
    before.goes_on(&folder);
}

#[test]
fn an_address_that_is_none_is_refused_with_the_form_it_takes() {
    let folder = Folder::new();
    for address in ["localhost", "127.0.0.1", "127.0.0.1:99999", "0.0.0.0:https", ""] {
        says(
            &refused(&folder, &["start", "--https", address]),
            &["--https <ADDR:PORT>", "write ADDRESS:PORT"],
        );
    }
    // One that is well-formed and not this machine's (RFC 5737).
    let printed = refused(
        &folder,
        &["start", "--https", "192.0.2.1:8443", "--http", "127.0.0.1:0"],
    );
    says(
        &printed,
        &["cannot listen on 192.0.2.1:8443", "choose another with --https"],
    );
}
