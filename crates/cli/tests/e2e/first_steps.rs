//! What newcomers run into: an `init` that is interrupted or repeated, a question at a terminal, a profile with a slip in it.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::harness::{Folder, has};

/// Runs the program at a terminal of its own, waits a second at its first question, types the answers, and prints what it wrote:
/// until then, and in all. With no answers it is killed at the question.
const AT_A_TERMINAL: &str = r#"
import json, os, pty, select, signal, sys, time
question, answers, command = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
seen = b""
def read(until):
    global seen
    end = time.monotonic() + until
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                got = os.read(terminal, 4096)
            except OSError:
                return
            if not got:
                return
            seen += got
end = time.monotonic() + 60
while question.encode() not in seen and time.monotonic() < end:
    read(0.2)
read(1)
asked = seen.decode(errors="replace")
for answer in answers:
    os.write(terminal, answer.encode() + b"\r")
    read(0.5)
if not answers:
    os.kill(child, signal.SIGKILL)
read(60)
print(json.dumps({"asked": asked, "all": seen.decode(errors="replace"), "status": os.waitpid(child, 0)[1]}))
"#;

/// What the program wrote until it was answered, and how it ended.
fn at_a_terminal(folder: &Folder, question: &str, answers: &[&str], arguments: &[&str]) -> (String, i64) {
    let command = folder.command();
    let output = Command::new("python3")
        .args(["-c", AT_A_TERMINAL, question, &json!(answers).to_string()])
        .arg(command.get_program())
        .args(command.get_args())
        .args(arguments)
        .current_dir(folder.path(""))
        .env("TERM", "xterm")
        .env_remove("CHANCERY_PASSPHRASE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&crate::harness::succeeded(&output).stdout).unwrap();
    eprintln!("{}", printed["all"]);
    (
        printed["asked"].as_str().unwrap().to_owned(),
        printed["status"].as_i64().unwrap(),
    )
}

const SEAL: &str = "Passphrase to seal the CA keys with";
const PASSPHRASE: &str = "four words and then some";

/// Nothing is drawn over the question while it stands.
#[track_caller]
fn stands(asked: &str, question: &str) {
    let after = asked.rsplit_once(question).unwrap().1;
    assert!(
        !after.contains(['\r', '\n']) && !after.contains("\x1b[2K"),
        "something was drawn over the question: {asked:?}"
    );
}

#[test]
fn a_question_at_the_terminal_stands_until_it_is_answered() {
    if !has("python3") {
        return;
    }
    let folder = Folder::new();
    let (asked, status) = at_a_terminal(&folder, SEAL, &[PASSPHRASE, PASSPHRASE], &["init", "--ask-passphrase"]);
    stands(&asked, SEAL);
    assert_eq!(status, 0);
    let question = "Passphrase of the CA keys";
    let arguments = ["request", "db.example.com", "--out", "db"];
    let (asked, status) = at_a_terminal(&folder, question, &[PASSPHRASE], &arguments);
    stands(&asked, question);
    assert_eq!(status, 0);
}

#[test]
fn an_authority_that_was_not_created_to_the_end_says_so() {
    if !has("python3") {
        return;
    }
    let folder = Folder::new();
    let (_, status) = at_a_terminal(&folder, SEAL, &[], &["init", "--ask-passphrase"]);
    assert_ne!(status, 0, "it was killed");
    for arguments in [
        &["list"][..],
        &["check"],
        &["request", "db.example.com", "--out", "db"],
        &["crl", "status"],
        &["token", "create", "--scope", "issue"],
    ] {
        let printed = folder.complaint(arguments);
        assert!(
            printed.contains("the creation of the authority was not finished: run `chancery --dir")
                && printed.contains("init` again"),
            "{arguments:?}: {printed}"
        );
    }
    let (_, status) = at_a_terminal(&folder, SEAL, &[PASSPHRASE, PASSPHRASE], &["init", "--ask-passphrase"]);
    assert_eq!(status, 0);
    assert!(folder.text(&["check"]).contains("Nothing is wrong."));
}

#[test]
fn check_names_a_configured_ca_that_was_not_created() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let file = folder.data().join("chancery.toml");
    let mut config = std::fs::read_to_string(&file).unwrap();
    config
        .push_str("\n[[ca]]\nname = \"device-ca\"\nparent = \"root-ca\"\n[ca.subject]\ncommon_name = \"Device CA\"\n");
    std::fs::write(&file, config).unwrap();
    folder.text(&["list"]);
    let output = folder.chancery(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("device-ca") && printed.contains("was not created"),
        "{printed}"
    );
}

