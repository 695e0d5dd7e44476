//! Whom `verify` trusts: a root that is given, that of the authority at hand, or one that it names.

use std::process::Output;

use crate::house::{Folder, chancery, succeeded};

fn with_certificate(name: &str) -> Folder {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", name, "--profile", "tls-server", "--out", "cert"]);
    folder
}

/// Away from every authority.
fn alone(folder: &Folder, arguments: &[&str]) -> Output {
    chancery()
        .env("XDG_DATA_HOME", folder.path("nothing"))
        .current_dir(folder.path(""))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn another_authority_s_chain_of_the_same_names_is_not_trusted() {
    let (ours, theirs) = (with_certificate("www.example.com"), with_certificate("www.example.com"));
    let file = |name: &str| theirs.path("cert").join(name).display().to_string();
    let (chain, cert) = (file("chain.pem"), file("cert.pem"));
    let root = theirs.public("chancery-root-ca.crt").display().to_string();
    let told = text(&ours.chancery(&["verify", "--chain", &chain, &cert]));
    assert!(
        told.contains("Not verified") && told.contains("by another CA of the same name"),
        "{told}"
    );
    let told = ours.json(&["verify", "--root", &root, "--chain", &chain, &cert]);
    assert_eq!(told["verified"], true);
    assert_eq!(told["root"]["from"], "given with --root");
    let told = theirs.text(&["verify", "--chain", &chain, &cert]);
    assert!(told.contains("of the authority in"), "{told}");
    // With neither, the chain's own is taken, and which one is said.
    let alone = alone(&ours, &["verify", "--chain", &chain, &cert]);
    let told = text(succeeded(&alone));
    let printed = crate::house::tool(
        "openssl",
        &["x509", "-in", &root, "-noout", "-fingerprint", "-sha256"],
        &ours.path(""),
    );
    let fingerprint = String::from_utf8(printed).unwrap();
    let fingerprint = fingerprint.trim().rsplit('=').next().unwrap().to_owned();
    assert!(
        told.contains(&fingerprint) && told.contains("--root names one of yours"),
        "{told}"
    );
}

#[test]
fn what_only_looks_like_a_root_is_no_trust_anchor() {
    let folder = with_certificate("www.example.com");
    for file in ["cert/cert.pem", "data/public/chancery-issuing-ca.crt"] {
        let told = folder.complaint(&["verify", "--root", file, "--chain", "cert/chain.pem", "cert/cert.pem"]);
        assert!(told.contains("is no root to be trusted"), "{file}: {told}");
    }
    let output = alone(
        &folder,
        &[
            "verify",
            "--chain",
            "data/public/chancery-issuing-ca.crt",
            "cert/cert.pem",
        ],
    );
    assert!(!output.status.success());
    assert!(text(&output).contains("there is no root to trust"), "{}", text(&output));
}

#[test]
fn names_are_taken_as_request_takes_them() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&[
        "request",
        "www.example.com",
        "--profile",
        "tls-server",
        "--san",
        "dns:büro.example",
        "--san",
        "ip:2001:db8::7",
        "--out",
        "cert",
    ]);
    let verify = |name: &str| {
        let output = folder.chancery(&["verify", "--chain", "cert/chain.pem", "--name", name, "cert/cert.pem"]);
        (output.status.success(), text(&output))
    };
    for name in [
        "büro.example",
        "dns:BÜRO.example",
        "xn--bro-hoa.example",
        "2001:db8::7",
        "ip:2001:db8:0::7",
    ] {
        let (verified, told) = verify(name);
        assert!(verified, "{name}: {told}");
    }
    for name in ["buero.example", "2001:db8::8"] {
        let (verified, told) = verify(name);
        assert!(!verified && told.contains("not for that name"), "{name}: {told}");
    }
    let (verified, told) = verify("a b");
    assert!(!verified && told.contains("--name"), "{told}");
}

#[test]
fn of_several_crls_the_newest_counts_in_whatever_order_they_are_given() {
    let folder = with_certificate("www.example.com");
    let crl = folder.public("chancery-issuing-ca.crl");
    let crl = crl.to_str().unwrap();
    folder.text(&["crl", "publish"]);
    std::fs::copy(crl, folder.path("old.crl")).unwrap();
    let listed = folder.json(&["list"]);
    folder.text(&["revoke", listed["certificates"][0]["serial_number"].as_str().unwrap()]);
    let verify = |crls: &[&str]| {
        let mut arguments = vec!["verify", "--chain", "cert/chain.pem"];
        arguments.extend(crls.iter().flat_map(|crl| ["--crl", *crl]));
        arguments.push("cert/cert.pem");
        text(&folder.chancery(&arguments))
    };
    let told = verify(&["old.crl"]);
    assert!(told.contains("not revoked"), "{told}");
    // Of one second, perhaps: then their numbers tell.
    for crls in [["old.crl", crl], [crl, "old.crl"]] {
        let told = verify(&crls);
        assert!(told.contains("is revoked"), "{crls:?}: {told}");
    }
}
