//! People's own files and names, at the command: what is taken, what is told, and what verifiers say of the result.

use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_x509::pem;

use crate::harness::{Folder, chancery, has, succeeded, tool};

fn case(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../x509/tests/data/cases");
    folder.join(name).to_str().unwrap().to_owned()
}

fn initialised(config: Option<&str>) -> Folder {
    let folder = Folder::new();
    match config {
        Some(config) => folder.text(&["init", "--config", &case(config)]),
        None => folder.text(&["init"]),
    };
    folder
}

fn issue<'a>(csr: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["issue", "--csr", csr, "--profile", "tls-client"][..], more].concat()
}

#[test]
fn pem_as_people_have_it_is_taken_everywhere_or_told_what_it_is() {
    let folder = initialised(None);
    for file in ["bom.csr", "cr.csr", "spaces.csr", "one-line.csr", "key-and-csr.pem"] {
        let csr = case(&format!("pem/{file}"));
        assert!(folder.text(&issue(&csr, &[])).contains("BEGIN CERTIFICATE"), "{file}");
        assert!(folder.text(&["inspect", &csr]).contains("corp.example"), "{file}");
    }
    for (file, said) in [("utf16le.csr", "UTF-16"), ("bare.b64", "-----BEGIN")] {
        let csr = case(&format!("pem/{file}"));
        let printed = folder.complaint(&issue(&csr, &[]));
        assert!(printed.contains(said), "{file}: {printed}");
    }
    // Chains and CRLs likewise: a byte order mark, carriage returns alone, a key with headers before them.
    folder.text(&["request", "a.example.com", "--out", "a"]);
    let key = "-----BEGIN RSA PRIVATE KEY-----\rProc-Type: 4,ENCRYPTED\r\rAAAA\r-----END RSA PRIVATE KEY-----\r";
    let worn = |from: PathBuf, to: &str| {
        let text = std::fs::read_to_string(from).unwrap();
        std::fs::write(folder.path(to), format!("\u{feff}{key}{}", text.replace('\n', "\r"))).unwrap();
    };
    worn(folder.path("a/chain.pem"), "chain");
    worn(folder.path("a/cert.pem"), "cert");
    worn(folder.public("chancery-issuing-ca.crl.pem"), "crl");
    let printed = folder.json(&["verify", "--chain", "chain", "--crl", "crl", "cert"]);
    assert_eq!(printed["verified"], true, "{printed}");
}

#[test]
fn the_authority_s_root_is_taken_from_such_a_file_too() {
    let folder = initialised(None);
    let server = folder.start();
    let token = server.token("read");
    let root = std::fs::read_to_string(folder.public("chancery-root-ca.crt")).unwrap();
    let der = pem::decode_all(root.as_bytes()).unwrap().remove(0).der;
    std::fs::write(folder.path("ca.pem"), format!("\u{feff}{}", root.replace('\n', "\r"))).unwrap();
    std::fs::write(folder.path("ca.der"), der).unwrap();
    let utf16: Vec<u8> = root.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(folder.path("ca.utf16"), [&[0xff, 0xfe], utf16.as_slice()].concat()).unwrap();
    for (file, taken) in [("ca.pem", true), ("ca.der", true), ("ca.utf16", false)] {
        let output = chancery()
            .env("CHANCERY_TOKEN", &token)
            .args(["--url", &server.https, "--ca"])
            .arg(folder.path(file))
            .arg("list")
            .output()
            .unwrap();
        assert_eq!(output.status.success(), taken, "{file}: {output:?}");
        assert!(
            taken || String::from_utf8_lossy(&output.stderr).contains("UTF-16"),
            "{output:?}"
        );
    }
}

#[test]
fn what_was_left_out_is_told_in_a_note() {
    let folder = initialised(None);
    let csr = case("names/two-names.csr");
    let output = folder.chancery(&["issue", "--csr", &csr, "--profile", "tls-server", "--days", "900"]);
    let printed = String::from_utf8_lossy(&succeeded(&output).stderr).into_owned();
    assert!(
        printed.contains("Note:") && printed.contains("corp.example") && printed.contains("--san-from-csr"),
        "{printed}"
    );
    assert!(printed.contains("900") && printed.contains("365"), "{printed}");
    let taken = folder.json(&[
        "issue",
        "--csr",
        &csr,
        "--profile",
        "tls-server",
        "--force",
        "--san-from-csr",
        "--out",
        "both.pem",
    ]);
    assert!(taken.get("Warnings").is_none(), "{taken}");
    let printed = folder.text(&["inspect", "both.pem"]);
    assert!(
        printed.contains("www.corp.example") && printed.matches("corp.example").count() >= 3,
        "{printed}"
    );
    let router = case("subject/router.csr");
    let printed = folder.json(&issue(&router, &[]));
    assert!(
        printed["Warnings"][0]
            .as_str()
            .unwrap()
            .contains("1.2.840.113549.1.9.8"),
        "{printed}"
    );
    let label = case("names/common-name-label.csr");
    let printed = folder.complaint(&["issue", "--csr", &label, "--profile", "tls-server"]);
    assert!(
        printed.contains("--san") && printed.contains("--san-from-csr"),
        "{printed}"
    );
}

