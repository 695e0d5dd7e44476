//! A newcomer's way: create, request, look, verify, revoke, back up, restore, without any server.

use crate::harness::{Folder, succeeded};

#[test]
fn from_nothing_to_a_revoked_certificate() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&[
        "request",
        "www.example.com",
        "--profile",
        "tls-server",
        "--san",
        "ip:192.0.2.1",
        "--out",
        "www",
    ]);
    for name in ["key.pem", "cert.pem", "chain.pem"] {
        assert!(folder.path("www").join(name).is_file(), "{name}");
    }
    let listed = folder.json(&["list"]);
    let entry = listed["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["common_name"] == "www.example.com")
        .unwrap();
    let serial = entry["serial_number"].as_str().unwrap();
    assert_eq!(entry["status"], "valid");
    assert!(folder.text(&["list", "www.*"]).contains("www.example.com"));
    assert!(folder.text(&["show", serial]).contains("BEGIN CERTIFICATE"));
    let printed = folder.text(&["inspect", "www/cert.pem"]);
    assert!(
        printed.contains("www.example.com") && printed.contains("192.0.2.1"),
        "{printed}"
    );

    let crl = folder.public("chancery-issuing-ca.crl");
    let verify = [
        "verify",
        "--chain",
        "www/chain.pem",
        "--crl",
        crl.to_str().unwrap(),
        "www/cert.pem",
    ];
    assert_eq!(folder.json(&verify)["verified"], true);
    let answer = folder.json(&["revoke", serial, "--reason", "keyCompromise"]);
    assert_eq!(answer["certificate"]["revocation"]["reason"], "keyCompromise");
    let output = folder.chancery(&verify);
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("revoked"),
        "{output:?}"
    );
    assert_eq!(
        folder.json(&["revoke", serial, "--reason", "superseded"])["already_revoked"],
        true
    );
}

#[test]
fn renewal_keeps_the_names_and_changes_the_serial() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "db.example.com", "--profile", "tls-server", "--out", "db"]);
    let before = std::fs::read_to_string(folder.path("db/cert.pem")).unwrap();
    let key = std::fs::read_to_string(folder.path("db/key.pem")).unwrap();
    folder.text(&["renew", "db"]);
    assert_ne!(std::fs::read_to_string(folder.path("db/cert.pem")).unwrap(), before);
    assert_eq!(std::fs::read_to_string(folder.path("db/key.pem")).unwrap(), key);
    folder.text(&["renew", "db", "--new-key"]);
    assert_ne!(std::fs::read_to_string(folder.path("db/key.pem")).unwrap(), key);
    assert_eq!(
        folder.json(&["list", "db.example.com"])["certificates"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn a_renewal_with_a_new_key_goes_on_after_any_interruption() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "db.example.com", "--profile", "tls-server", "--out", "db"]);
    let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
    let (old_cert, old_key) = (read("db/cert.pem"), read("db/key.pem"));
    folder.text(&["renew", "db", "--new-key"]);
    let (new_cert, new_key) = (read("db/cert.pem"), read("db/key.pem"));
    assert!(!folder.path("db/key.pem.new").exists());

    // The certificate was issued, and its answer lost: the next run asks with the same key, and gets it.
    std::fs::write(folder.path("db/cert.pem"), &old_cert).unwrap();
    std::fs::write(folder.path("db/key.pem"), &old_key).unwrap();
    std::fs::write(folder.path("db/key.pem.new"), &new_key).unwrap();
    // Whoever renews every night says nothing of a new key.
    folder.text(&["renew", "db"]);
    assert!(read("db/cert.pem") == new_cert && read("db/key.pem") == new_key);
    assert!(!folder.path("db/key.pem.new").exists());

    // The certificate was written, and its key not yet: that is done even where no renewal is due.
    std::fs::write(folder.path("db/key.pem"), &old_key).unwrap();
    std::fs::write(folder.path("db/key.pem.new"), &new_key).unwrap();
    folder.text(&["renew", "db", "--if-due"]);
    assert!(read("db/cert.pem") == new_cert && read("db/key.pem") == new_key);
    assert!(!folder.path("db/key.pem.new").exists());
}

