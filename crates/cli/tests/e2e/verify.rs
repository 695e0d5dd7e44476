//! Whom `verify` trusts: a root that is given, that of the authority at hand, or one that it names.

use std::process::Output;

use crate::harness::{Folder, chancery, succeeded, tool};

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
    let printed = text(&ours.chancery(&["verify", "--chain", &chain, &cert]));
    assert!(
        printed.contains("Not verified") && printed.contains("by another CA of the same name"),
        "{printed}"
    );
    let printed = ours.json(&["verify", "--root", &root, "--chain", &chain, &cert]);
    assert_eq!(printed["verified"], true);
    assert_eq!(printed["root"]["from"], "given with --root");
    let printed = theirs.text(&["verify", "--chain", &chain, &cert]);
    assert!(printed.contains("of the authority in"), "{printed}");
    // With neither, the chain's own is taken, and which one is said.
    let alone = alone(&ours, &["verify", "--chain", &chain, &cert]);
    let printed = text(succeeded(&alone));
    let openssl = tool(
        "openssl",
        &["x509", "-in", &root, "-noout", "-fingerprint", "-sha256"],
        &ours.path(""),
    );
    let fingerprint = String::from_utf8(openssl).unwrap();
    let fingerprint = fingerprint.trim().rsplit('=').next().unwrap().to_owned();
    assert!(
        printed.contains(&fingerprint) && printed.contains("--root names one of yours"),
        "{printed}"
    );
}

#[test]
fn what_only_looks_like_a_root_is_no_trust_anchor() {
    let folder = with_certificate("www.example.com");
    for file in ["cert/cert.pem", "data/public/chancery-issuing-ca.crt"] {
        let printed = folder.complaint(&["verify", "--root", file, "--chain", "cert/chain.pem", "cert/cert.pem"]);
        assert!(printed.contains("is no root to be trusted"), "{file}: {printed}");
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
        let (verified, printed) = verify(name);
        assert!(verified, "{name}: {printed}");
    }
    for name in ["buero.example", "2001:db8::8"] {
        let (verified, printed) = verify(name);
        assert!(!verified && printed.contains("not for that name"), "{name}: {printed}");
    }
    let (verified, printed) = verify("a b");
    assert!(!verified && printed.contains("--name"), "{printed}");
}

#[test]
fn of_several_crls_the_newest_counts_in_whatever_order_they_are_given() {
    let folder = with_certificate("www.example.com");
    let crl = folder.public("chancery-issuing-ca.crl");
    let crl = crl.to_str().unwrap();
    folder.text(&["crl", "publish"]);
    std::fs::copy(crl, folder.path("old.crl")).unwrap();
    let listed = folder.json(&["list"]);
    let serial = listed["certificates"][0]["serial_number"].as_str().unwrap();
    folder.text(&["revoke", serial]);
    let verify = |crls: &[&str]| {
        let mut arguments = vec!["verify", "--chain", "cert/chain.pem"];
        arguments.extend(crls.iter().flat_map(|crl| ["--crl", *crl]));
        arguments.push("cert/cert.pem");
        text(&folder.chancery(&arguments))
    };
    let printed = verify(&["old.crl"]);
    assert!(printed.contains("not revoked"), "{printed}");
    // Of one second, perhaps: then their numbers tell.
    for crls in [["old.crl", crl], [crl, "old.crl"]] {
        let printed = verify(&crls);
        let which = format!("CN=www.example.com, serial number {serial}, is revoked");
        assert!(printed.contains(&which), "{crls:?}: {printed}");
    }
}

/// The CA above is what is revoked, and the end-entity certificate is not listed anywhere.
#[test]
fn a_revoked_ca_in_the_chain_is_named() {
    let folder = with_certificate("www.example.com");
    let issuing = folder.json(&["ca", "list"])["cas"][1].clone();
    let serial = issuing["certificates"][0]["serial_number"].as_str().unwrap().to_owned();
    folder.text(&["revoke", &serial, "--reason", "cessationOfOperation"]);
    let crls = ["chancery-root-ca.crl", "chancery-issuing-ca.crl"].map(|name| folder.public(name));
    let [root, issuing] = crls.each_ref().map(|crl| crl.to_str().unwrap());
    let output = folder.chancery(&[
        "verify",
        "--chain",
        "cert/chain.pem",
        "--crl",
        root,
        "--crl",
        issuing,
        "cert/cert.pem",
    ]);
    let printed = text(&output);
    assert!(!output.status.success(), "{printed}");
    assert!(
        printed.contains(&format!("serial number {serial}, is revoked")) && !printed.contains("www.example.com"),
        "{printed}"
    );
}

/// A CA that OpenSSL runs, which does what it is told.
struct Foreign {
    folder: Folder,
}

const FOREIGN_CA: &str = "[ca]
default_ca = d
[d]
database = index.txt
crlnumber = crlnumber
serial = serial
new_certs_dir = .
policy = p
default_md = sha256
default_crl_days = 30
crl_extensions = e
[e]
authorityKeyIdentifier = keyid
[p]
commonName = supplied
";

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

