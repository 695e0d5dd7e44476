//! The API as programs meet it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::client::Client;
use crate::harness::{Folder, has, tool};

fn csr(folder: &Folder, name: &str) -> String {
    let subject = format!("/CN={name}/O=Acme, Inc.");
    let arguments = [
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "k.pem",
        "-subj",
        &subject,
    ];
    BASE64_STANDARD.encode(tool("openssl", &arguments, &folder.path("")))
}

fn pem(answer: &Value, field: &str) -> String {
    String::from_utf8(BASE64_STANDARD.decode(answer[field].as_str().unwrap()).unwrap()).unwrap()
}

/// What was left out is told to the caller and in the log, one text each.
fn assert_told(answer: &Value, folder: &Folder, left_out: [&str; 2]) {
    let warnings = answer["Warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), left_out.len(), "{warnings:?}");
    let log = folder.printed();
    for (warning, of) in warnings.iter().zip(left_out) {
        assert!(warning.as_str().unwrap().contains(of), "{warnings:?}");
        assert!(log.contains(of), "{log}");
    }
}

#[test]
fn the_contract_request_gets_the_contract_answer() {
    if !has("openssl") {
        return;
    }
    let folder = Folder::new();
    let server = folder.start();
    let client = Client::new(&server, "issue");
    let request = json!({
        "common_name": "www.example.com", "lifetime": 7, "purposes": ["server_auth", "client_auth", "time_travel"],
        "sans": [{"type": "DNS_NAME", "value": "www.example.com"}, {"type": "IP_ADDRESS", "value": "192.0.2.7"}, "not a name"],
        "locality": "Oslo", "base64_csr_data": csr(&folder, "www.example.com"), "passphrase": true,
    });
    let (status, answer) = client.post("/certificates", &request);
    assert_eq!(status, 200, "{answer:#}");
    let mut keys: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = [
        "Base64CaChain",
        "Base64Certificate",
        "Base64IssuingCaCertificate",
        "Base64RootCaCertificate",
        "CertificateInfo",
        "Subject",
        "Warnings",
    ];
    assert_eq!(keys, expected);
    assert_told(&answer, &folder, ["time_travel", "not a name"]);
    assert_eq!(answer["CertificateInfo"]["CommonName"], "www.example.com");
    assert_eq!(answer["Subject"], "O=Acme\\, Inc.,L=Oslo,CN=www.example.com");
    let chain = format!(
        "{}\n{}",
        pem(&answer, "Base64IssuingCaCertificate").trim(),
        pem(&answer, "Base64RootCaCertificate").trim()
    );
    assert_eq!(pem(&answer, "Base64CaChain"), chain);

    // The same key again: refused, unless forced; under another name than the CSR's: refused in any case.
    let (status, refused) = client.post("/certificates", &request);
    assert_eq!(
        (status, refused["error"].as_str()),
        (409, Some("Private key has already been used for a certificate"))
    );
    let mut forced = request.clone();
    forced["force_issue"] = json!(true);
    assert_eq!(client.post("/certificates", &forced).0, 200);
    forced["common_name"] = json!("other.example.com");
    let (status, refused) = client.post("/certificates", &forced);
    assert_eq!((status, refused["code"].as_str()), (422, Some("other_common_name")));

    // A repeated request with its token: the same certificate.
    let once = json!({"common_name": "once.example.com", "base64_csr_data": csr(&folder, "once.example.com"), "cert_bundle": true});
    let token = [("idempotency-key", "once-1")];
    let (first, second) = (
        client.post_with("/certificates", &once, &token),
        client.post_with("/certificates", &once, &token),
    );
    assert_eq!((first.0, &first.1), (200, &second.1));
    assert_eq!(
        pem(&first.1, "Base64Certificate").matches("BEGIN CERTIFICATE").count(),
        3
    );

    let (status, chain_only) = client.post("/certificates", &json!({"ca_chain_only": true}));
    assert_eq!((status, chain_only.as_object().unwrap().len()), (200, 3));

    // Find, page by page; show; a token without the scope cannot revoke; one with it can.
    let (_, page) = client.get("/certificates?common_name=*&limit=2");
    assert_eq!(page["certificates"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    assert_eq!(
        client
            .get(&format!("/certificates?common_name=*&limit=2&after={next}"))
            .0,
        200
    );
    let (status, problem) = client.get("/certificates?after=garbled");
    assert_eq!((status, problem["code"].as_str()), (400, Some("bad_request")));
    let printed = problem["error"].as_str().unwrap();
    assert!(printed.contains("garbled") && printed.contains("next"), "{printed}");
    let serial = answer["CertificateInfo"]["SerialNumber"].as_str().unwrap();
    assert_eq!(client.get(&format!("/certificates/{serial}")).1["profile"], "tls");
    let revoke = format!("/certificates/{serial}/revoke");
    assert_eq!(client.post(&revoke, &json!({"reason": "superseded"})).0, 403);
    let revoker = Client::new(&server, "revoke");
    let (status, revoked) = revoker.post(&revoke, &json!({"reason": "superseded"}));
    assert_eq!(
        (status, revoked["certificate"]["status"].as_str()),
        (200, Some("revoked"))
    );
    let crl = server
        .agent()
        .get(format!("{}/chancery-issuing-ca.crl", server.http))
        .call()
        .unwrap();
    assert_eq!(crl.headers()["content-type"], "application/pkix-crl");
    assert!(server.stop().success());
}

#[test]
fn who_has_no_token_gets_nothing() {
    let folder = Folder::new();
    let server = folder.start();
    let agent = server.agent();
    let v1 = format!("{}/api/v1", server.https);
    for path in ["/certificates", "/certificates/1", "/crls"] {
        let response = agent.get(format!("{v1}{path}")).call().unwrap();
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
    let forged = agent
        .post(format!("{v1}/certificates"))
        .header("authorization", "Bearer chy_forged_token")
        .send_json(json!({}))
        .unwrap();
    assert_eq!(forged.status(), 401);
    assert_eq!(
        agent
            .post(format!("{v1}/certificates/1/renew"))
            .send_json(json!({}))
            .unwrap()
            .status(),
        401
    );
    for path in ["/health", "/authorities", "/metrics", "/openapi.json"] {
        assert_eq!(agent.get(format!("{v1}{path}")).call().unwrap().status(), 200, "{path}");
    }
    // Revoked tokens end at once.
    let token = folder.json(&["token", "create", "--scope", "read", "--name", "ci"]);
    let get = |text: &str| {
        agent
            .get(format!("{v1}/certificates"))
            .header("authorization", format!("Bearer {text}"))
            .call()
            .unwrap()
            .status()
    };
    assert_eq!(get(token["token"].as_str().unwrap()), 200);
    folder.text(&["token", "revoke", token["id"].as_str().unwrap()]);
    let ended = (0..50).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        get(token["token"].as_str().unwrap()) == 401
    });
    assert!(ended, "a revoked token is still taken after ten seconds");
    // What is at rest cannot be used.
    let database = std::fs::read(folder.data().join("ledger.sqlite3")).unwrap();
    let secret = token["token"].as_str().unwrap().rsplit('_').next().unwrap();
    assert!(!database.windows(secret.len()).any(|window| window == secret.as_bytes()));
}

#[test]
fn published_files_answer_conditions_and_ranges() {
    let folder = Folder::new();
    let server = folder.start();
    let agent = server.agent();
    let url = format!("{}/chancery-root-ca.crl", server.http);
    let mut whole = agent.get(&url).call().unwrap();
    let octets = whole.body_mut().read_to_vec().unwrap();
    assert_eq!(octets, std::fs::read(folder.public("chancery-root-ca.crl")).unwrap());
    let header = |name: &str| whole.headers()[name].to_str().unwrap().to_owned();
    assert!(header("cache-control").contains("max-age"));
    let (etag, modified) = (header("etag"), header("last-modified"));
    assert_eq!(
        agent.get(&url).header("if-none-match", &etag).call().unwrap().status(),
        304
    );
    assert_eq!(
        agent
            .get(&url)
            .header("if-modified-since", &modified)
            .call()
            .unwrap()
            .status(),
        304
    );
    let mut part = agent.get(&url).header("range", "bytes=0-9").call().unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 0-9/{}", octets.len()));
    assert_eq!(part.body_mut().read_to_vec().unwrap(), octets[..10]);
    assert_eq!(
        agent
            .get(&url)
            .header("range", "bytes=99999999-")
            .call()
            .unwrap()
            .status(),
        416
    );
    let head = agent.head(&url).call().unwrap();
    assert_eq!(head.headers()["content-length"], octets.len().to_string());
    for (file, kind) in [
        ("chancery-root-ca.crt", "application/x-pem-file"),
        ("chancery-ca-bundle.pem", "application/x-pem-file"),
        ("chancery-issuing-ca.crl.pem", "application/x-pem-file"),
    ] {
        let response = agent.get(format!("{}/{file}", server.http)).call().unwrap();
        assert_eq!(
            (
                response.status().as_u16(),
                response.headers()["content-type"].to_str().unwrap()
            ),
            (200, kind),
            "{file}"
        );
    }
    for path in [
        "/chancery.toml",
        "/ledger.sqlite3",
        "/..%2fledger.sqlite3",
        "/.etags",
        "/api/v1/certificates",
    ] {
        assert_eq!(
            agent.get(format!("{}{path}", server.http)).call().unwrap().status(),
            404,
            "{path}"
        );
    }
}

#[test]
fn the_committed_openapi_document_is_the_served_one() {
    let folder = Folder::new();
    let server = folder.start();
    let served = server
        .agent()
        .get(format!("{}/api/v1/openapi.json", server.https))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let committed = std::fs::read_to_string(committed).unwrap_or_default();
    assert!(
        served == committed,
        "docs/openapi.json is out of date: run `cargo xtask openapi`"
    );
}
