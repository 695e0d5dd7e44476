//! Certificates that renew themselves: a client shows its own, and gets its successor and nothing else.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_local::keys::client::ClientKey;
use chancery_x509::name::Subject;

use crate::harness::{Folder, Server};

/// An authority whose certificates' holders may renew them from the first day on.
fn renewable_at_any_time() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.path("chancery.toml"), "renewal_window_divisor = 1").unwrap();
    folder.text(&["init", "--config", "chancery.toml"]);
    folder
}

#[test]
fn a_client_certificate_renews_itself_and_nothing_else() {
    let folder = renewable_at_any_time();
    let authority = folder.start();
    folder.text(&["request", "device-1", "--profile", "device", "--out", "device"]);
    folder.text(&["request", "device-2", "--profile", "device", "--out", "other"]);
    let root = folder.public("chancery-root-ca.crt");
    let remote = ["--url", &authority.https, "--ca", root.to_str().unwrap()];
    let renew = |device: &str| {
        let mut command = crate::harness::chancery();
        command
            .current_dir(folder.path(""))
            .args(remote)
            .args(["renew", device])
            .output()
            .unwrap()
    };
    crate::harness::succeeded(&renew("device"));
    assert_eq!(
        folder.json(&["list", "device-1"])["certificates"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    // The other's certificate with this one's key proves nothing.
    std::fs::copy(folder.path("device/key.pem"), folder.path("other/key.pem")).unwrap();
    assert!(!renew("other").status.success());
}

/// Lesson 14: whoever sends a token is judged by that token alone, however good the certificate beside it.
#[test]
fn a_bad_token_is_refused_beside_a_good_client_certificate() {
    let folder = renewable_at_any_time();
    let authority = folder.start();
    folder.text(&["request", "device-1", "--profile", "device", "--out", "device"]);
    let weak = authority.token("read");
    let root = folder.public("chancery-root-ca.crt");
    let renew = |token: Option<&str>| {
        let mut command = crate::harness::chancery();
        if let Some(token) = token {
            command.env("CHANCERY_TOKEN", token);
        }
        command
            .current_dir(folder.path(""))
            .args([
                "--url",
                &authority.https,
                "--ca",
                root.to_str().unwrap(),
                "renew",
                "device",
            ])
            .output()
            .unwrap()
    };
    let (unknown, altered) = ("no token at all", format!("{weak}x"));
    for (token, status) in [
        (unknown, "(401)"),
        (altered.as_str(), "(401)"),
        (weak.as_str(), "(403)"),
    ] {
        let output = renew(Some(token));
        assert!(
            !output.status.success(),
            "{token:?} must not fall through to the certificate"
        );
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains(status), "{message}");
    }
    // An authorization that is no token at all is no reason to look elsewhere, either.
    let agent = identified(&authority, &folder.path("device"));
    let serial = folder.json(&["list", "device-1"])["certificates"][0]["serial_number"]
        .as_str()
        .unwrap()
        .to_owned();
    let ask = |header: Option<&str>| {
        let mut request = agent.post(format!("{}/api/v1/certificates/{serial}/renew", authority.https));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        request.send_empty().unwrap().status().as_u16()
    };
    for header in ["Bearer nonsense", "Bearer ", "Basic ZGV2aWNlOi0=", "", "nonsense"] {
        assert_eq!(ask(Some(header)), 401, "{header:?}");
    }
    let count = || {
        folder.json(&["list", "device-1"])["certificates"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(), 1, "nothing was renewed");
    // The certificate itself was good all the time; for one successor.
    crate::harness::succeeded(&renew(None));
    assert_eq!(ask(None), 409);
    assert_eq!(count(), 2);
}

/// curl sends the certificate that it was given and nothing else: the server knows the CAs in between.
#[test]
fn a_client_need_not_send_the_chain_of_a_ca_that_the_server_is() {
    let folder = renewable_at_any_time();
    let authority = folder.start();
    folder.text(&["request", "device-1", "--profile", "device", "--out", "device"]);
    folder.text(&["request", "device-2", "--profile", "device", "--out", "revoked"]);
    let stranger = Folder::new();
    stranger.text(&["init"]);
    stranger.text(&["request", "device-1", "--profile", "device", "--out", "device"]);

    let serial = |folder: &Folder, name: &str| {
        let found = folder.json(&["list", name]);
        found["certificates"][0]["serial_number"].as_str().unwrap().to_owned()
    };
    let renew = |agent: &ureq::Agent, serial: &str| {
        let url = format!("{}/api/v1/certificates/{serial}/renew", authority.https);
        agent.post(url).send_empty().map(|answer| answer.status().as_u16())
    };
    let device = serial(&folder, "device-1");
    assert_eq!(renew(&alone(&authority, &folder.path("device")), &device).unwrap(), 200);

    // Another's certificate, of an issuing CA that is called the same, ends at no root of this one.
    let refused = renew(
        &alone(&authority, &stranger.path("device")),
        &serial(&stranger, "device-1"),
    );
    assert!(refused.is_err(), "{refused:?}");
    let refused = renew(
        &identified(&authority, &stranger.path("device")),
        &serial(&stranger, "device-1"),
    );
    assert!(refused.is_err(), "{refused:?}");

    let other = serial(&folder, "device-2");
    folder.text(&["revoke", &other]);
    assert_eq!(renew(&alone(&authority, &folder.path("revoked")), &other).unwrap(), 403);

    // Nor does a CA that was revoked vouch for anybody.
    folder.text(&[
        "revoke",
        &serial(&folder, "Chancery Issuing CA"),
        "--reason",
        "cACompromise",
    ]);
    assert_eq!(renew(&alone(&authority, &folder.path("device")), &device).unwrap(), 403);
}

/// Who has stolen a key has its certificate, too, and can prove to have both.
#[test]
fn a_thief_of_a_key_is_stopped_at_once() {
    let folder = renewable_at_any_time();
    let authority = folder.start();
    folder.text(&["request", "device-1", "--profile", "device", "--out", "device"]);
    let serial = |name: &str| {
        let found = folder.json(&["list", name, "--unrevoked"]);
        found["certificates"][0]["serial_number"].as_str().unwrap().to_owned()
    };
    let first = serial("device-1");
    let thief = identified(&authority, &folder.path("device"));
    let renew = |agent: &ureq::Agent, serial: &str| {
        let url = format!("{}/api/v1/certificates/{serial}/renew", authority.https);
        let mut answer = agent.post(url).send_empty().unwrap();
        (
            answer.status().as_u16(),
            answer.body_mut().read_json::<serde_json::Value>().unwrap(),
        )
    };
    // The thief renews, and is at the renewed certificate when it is noticed.
    let (status, renewed) = renew(&thief, &first);
    assert_eq!(status, 200, "{renewed}");
    let second = renewed["CertificateInfo"]["SerialNumber"].as_str().unwrap().to_owned();
    let pem = BASE64_STANDARD
        .decode(renewed["Base64Certificate"].as_str().unwrap())
        .unwrap();
    std::fs::create_dir(folder.path("stolen")).unwrap();
    std::fs::write(folder.path("stolen/cert.pem"), pem).unwrap();
    for file in ["key.pem", "chain.pem"] {
        std::fs::copy(folder.path("device").join(file), folder.path("stolen").join(file)).unwrap();
    }
    let at_renewed = identified(&authority, &folder.path("stolen"));

    // The plain command, in another process than the server's, by the serial that its owner knows.
    let message = folder.text(&["revoke", &first, "--reason", "keyCompromise"]);
    assert!(
        message.contains(&second),
        "what was revoked with it is named: {message}"
    );
    for (agent, serial) in [(&thief, &first), (&at_renewed, &second)] {
        let (status, answer) = renew(agent, serial);
        assert_eq!(status, 403, "a running server renews nothing any more: {answer}");
    }
    // Both stand on the CRL that was published.
    let crl = std::fs::read(folder.public("chancery-issuing-ca.crl")).unwrap();
    let crl = chancery_x509::crl::RevocationList::parse(&crl).unwrap();
    let listed: Vec<String> = crl.entries().map(|entry| entry.unwrap().serial.to_string()).collect();
    assert!(listed.contains(&first) && listed.contains(&second), "{listed:?}");

    // The key itself is certified for nobody, under no name, however it is asked for.
    let csr = certification_request(&folder.path("device/key.pem"), "other-name");
    std::fs::write(folder.path("again.csr"), &csr).unwrap();
    let refused = folder.complaint(&["issue", "--csr", "again.csr", "--profile", "device", "--force"]);
    assert!(refused.contains("compromised"), "{refused}");
    let token = authority.token("issue");
    let answer = authority
        .agent()
        .post(format!("{}/api/v1/certificates", authority.https))
        .header("authorization", format!("Bearer {token}"))
        .send_json(serde_json::json!({
            "common_name": "other-name",
            "profile": "device",
            "force_issue": true,
            "base64_csr_data": BASE64_STANDARD.encode(&csr),
        }))
        .unwrap()
        .body_mut()
        .read_json::<serde_json::Value>()
        .unwrap();
    assert_eq!(answer["code"], "key_compromised", "{answer}");
}

/// Of other reasons, and with `--only`, what is left is named in words and in JSON.
#[test]
fn what_a_revocation_leaves_valid_is_named() {
    let folder = renewable_at_any_time();
    folder.text(&["request", "db", "--out", "db"]);
    let list = || {
        let found = folder.json(&["list", "db", "--unrevoked"]);
        let found = found["certificates"].as_array().unwrap().clone();
        found
            .iter()
            .map(|one| one["serial_number"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = list().remove(0);
    folder.text(&["renew", "db"]);
    let second = list().into_iter().find(|serial| *serial != first).unwrap();
    let message = folder.text(&["revoke", &first, "--reason", "superseded"]);
    assert!(
        message.contains("Still valid") && message.contains(&second),
        "{message}"
    );
    let answer = folder.json(&["revoke", "--only", &first, "--reason", "keyCompromise"]);
    assert_eq!(answer["already_revoked"], false, "{answer}");
    assert_eq!(answer["also_revoked"], serde_json::json!([]));
    assert_eq!(answer["still_valid"][0]["serial_number"], second.as_str());
    assert_eq!(answer["still_valid"][0]["same_key"], true);
    let answer = folder.json(&["revoke", &first, "--reason", "keyCompromise"]);
    assert_eq!(answer["also_revoked"][0]["serial_number"], second.as_str());
    assert!(list().is_empty());
}

/// A renewal by the certificate itself comes in its time, and says when that is.
#[test]
fn a_holder_renews_in_the_last_third_of_a_certificate_s_life() {
    let folder = Folder::new();
    let authority = folder.start();
    folder.text(&["request", "device-1", "--profile", "device", "--out", "device"]);
    let found = folder.json(&["list", "device-1"]);
    let serial = found["certificates"][0]["serial_number"].as_str().unwrap().to_owned();
    let url = format!("{}/api/v1/certificates/{serial}/renew", authority.https);
    let mut answer = identified(&authority, &folder.path("device"))
        .post(&url)
        .send_empty()
        .unwrap();
    assert_eq!(answer.status().as_u16(), 422);
    let answer = answer.body_mut().read_json::<serde_json::Value>().unwrap();
    assert_eq!(answer["code"], "renewal_too_early", "{answer}");

    // A token is not bound by it, but takes proof of the key: the command brings a CSR.
    let token = authority.token("issue");
    let bare = authority
        .agent()
        .post(&url)
        .header("authorization", format!("Bearer {token}"));
    let bare = bare
        .send_empty()
        .unwrap()
        .body_mut()
        .read_json::<serde_json::Value>()
        .unwrap();
    assert_eq!(bare["code"], "no_proof_of_possession", "{bare}");
    let root = folder.public("chancery-root-ca.crt");
    let renewing = || {
        crate::harness::chancery()
            .env("CHANCERY_TOKEN", &token)
            .current_dir(folder.path(""))
            .args([
                "--url",
                &authority.https,
                "--ca",
                root.to_str().unwrap(),
                "renew",
                "device",
            ])
            .output()
            .unwrap()
    };
    let before = std::fs::read(folder.path("device/cert.pem")).unwrap();
    crate::harness::succeeded(&renewing());
    let renewed = std::fs::read(folder.path("device/cert.pem")).unwrap();
    // Whose answer was lost asks again, and gets what the first made.
    std::fs::write(folder.path("device/cert.pem"), before).unwrap();
    crate::harness::succeeded(&renewing());
    assert_eq!(std::fs::read(folder.path("device/cert.pem")).unwrap(), renewed);
}

/// A certificate renews itself whatever it is for, and opens no other door: TLS takes it, and that is all.
#[test]
fn a_server_s_certificate_renews_itself_and_nothing_else() {
    let folder = renewable_at_any_time();
    let authority = folder.start();
    folder.text(&["request", "db.example.com", "--profile", "tls-server", "--out", "db"]);
    folder.text(&["request", "web.example.com", "--profile", "tls-server", "--out", "web"]);
    folder.text(&[
        "request",
        "ada@example.com",
        "--profile",
        "email",
        "--san",
        "email:ada@example.com",
        "--out",
        "mail",
    ]);
    folder.text(&["request", "device-1", "--profile", "device", "--out", "device"]);
    let serial = |name: &str| {
        let found = folder.json(&["list", name, "--unrevoked"]);
        found["certificates"][0]["serial_number"].as_str().unwrap().to_owned()
    };
    let (db, web, mail, device) = (
        serial("db.example.com"),
        serial("web.example.com"),
        serial("ada@example.com"),
        serial("device-1"),
    );
    let api = format!("{}/api/v1", authority.https);

    // No other door: not another's renewal, a client's included, nor anything that a token is asked for.
    let agent = alone(&authority, &folder.path("db"));
    for other in [&web, &mail, &device, &serial("Chancery Issuing CA")] {
        let refused = agent.post(format!("{api}/certificates/{other}/renew")).send_empty();
        assert_eq!(refused.unwrap().status().as_u16(), 403, "{other}");
    }
    let csr = BASE64_STANDARD.encode(certification_request(&folder.path("web/key.pem"), "web.example.com"));
    let issue = serde_json::json!({ "profile": "tls-server", "base64_csr_data": csr });
    for (path, body) in [
        ("/certificates".to_owned(), issue),
        (
            format!("/certificates/{db}/revoke"),
            serde_json::json!({ "reason": "superseded" }),
        ),
        ("/crls".to_owned(), serde_json::json!({})),
    ] {
        let refused = agent.post(format!("{api}{path}")).send_json(body).unwrap();
        assert_eq!(refused.status().as_u16(), 401, "{path}");
    }
    for path in [
        "/certificates".to_owned(),
        format!("/certificates/{db}"),
        "/crls".to_owned(),
    ] {
        let refused = agent.get(format!("{api}{path}")).call().unwrap();
        assert_eq!(refused.status().as_u16(), 401, "{path}");
    }

    // Itself: as curl does it, and by the command, with the same key and with a new one.
    let renewed = agent
        .post(format!("{api}/certificates/{db}/renew"))
        .send_empty()
        .unwrap();
    assert_eq!(renewed.status().as_u16(), 200);
    let renewed = alone(&authority, &folder.path("mail"))
        .post(format!("{api}/certificates/{mail}/renew"))
        .send_empty();
    assert_eq!(renewed.unwrap().status().as_u16(), 200, "whatever it is for");
    let root = folder.public("chancery-root-ca.crt");
    let renew = |token: Option<&str>, arguments: &[&str]| {
        let mut command = crate::harness::chancery();
        if let Some(token) = token {
            command.env("CHANCERY_TOKEN", token);
        }
        let remote = ["--url", &authority.https, "--ca", root.to_str().unwrap(), "renew"];
        command
            .current_dir(folder.path(""))
            .args(remote)
            .args(arguments)
            .output()
            .unwrap()
    };
    crate::harness::succeeded(&renew(None, &["web"]));
    crate::harness::succeeded(&renew(None, &["web", "--new-key"]));
    crate::harness::succeeded(&renew(Some(&authority.token("issue")), &["web", "--new-key"]));
    assert_eq!(
        folder.json(&["list", "web.example.com"])["certificates"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    // Nor does it renew itself once it is revoked.
    folder.text(&["revoke", &device]);
    let refused = alone(&authority, &folder.path("device"))
        .post(format!("{api}/certificates/{device}/renew"))
        .send_empty();
    assert_eq!(refused.unwrap().status().as_u16(), 403);
}

/// What the server says of the client's certificate is no reason to doubt the server's.
#[test]
fn a_client_certificate_that_the_server_refuses_is_told_as_that() {
    let folder = renewable_at_any_time();
    let authority = folder.start();
    let stranger = Folder::new();
    stranger.text(&["init"]);
    stranger.text(&["request", "device-1", "--profile", "device", "--out", "device"]);
    let root = folder.public("chancery-root-ca.crt");
    let renew = |token: Option<&str>| {
        let mut command = crate::harness::chancery();
        if let Some(token) = token {
            command.env("CHANCERY_TOKEN", token);
        }
        let output = command
            .current_dir(stranger.path(""))
            .args([
                "--url",
                &authority.https,
                "--ca",
                root.to_str().unwrap(),
                "renew",
                "device",
            ])
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let message = renew(None);
    assert!(
        message.contains("the server does not take the client certificate") && !message.contains("--ca"),
        "{message}"
    );
    // With a token the certificate is not shown at all: the server answers, and refuses in words.
    let message = renew(Some(&authority.token("issue")));
    assert!(message.contains("(404)"), "{message}");
}

/// A CSR of the key in that file.
pub(crate) fn certification_request(key: &Path, common_name: &str) -> Vec<u8> {
    let key = ClientKey::from_pem(&std::fs::read(key).unwrap(), None).unwrap();
    let subject = Subject {
        common_name: Some(common_name.to_owned()),
        ..Subject::default()
    };
    let csr = key.request(&subject.to_name().unwrap(), &[]).unwrap();
    chancery_x509::pem::encode("CERTIFICATE REQUEST", &csr).into_bytes()
}

/// A client that shows the certificate in that folder.
pub(crate) fn identified(authority: &Server<'_>, folder: &Path) -> ureq::Agent {
    showing(authority, folder, &["cert.pem", "chain.pem"])
}

/// The same without the issuing CA's.
fn alone(authority: &Server<'_>, folder: &Path) -> ureq::Agent {
    showing(authority, folder, &["cert.pem"])
}

fn showing(authority: &Server<'_>, folder: &Path, certificates: &[&str]) -> ureq::Agent {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let chain: Vec<_> = certificates
        .iter()
        .map(|name| ureq::tls::Certificate::from_pem(&read(name)).unwrap())
        .collect();
    let key = ureq::tls::PrivateKey::from_pem(&read("key.pem")).unwrap();
    authority.agent_with(Some(ureq::tls::ClientCert::new_with_certs(&chain, key)))
}