#[test]
fn choices_for_an_authority_that_exists_already_are_not_ignored_in_silence() {
    let folder = Folder::new();
    std::fs::write(folder.path("own.toml"), "# mine\nmax_cert_lifetime = 100\n").unwrap();
    folder.text(&["init", "--config", "own.toml"]);
    // The same once more is no other choice, nor are comments.
    folder.text(&["init", "--config", "own.toml"]);
    std::fs::write(folder.path("own.toml"), "max_cert_lifetime   =   100").unwrap();
    folder.text(&["init", "--config", "own.toml"]);
    std::fs::write(folder.path("other.toml"), "max_cert_lifetime = 200\n").unwrap();
    let printed = folder.complaint(&["init", "--config", "other.toml"]);
    assert!(
        printed.contains("exists already, and other.toml was not used: it differs from")
            && printed.contains("chancery.toml"),
        "{printed}"
    );
    let printed = folder.complaint(&["init", "--ask-passphrase"]);
    assert!(printed.contains("--ask-passphrase was not used"), "{printed}");
    let printed = folder.complaint(&["init", "--pkcs11-module", "/nonexistent.so", "--pkcs11-token", "one"]);
    assert!(
        printed.contains("--pkcs11-module and --pkcs11-token were not used"),
        "{printed}"
    );
    // A service gives its options at every start, and comes up all the same.
    let server = crate::harness::Server::start(&folder, &["--config", "other.toml"]);
    assert!(
        server
            .warnings
            .iter()
            .any(|warning| warning.contains("other.toml was not used")),
        "{:?}",
        server.warnings
    );
    drop(server);
    let server = crate::harness::Server::start(&folder, &["--config", "own.toml"]);
    assert_eq!(server.warnings, [""; 0]);
}

#[test]
fn a_broken_profile_keeps_nothing_but_its_own_certificates_from_being_issued() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let profiles = folder.data().join("profiles");
    let good = "extended_key_usages = [\"TLS_WEB_CLIENT_AUTHENTICATION\"]\n";
    std::fs::write(profiles.join("own.toml"), good).unwrap();
    folder.text(&["request", "one", "--profile", "own", "--out", "one"]);
    let serial = folder.json(&["list", "one"])["certificates"][0]["serial_number"].clone();

    for slip in [
        &b"max_lifetime = 3\n"[..],
        b"issuing_ca = \"nobody\"\nextended_key_usages = [\"ANY\"]\n",
        b"\xff",
    ] {
        std::fs::write(profiles.join("own.toml"), slip).unwrap();
        folder.text(&["list"]);
        folder.text(&["show", serial.as_str().unwrap()]);
        folder.text(&["crl", "publish"]);
        folder.text(&[
            "request",
            "two",
            "--profile",
            "tls-client",
            "--out",
            "two",
            "--overwrite",
        ]);
        for arguments in [
            &["request", "three", "--profile", "own", "--out", "three"][..],
            &["renew", "one"],
            &["start", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0"],
        ] {
            let printed = folder.complaint(arguments);
            assert!(
                printed.contains("profiles/own.toml cannot be used"),
                "{arguments:?}: {printed}"
            );
        }
        let output = folder.chancery(&["check"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stdout).contains("profiles/own.toml cannot be used"));
    }
    folder.text(&["revoke", serial.as_str().unwrap()]);

    // A broken one in a built-in one's place leaves neither.
    std::fs::write(profiles.join("own.toml"), good).unwrap();
    std::fs::write(profiles.join("tls-client.toml"), "nonsense").unwrap();
    let printed = folder.complaint(&["request", "four", "--profile", "tls-client", "--out", "four"]);
    assert!(printed.contains("profiles/tls-client.toml cannot be used"), "{printed}");
}

#[test]
fn a_server_that_does_not_know_a_new_profile_says_how_it_learns_of_it() {
    let folder = Folder::new();
    let server = folder.start();
    let usages = "extended_key_usages = [\"TLS_WEB_CLIENT_AUTHENTICATION\"]\n";
    std::fs::write(folder.data().join("profiles/new.toml"), usages).unwrap();
    folder.text(&["request", "one", "--profile", "new", "--out", "one"]);
    let answer = server
        .agent()
        .post(format!("{}/api/v1/certificates", server.https))
        .header("authorization", format!("Bearer {}", server.token("issue")))
        .send_json(json!({ "profile": "new", "common_name": "two", "base64_csr_data": csr(&folder) }))
        .unwrap()
        .body_mut()
        .read_json::<serde_json::Value>()
        .unwrap();
    assert_eq!(answer["code"], "unknown_profile");
    let printed = answer["error"].as_str().unwrap();
    assert!(printed.contains("needs the server restarted"), "{printed}");
}

/// Base64 of a CSR of the key in the folder `one`.
fn csr(folder: &Folder) -> String {
    use base64::Engine as _;
    let csr = super::self_renewal::certification_request(&folder.path("one/key.pem"), "one");
    base64::prelude::BASE64_STANDARD.encode(csr)
}

#[test]
fn a_misspelt_field_is_named_in_the_answer() {
    let folder = Folder::new();
    let server = folder.start();
    folder.text(&["request", "one", "--out", "one"]);
    let answer = server
        .agent()
        .post(format!("{}/api/v1/certificates", server.https))
        .header("authorization", format!("Bearer {}", server.token("issue")))
        .send_json(json!({
            "common_name": "one", "profil": "tls-server", "liftime": 3, "passphrase": false, "force_issue": true,
            "base64_csr_data": csr(&folder),
        }))
        .unwrap()
        .body_mut()
        .read_json::<serde_json::Value>()
        .unwrap();
    assert_eq!(
        answer["Warnings"],
        json!([
            "field \"liftime\" is not known and was ignored",
            "field \"profil\" is not known and was ignored"
        ]),
        "{answer}"
    );
}