#[test]
fn a_certificate_without_a_common_name_is_shown_listed_and_revoked() {
    let folder = initialised(None);
    for file in ["names/no-subject.csr", "names/long.csr"] {
        for profile in [&["--profile", "tls-client"][..], &[]] {
            let csr = case(file);
            let printed = folder.complaint(&[&["issue", "--csr", &csr][..], profile].concat());
            assert!(
                printed.contains("--common-name") && printed.contains("--no-common-name"),
                "{file}: {printed}"
            );
        }
    }
    let csr = case("names/no-subject.csr");
    let answer = folder.json(&issue(
        &csr,
        &[
            "--no-common-name",
            "--san",
            "dns:nosubject.corp.example",
            "--out",
            "a.pem",
        ],
    ));
    assert_eq!(answer["Subject"], "");
    if has("openssl") {
        let text = tool(
            "openssl",
            &["x509", "-in", "a.pem", "-noout", "-text"],
            &folder.path(""),
        );
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains("X509v3 Subject Alternative Name: critical"), "{text}");
    }
    let listed = folder.json(&["list", "nosubject.corp.example"]);
    let serial = listed["certificates"][0]["serial_number"].as_str().unwrap().to_owned();
    assert!(folder.text(&["show", &serial]).contains("BEGIN CERTIFICATE"));
    let revoked = folder.json(&["revoke", &serial, "--reason", "superseded"]);
    assert_eq!(revoked["certificate"]["revocation"]["reason"], "superseded");

    let long = format!("{}corp.example", "a-long-label.".repeat(6));
    let printed = folder.complaint(&["request", &long, "--out", "long"]);
    assert!(printed.contains("--no-common-name"), "{printed}");
    folder.text(&["request", &long, "--no-common-name", "--out", "long"]);
    let printed = folder.text(&["inspect", "long/cert.pem"]);
    assert!(printed.contains(&long), "{printed}");
}

#[test]
fn names_say_what_a_request_is_for_unless_somebody_does() {
    let folder = initialised(None);
    for (out, names, profile) in [
        ("a", &["www.example.com"][..], "tls-server"),
        ("b", &["10.0.0.7"], "tls-server"),
        ("c", &["*.example.com"], "tls-server"),
        ("d", &["Ada Lovelace"], "tls-client"),
        ("e", &["ada@example.com"], "tls-client"),
        ("f", &["worker-1"], "tls-client"),
    ] {
        let printed = folder.text(&[&["request", "--out", out][..], names].concat());
        assert!(
            printed.contains(&format!("Profile {profile}")) && printed.contains("--profile"),
            "{names:?}: {printed}"
        );
        let recorded = folder.json(&["list", names[0]]);
        assert_eq!(recorded["certificates"][0]["profile"], profile, "{names:?}");
    }
    let printed = folder.text(&["request", "x.example.com", "--purpose", "client_auth", "--out", "x"]);
    assert!(!printed.contains("Profile "), "somebody said what for: {printed}");

    // All names become alternative names, the first too.
    folder.text(&[
        "request",
        "srv01",
        "srv01.corp.example",
        "--profile",
        "tls-server",
        "--out",
        "srv",
    ]);
    let printed = folder.text(&["inspect", "srv/cert.pem"]);
    assert!(
        printed.contains("DNS") && printed.contains("srv01.corp.example"),
        "{printed}"
    );
    let names = printed.split("lternative").nth(1).unwrap();
    assert!(
        names.contains("srv01\n") || names.contains("srv01,") || names.contains("srv01 "),
        "{printed}"
    );
}

#[test]
fn a_name_that_is_refused_is_told_what_is_wrong_and_no_option_is_blamed() {
    let folder = initialised(None);
    for (name, said) in [
        ("my_host.corp.example", "underscore"),
        ("www.corp.example.", "ends with a dot"),
        ("[2001:db8::7]", "brackets"),
        ("::ffff:10.1.1.1", "mapped"),
        ("*.com", "public suffix"),
    ] {
        let printed = folder.complaint(&["request", name, "--profile", "tls-server", "--out", "x"]);
        assert!(
            printed.contains(said) && !printed.contains("--san "),
            "{name}: {printed}"
        );
        assert!(!folder.path("x").exists(), "{name}");
    }
    let printed = folder.complaint(&["request", "a.example.com", "--san", "dns:a_b.example", "--out", "x"]);
    assert!(printed.contains("--san") && printed.contains("underscore"), "{printed}");
}

