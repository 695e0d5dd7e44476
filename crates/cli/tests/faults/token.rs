//! Keys in a PKCS #11 token, from creation to a verified CRL, and what is told when the token, its PIN or its module fails.
//! The token is SoftHSM 2's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::snapshot::{START, Snapshot, refused, says};
use crate::client::Client;
use crate::harness::{Folder, Server, Surroundings, has, succeeded, tool};

const LABEL: &str = "chancery faults";
const PIN: &str = "123456";
const REQUEST: [&str; 4] = ["request", "a.example.com", "--out", "a"];

/// A data folder beside a token of its own.
struct TokenFixture {
    folder: Folder,
    module: PathBuf,
}

impl TokenFixture {
    /// `None` where SoftHSM is not installed, which is said.
    fn new() -> Option<Self> {
        let Some(module) = softhsm() else {
            eprintln!("SKIPPED: SoftHSM 2 is not installed (Debian: apt-get install softhsm2)");
            return None;
        };
        if !has("softhsm2-util") {
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        let tokens = root.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let configuration = root.path().join("softhsm2.conf");
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(&configuration, text).unwrap();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", LABEL])
            .args(["--pin", PIN, "--so-pin", "87654321"])
            .env("SOFTHSM2_CONF", &configuration)
            .output()
            .unwrap();
        succeeded(&made);
        for (name, pin) in [("pin", PIN), ("wrong", "654321")] {
            fs::write(root.path().join(name), pin).unwrap();
        }
        let surroundings = Surroundings {
            environment: vec![("SOFTHSM2_CONF", configuration.into())],
            ..Surroundings::default()
        };
        Some(Self {
            folder: Folder::within(root, surroundings),
            module,
        })
    }

    /// `init` with the PIN in that file.
    fn init<'a>(&'a self, pin: &'a str, token: &'a str) -> Vec<&'a str> {
        let module = self.module.to_str().unwrap();
        let keys = ["init", "--pkcs11-module", module, "--pkcs11-token", token];
        [&["--passphrase-file", pin][..], &keys].concat()
    }
}

fn softhsm() -> Option<PathBuf> {
    [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.is_file())
}

fn with<'a>(pin: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--passphrase-file", pin], arguments].concat()
}

/// How it stands, and one certificate more than the two CAs'.
fn created(fixture: &TokenFixture) -> Snapshot {
    fixture.folder.text(&fixture.init("pin", LABEL));
    fixture
        .folder
        .text(&with("pin", &["request", "before.example.com", "--out", "before"]));
    Snapshot::of(&fixture.folder)
}

#[test]
fn from_a_token_s_keys_to_a_revocation_that_openssl_sees() {
    let Some(fixture) = TokenFixture::new() else { return };
    if !has("openssl") {
        return;
    }
    let folder = &fixture.folder;
    created(&fixture);
    let keys: Vec<_> = fs::read_dir(folder.data().join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "key"))
        .collect();
    assert!(keys.is_empty(), "keys in files: {keys:?}");
    folder.text(&with("pin", &REQUEST));

    // Both CRLs of the folder in one file, as OpenSSL takes them.
    let verify = |name: &str| {
        let crls = ["chancery-root-ca", "chancery-issuing-ca"]
            .map(|ca| fs::read_to_string(folder.public(&format!("{ca}.crl.pem"))).unwrap())
            .concat();
        fs::write(folder.path("crls.pem"), crls).unwrap();
        Command::new("openssl")
            .args(["verify", "-crl_check_all", "-CRLfile", "crls.pem", "-CAfile"])
            .arg(folder.public("chancery-root-ca.crt"))
            .args(["-untrusted", &format!("{name}/chain.pem"), &format!("{name}/cert.pem")])
            .current_dir(folder.path(""))
            .output()
            .unwrap()
    };
    succeeded(&verify("a"));
    let serial = folder.json(&["list", "a.example.com"])["certificates"][0]["serial_number"]
        .as_str()
        .unwrap()
        .to_owned();
    folder.text(&with("pin", &["revoke", &serial, "--reason", "keyCompromise"]));
    folder.text(&with("pin", &["crl", "publish"]));
    let revoked = verify("a");
    assert!(!revoked.status.success());
    says(
        &String::from_utf8_lossy(&[revoked.stdout, revoked.stderr].concat()),
        &["certificate revoked"],
    );
    succeeded(&verify("before"));
    let printed = tool(
        "openssl",
        &[
            "crl",
            "-in",
            folder.public("chancery-issuing-ca.crl.pem").to_str().unwrap(),
            "-noout",
            "-text",
        ],
        &folder.path(""),
    );
    says(&String::from_utf8_lossy(&printed), &["Key Compromise"]);
}