#[test]
fn a_backup_is_restored_and_crl_numbers_do_not_turn_back() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "a.example.com", "--out", "a"]);
    let printed = folder.text(&["backup", "copy"]);
    assert!(printed.contains("generated passphrase is among them"), "{printed}");
    let files = folder.json(&["restore", "--check", "copy"])["files"].as_u64().unwrap();
    assert!(files >= 10, "{files}");
    let crl = folder.path("copy/public/chancery-issuing-ca.crl");
    let kept = std::fs::read(&crl).unwrap();
    std::fs::write(&crl, "another").unwrap();
    let complaint = folder.complaint(&["restore", "--check", "copy"]);
    assert!(
        complaint.contains("public/chancery-issuing-ca.crl was changed"),
        "{complaint}"
    );
    std::fs::write(&crl, kept).unwrap();
    assert!(folder.text(&["restore", "--check", "copy"]).contains("is sound"));
    folder.text(&["crl", "publish", "--issuer", "chancery-issuing-ca"]);
    let number = |status: &serde_json::Value| {
        let crls = status["crls"].as_array().unwrap().clone();
        crls.iter()
            .find(|crl| crl["name"] == "chancery-issuing-ca.crl")
            .unwrap()["number"]
            .as_u64()
            .unwrap()
    };
    let published = number(&folder.json(&["crl", "status"]));

    std::fs::rename(folder.data(), folder.path("lost")).unwrap();
    folder.text(&[
        "restore",
        "copy",
        "--without-crl",
        "--root",
        "lost/public/chancery-root-ca.crt",
    ]);
    for name in ["chancery.toml", "local.toml"] {
        let read = |data: &str| std::fs::read(folder.path(data).join(name)).unwrap();
        assert_eq!(read("data"), read("lost"), "{name}");
    }
    assert_eq!(
        folder.json(&["list", "a.example.com"])["certificates"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    folder.text(&["crl", "publish"]);
    assert!(number(&folder.json(&["crl", "status"])) > published);
}

/// Folders made before `local.toml` had its name go on, in backups too.
#[test]
fn settings_under_their_former_name_are_read_and_told() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let (file, former) = (folder.data().join("local.toml"), folder.data().join("house.toml"));
    std::fs::write(&file, "[limits]\nno_such_limit = 1\n").unwrap();
    std::fs::rename(&file, &former).unwrap();
    let printed = folder.complaint(&["request", "a.example.com", "--out", "a"]);
    assert!(printed.contains("house.toml cannot be used"), "it counts: {printed}");
    std::fs::write(&former, "").unwrap();
    let output = folder.chancery(&["request", "a.example.com", "--out", "a"]);
    let said = String::from_utf8_lossy(&succeeded(&output).stderr).into_owned();
    assert!(said.contains("is still read, but its name is now local.toml"), "{said}");

    let check = folder.json(&["check"]);
    assert!(
        check["warnings"].to_string().contains("its name is now local.toml"),
        "{check:#}"
    );

    folder.text(&["backup", "copy"]);
    assert!(folder.path("copy/house.toml").exists());
    std::fs::rename(folder.data(), folder.path("lost")).unwrap();
    let root = "lost/public/chancery-root-ca.crt";
    folder.text(&["restore", "copy", "--without-crl", "--root", root]);
    assert!(former.exists());

    std::fs::write(&file, "").unwrap();
    let printed = folder.complaint(&["request", "b.example.com", "--out", "b"]);
    assert!(printed.contains("local.toml and in house.toml"), "{printed}");
}

/// A former version that was interrupted left its settings: the creation is repeated with today's choices.
#[test]
fn a_creation_that_a_former_version_began_is_repeated() {
    let folder = Folder::new();
    std::fs::create_dir(folder.data()).unwrap();
    let former = folder.data().join("house.toml");
    std::fs::write(&former, "[keys]\nstore = \"sealed\"\n").unwrap();
    folder.text(&["init"]);
    assert!(!former.exists() && folder.data().join("local.toml").exists());
    folder.text(&["request", "a.example.com", "--out", "a"]);
}

#[test]
fn expiry_and_issuance_are_told_where_that_was_asked_for() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let printed = |name: &str, flags: &[&str]| {
        let mut command = crate::harness::chancery();
        command
            .env("CHANCERY_LOG", "warn,chancery::notices=info")
            .arg("--dir")
            .arg(folder.data());
        command.args(["request", name, "--out", name]).args(flags);
        let output = command.current_dir(folder.path("")).output().unwrap();
        let log = String::from_utf8_lossy(&succeeded(&output).stderr).into_owned();
        let found = folder.json(&["list", name]);
        let expiry = found["certificates"][0]["notify_expiry"].as_bool().unwrap();
        (expiry, log.contains("Certificate Issued"))
    };
    assert_eq!(printed("a.example", &[]), (false, false));
    assert_eq!(
        printed("b.example", &["--notify-expiry", "--notify-issued"]),
        (true, true)
    );
    assert_eq!(
        printed("c.example", &["--notify-expiry=false", "--notify-issued=true"]),
        (false, true)
    );
}