impl Foreign {
    /// With a root that has that path length, and those extensions, besides.
    fn new(root: &str) -> Self {
        let made = Self { folder: Folder::new() };
        made.write("ca.cnf", FOREIGN_CA);
        made.write("index.txt", "");
        made.write("none.cnf", "");
        made.openssl(&format!(
            "req -x509 {KEY} -config none.cnf -days 30 -subj /CN=Root -keyout ca.key -out ca.pem \
             -addext keyUsage=critical,keyCertSign,cRLSign -addext basicConstraints=critical,CA:TRUE{root}"
        ));
        made
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path(name), text).unwrap();
    }

    fn openssl(&self, arguments: &str) {
        let arguments: Vec<&str> = arguments.split(' ').filter(|argument| !argument.is_empty()).collect();
        tool("openssl", &arguments, &self.folder.path(""));
    }

    /// `NAME.pem`, by the CA in `BY.pem`, with those extensions.
    fn issue(&self, name: &str, by: &str, extensions: &str) {
        self.write("extensions.cnf", extensions);
        self.openssl(&format!(
            "req -new {KEY} -subj /CN={name} -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {by}.pem -CAkey {by}.key -CAcreateserial -days 20 -extfile extensions.cnf -out {name}.pem"
        ));
    }

    fn crl(&self, number: &str, more: &str, out: &str) {
        self.write("crlnumber", &format!("{number}\n"));
        self.openssl(&format!(
            "ca -config ca.cnf -keyfile ca.key -cert ca.pem -gencrl {more} -out {out}"
        ));
    }

    fn verify(&self, arguments: &str) -> (bool, String) {
        let mut all = vec!["verify", "--root", "ca.pem"];
        all.extend(arguments.split(' '));
        let output = self.folder.chancery(&all);
        (output.status.success(), text(&output))
    }
}

const LEAF: &str = "subjectAltName = DNS:leaf.example.com\n";

#[test]
fn a_crl_of_a_clock_that_was_ahead_does_not_pass_for_the_newest() {
    let ca = Foreign::new("");
    ca.issue("leaf", "ca", LEAF);
    let ahead = "-crl_lastupdate 20480101000000Z -crl_nextupdate 20480201000000Z";
    ca.crl("14", ahead, "ahead.crl");
    // Ahead by what has passed since: nothing but its number tells that it is the older one.
    ca.crl(
        "15",
        "-crl_lastupdate 20260101000000Z -crl_nextupdate 20480201000000Z",
        "was-ahead.crl",
    );
    ca.openssl("ca -config ca.cnf -keyfile ca.key -cert ca.pem -revoke leaf.pem");
    ca.crl(
        "16",
        "-crl_lastupdate 20250101000000Z -crl_nextupdate 20480201000000Z",
        "right.crl",
    );
    for crls in [
        "--crl ahead.crl --crl right.crl",
        "--crl right.crl --crl ahead.crl",
        "--crl was-ahead.crl --crl right.crl",
        "--crl right.crl --crl was-ahead.crl",
    ] {
        let (verified, printed) = ca.verify(&format!("{crls} leaf.pem"));
        assert!(!verified && printed.contains("is revoked"), "{crls}: {printed}");
        assert_eq!(
            printed.contains("begins only at 2048"),
            crls.contains(" ahead.crl"),
            "{crls}: {printed}"
        );
    }
    let (verified, printed) = ca.verify("--crl ahead.crl leaf.pem");
    assert!(!verified && printed.contains("none of the CRLs covers it"), "{printed}");
}

#[test]
fn a_crl_of_another_distribution_point_says_nothing() {
    let ca = Foreign::new("");
    ca.issue("leaf", "ca", LEAF);
    ca.issue(
        "named",
        "ca",
        &format!("{LEAF}crlDistributionPoints = URI:http://pki.example.com/0.crl\n"),
    );
    let of_a_shard = FOREIGN_CA.replace("[e]\n", "[e]\nissuingDistributionPoint = critical,@point\n");
    ca.write(
        "ca.cnf",
        &format!("{of_a_shard}[point]\nfullname = URI:http://pki.example.com/0.crl\n"),
    );
    ca.crl("01", "", "shard.crl");
    let (verified, printed) = ca.verify("--crl shard.crl leaf.pem");
    assert!(!verified && printed.contains("none of the CRLs covers it"), "{printed}");
    let (verified, printed) = ca.verify("--crl shard.crl named.pem");
    assert!(verified && printed.contains("not revoked"), "{printed}");
}

#[test]
fn what_rfc_5280_asks_of_a_path_is_asked() {
    let intermediate = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n";
    let cases = [
        ("", intermediate, ""),
        (
            "",
            "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,digitalSignature\n",
            "lacks keyCertSign",
        ),
        (",pathlen:0", intermediate, "path length"),
        (
            " -addext 1.2.3.4=critical,DER:0500",
            intermediate,
            "critical extension 1.2.3.4",
        ),
    ];
    for (root, extensions, wrong) in cases {
        let ca = Foreign::new(root);
        ca.issue("intermediate", "ca", extensions);
        ca.issue("leaf", "intermediate", LEAF);
        let (verified, printed) = ca.verify("--chain intermediate.pem leaf.pem");
        assert_eq!(verified, wrong.is_empty(), "{root}, {extensions}: {printed}");
        assert!(printed.contains(wrong), "{root}, {extensions}: {printed}");
    }
    let ca = Foreign::new("");
    ca.issue("leaf", "ca", LEAF);
    ca.write("extensions.cnf", intermediate);
    ca.openssl("req -new -key ca.key -subj /CN=Root -out ca.csr");
    ca.openssl(
        "ca -config ca.cnf -selfsign -create_serial -batch -notext -keyfile ca.key -in ca.csr -extfile extensions.cnf \
         -startdate 20200101000000Z -enddate 20210101000000Z -out ca.pem",
    );
    let (verified, printed) = ca.verify("leaf.pem");
    assert!(
        !verified && printed.contains("the root ended at 2021-01-01"),
        "{printed}"
    );
}