#[test]
fn a_wrong_pin_is_tried_once_and_told_at_once() {
    let Some(fixture) = TokenFixture::new() else { return };
    let folder = &fixture.folder;
    let refusal = ["refused the PIN", "not tried again", "start again with the right one"];
    says(&refused(folder, &fixture.init("wrong", LABEL)), &refusal);
    let before = created(&fixture);
    for arguments in [&REQUEST[..], &START] {
        says(&refused(folder, &with("wrong", arguments)), &refusal);
        says(
            &refused(folder, arguments),
            &["no passphrase was given", "--passphrase-file"],
        );
    }
    assert_eq!(folder.json(&["check"])["open_intents"], 0);
    before.is_kept(folder);
    folder.text(&with("pin", &REQUEST));
    let server = Server::start(folder, &with("pin", &[]));
    assert_eq!(server.warnings, [""; 0]);
    let (status, answer) = Client::new(&server, "issue").issue("b.example.com");
    assert_eq!(status, 200, "{answer}");
    assert!(server.stop().success());
}

#[test]
fn a_missing_module_or_token_is_named_and_so_is_what_is_there() {
    let Some(fixture) = TokenFixture::new() else { return };
    let folder = &fixture.folder;
    let printed = refused(folder, &fixture.init("pin", "no such token"));
    says(&printed, &["no token no such token", "choose one that is there", LABEL]);
    // The settings of an authority that never came to be are written anew.
    let before = created(&fixture);

    let settings = folder.data().join("local.toml");
    let sound = fs::read_to_string(&settings).unwrap();
    let module = fixture.module.to_str().unwrap();
    fs::write(&settings, sound.replace(module, "/nowhere/pkcs11.so")).unwrap();
    for arguments in [&REQUEST[..], &START] {
        says(
            &refused(folder, &with("pin", arguments)),
            &["the PKCS #11 module /nowhere/pkcs11.so is not there", "local.toml"],
        );
    }
    // A file that is no module; and one of the data folder, from which none is loaded.
    let text = folder.path("text.so");
    fs::write(&text, "no module").unwrap();
    fs::write(&settings, sound.replace(module, settings.to_str().unwrap())).unwrap();
    says(
        &refused(folder, &with("pin", &START)),
        &["is inside the data folder", "install it elsewhere"],
    );
    fs::write(&settings, sound.replace(module, text.to_str().unwrap())).unwrap();
    says(
        &refused(folder, &with("pin", &START)),
        &["cannot be loaded", "check its path"],
    );
    fs::write(&settings, sound).unwrap();

    fs::rename(folder.path("tokens"), folder.path("unplugged")).unwrap();
    fs::create_dir(folder.path("tokens")).unwrap();
    for arguments in [&REQUEST[..], &START] {
        says(&refused(folder, &with("pin", arguments)), &["no token", "plug it in"]);
    }
    // What needs no key goes on.
    before.is_kept(folder);
    fs::remove_dir(folder.path("tokens")).unwrap();
    fs::rename(folder.path("unplugged"), folder.path("tokens")).unwrap();
    folder.text(&with("pin", &REQUEST));
}

#[test]
fn a_server_whose_token_goes_away_says_so_and_loses_nothing() {
    let Some(fixture) = TokenFixture::new() else { return };
    let folder = &fixture.folder;
    let before = created(&fixture);
    let server = Server::start(folder, &with("pin", &[]));
    let client = Client::new(&server, "admin");
    assert_eq!(client.issue("first.example.com").0, 200);

    fs::rename(folder.path("tokens"), folder.path("unplugged")).unwrap();
    let (status, answer) = client.issue("gone.example.com");
    assert_eq!(
        (status, answer["code"].as_str()),
        (503, Some("unavailable")),
        "{answer}"
    );
    says(&folder.printed(), &["token chancery faults", "plug"]);
    assert_eq!(client.get("/certificates").0, 200, "what needs no key goes on");

    fs::rename(folder.path("unplugged"), folder.path("tokens")).unwrap();
    assert!(server.stop().success());
    // SoftHSM looks for tokens only when it is loaded.
    let server = Server::start(folder, &with("pin", &[]));
    let client = Client::new(&server, "admin");
    let (status, answer) = client.issue("back.example.com");
    assert_eq!(status, 200, "{answer}");
    assert!(server.stop().success());
    before.is_kept(folder);
    assert_eq!(folder.json(&["check"])["open_intents"], 0);
}