/// Colours, progress and prompts are there in a terminal only, where a test would not look without one.
#[test]
fn in_a_terminal_it_speaks_as_plainly() {
    let folder = Folder::new();
    let mut terminal = std::process::Command::new("script");
    terminal.args(["--quiet", "--return", "--command"]);
    terminal.arg(format!(
        "'{}' --dir '{}' init",
        env!("CARGO_BIN_EXE_chancery"),
        folder.data().display()
    ));
    terminal.arg("/dev/null").current_dir(folder.path(""));
    let output = match terminal.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no `script` of util-linux");
            return;
        }
        output => output.unwrap(),
    };
    let printed = String::from_utf8_lossy(&succeeded(&output).stdout);
    assert!(printed.contains("The authority is in"), "{printed}");
    for noise in ["panicked", "tracing", "feature"] {
        assert!(!printed.contains(noise), "{printed}");
    }
}

#[test]
fn errors_say_what_to_do() {
    let folder = Folder::new();
    assert!(
        folder.complaint(&["list"]).contains("chancery start"),
        "no authority yet"
    );
    folder.text(&["init"]);
    assert!(folder.complaint(&["show", "12345"]).contains("12345"));
    assert!(folder.complaint(&["show", "nonsense"]).contains("serial number"));
    assert!(
        folder
            .complaint(&["revoke", "12345", "--reason", "boredom"])
            .contains("keyCompromise")
    );
    assert!(
        folder
            .complaint(&["request", "x.example.com", "--profile", "nonsense", "--out", "x"])
            .contains("tls-server")
    );
    assert!(
        !folder.path("x/key.pem").exists(),
        "a refused request leaves no key behind"
    );
    assert!(
        folder
            .complaint(&["issue", "--csr", "missing.csr"])
            .contains("missing.csr")
    );
    std::fs::write(folder.path("junk.csr"), "junk").unwrap();
    assert!(folder.complaint(&["issue", "--csr", "junk.csr"]).contains("PKCS #10"));
    folder.text(&["request", "y.example.com", "--out", "y"]);
    assert!(
        folder
            .complaint(&["request", "y.example.com", "--out", "y"])
            .contains("--overwrite")
    );
    let json = folder.chancery(&["--json", "show", "12345"]);
    let printed: serde_json::Value = serde_json::from_slice(&json.stderr).unwrap();
    assert!(printed["error"].is_string());
}

#[test]
fn a_passphrase_that_was_given_is_the_one_that_seals() {
    let folder = Folder::new();
    std::fs::write(folder.path("own"), "a passphrase of one's own").unwrap();
    folder.text(&["--passphrase-file", "own", "init"]);
    assert!(!folder.data().join("keys/passphrase").exists());
    folder.text(&["--passphrase-file", "own", "request", "a.example.com", "--out", "a"]);
}

#[test]
fn a_descriptor_hands_the_passphrase_over_and_one_that_is_not_open_does_nothing() {
    let folder = Folder::new();
    let run = |script: &str| {
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_chancery"));
        shell.arg("--dir").arg(folder.data()).current_dir(folder.path(""));
        shell.env_remove("CHANCERY_URL").env_remove("CHANCERY_PASSPHRASE");
        shell.output().unwrap()
    };
    // Were the descriptor looked for after the program has opened files, the first of them would be the passphrase.
    let output = run("\"$0\" \"$@\" --passphrase-fd 3 init 3<&-");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("file descriptor 3 is not open"), "{complaint}");
    assert!(!folder.data().exists());

    let piped = "echo \"a passphrase of one's own\" | \"$0\" \"$@\" --passphrase-fd 7 7<&0 </dev/null";
    succeeded(&run(&format!("{piped} init")));
    assert!(!folder.data().join("keys/passphrase").exists());
    succeeded(&run(&format!("{piped} request a.example.com --out a")));
    std::fs::write(folder.path("own"), "a passphrase of one's own").unwrap();
    folder.text(&["--passphrase-file", "own", "request", "b.example.com", "--out", "b"]);
}

#[test]
fn a_wrong_passphrase_is_told_and_changes_nothing() {
    let folder = Folder::new();
    folder.text(&["init"]);
    std::fs::write(folder.path("wrong"), "not the passphrase").unwrap();
    let complaint = folder.complaint(&["--passphrase-file", "wrong", "request", "a.example.com", "--out", "a"]);
    assert!(complaint.contains("passphrase"), "{complaint}");
    folder.text(&["request", "a.example.com", "--out", "a"]);
}