/// Nobody who meant a server gets a client's certificate for a slip in its address.
#[test]
fn a_slip_in_a_server_s_address_is_no_client() {
    let folder = initialised(None);
    for (name, said) in [
        ("https://www.example.com/login", r#"give "www.example.com""#),
        ("http://10.0.0.7:8080", r#"give "10.0.0.7""#),
        ("www.example.com:443", r#"give "www.example.com""#),
        ("www.example.com/login", r#"give "www.example.com""#),
        ("https://u@www.example.com:/", r#"give "www.example.com""#),
        ("https://[2001:db8::7]/", r#"give "2001:db8::7""#),
        ("myserver:443", r#"give "myserver""#),
        ("https://", "is the address of a page"),
        ("10.0.0.999", "no IPv4 address"),
    ] {
        let printed = folder.complaint(&["request", name, "--out", "x"]);
        assert!(
            printed.contains(said) && printed.contains("--profile"),
            "{name}: {printed}"
        );
        assert!(!folder.path("x").exists(), "{name}");
    }
    folder.text(&["request", "10.0.0.999", "--profile", "tls-client", "--out", "x"]);
    // These are somebody's, or something's.
    for (out, names) in [("a", &["4711.12"][..]), ("b", &["alice", "https://alice.example/id"])] {
        let printed = folder.text(&[&["request", "--out", out][..], names].concat());
        assert!(printed.contains("Profile tls-client"), "{names:?}: {printed}");
    }
}

/// Whatever a CA under constraints issues, OpenSSL, GnuTLS and Java accept.
#[test]
fn what_is_issued_under_name_constraints_verifiers_accept() {
    let folder = initialised(Some("name-constraints/permitted.toml"));
    for (name, profile) in [
        ("10.0.0.7", "tls-server"),
        ("worker-1", "tls-client"),
        ("meter-2.1", "tls-client"),
        ("www.example.org", "tls-server"),
    ] {
        let printed = folder.complaint(&["request", name, "--profile", profile, "--out", "refused"]);
        assert!(
            printed.contains("name constraints") && printed.contains("example.com"),
            "{name}: {printed}"
        );
    }
    let mut issued = Vec::new();
    for (out, arguments) in [
        ("person", &["Jane Doe", "--profile", "tls-client"][..]),
        ("server", &["www.example.com", "--profile", "tls-server"]),
        ("address", &["10.0.0.7", "--profile", "tls-server", "--no-common-name"]),
        ("beside", &["worker-1", "a.example.com", "--profile", "tls-client"]),
    ] {
        let output = folder.chancery(&[&["request", "--out", out][..], arguments].concat());
        if out == "beside" {
            // The label is a name of its own, and outside.
            assert!(!output.status.success());
            continue;
        }
        succeeded(&output);
        issued.push(folder.path(out).join("cert.pem"));
    }
    let root = folder.public("chancery-root-ca.crt");
    for leaf in &issued {
        let chain = leaf.with_file_name("chain.pem");
        if has("openssl") {
            let output = Command::new("openssl")
                .args(["verify", "-x509_strict", "-CAfile"])
                .arg(&root)
                .arg("-untrusted")
                .arg(&chain)
                .arg(leaf)
                .output()
                .unwrap();
            assert!(output.status.success(), "openssl: {output:?}");
        }
        let whole = folder.path("whole.pem");
        let [own, above] = [leaf, &chain].map(|file| std::fs::read(file).unwrap());
        std::fs::write(&whole, [own, above].concat()).unwrap();
        if has("certtool") {
            let output = Command::new("certtool")
                .args(["--verify", "--load-ca-certificate"])
                .arg(&root)
                .arg("--infile")
                .arg(&whole)
                .output()
                .unwrap();
            assert!(output.status.success(), "certtool: {output:?}");
        }
        if has("java") && has("javac") {
            let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/judges/Verify.java");
            let output = Command::new("java").arg(judge).arg(&root).arg(&whole).output().unwrap();
            assert!(output.status.success(), "java: {output:?}");
        }
    }
}

#[test]
fn a_file_that_never_ends_is_told_so() {
    let folder = initialised(None);
    let on_the_folder: [&[&str]; 2] = [
        &["issue", "--csr", "/dev/zero", "--profile", "tls-client"],
        &["verify", "--chain", "/dev/zero", "/dev/zero"],
    ];
    let against_a_server: [&[&str]; 2] = [&["--token-file", "/dev/zero", "list"], &["--ca", "/dev/zero", "list"]];
    let outputs = on_the_folder
        .map(|command| folder.chancery(command))
        .into_iter()
        .chain(against_a_server.map(|command| {
            let mut server = chancery();
            server
                .args(["--url", "https://127.0.0.1:9"])
                .args(command)
                .output()
                .unwrap()
        }));
    for output in outputs {
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && printed.contains("is longer than"),
            "{printed}"
        );
    }
}

#[test]
fn json_that_nobody_reads_to_its_end_is_no_failure() {
    let folder = initialised(None);
    let mut child = folder.command();
    child.args(["--json", "list"]);
    child
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = child.spawn().unwrap();
    // Gone before anything is written.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.is_empty(), "{printed}");
}

#[test]
fn check_tells_of_a_revoked_ca() {
    let folder = initialised(None);
    assert!(folder.text(&["check"]).contains("Nothing is wrong"));
    let pem = std::fs::read(folder.public("chancery-issuing-ca.crt")).unwrap();
    let ca = chancery_x509::certificate::Certificate::parse(&pem).unwrap();
    folder.text(&["revoke", &ca.serial().to_string()]);
    let output = folder.chancery(&["check"]);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        !output.status.success() && printed.contains("nothing is issued under it"),
        "{printed}"
    );
}
