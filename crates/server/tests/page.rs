//! The page for people.

use aws_lc_rs::digest;
use axum::body::to_bytes;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::fixture::{Fixture, QUICK};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_an_error() {
    let hostile = QUICK.replacen(
        "algorithm",
        "subject = { common_name = '<script>alert(1)</script> & \"Sons\"' }\nalgorithm",
        1,
    );
    let fixture = Fixture::new(&hostile).await;
    let answer = fixture.plain("/", BROWSER).await;
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    let page = String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();

    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let digest = BASE64_STANDARD.encode(digest::digest(&digest::SHA256, style.as_bytes()).as_ref());
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains(&format!("style-src 'sha256-{digest}'")), "{policy}");
    assert!(!page.contains("<script"), "{page}");
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Sons&quot;"),
        "{page}"
    );
    assert!(!page.contains(" style=") && !page.contains(" onclick="));
    for ca in fixture.authority.cas().iter() {
        let fingerprint = digest::digest(&digest::SHA256, ca.certificate().as_der());
        let octets: Vec<String> = fingerprint
            .as_ref()
            .iter()
            .map(|octet| format!("{octet:02X}"))
            .collect();
        assert!(page.contains(&octets.join(":<wbr>")), "{page}");
        for file in [
            format!("{}.crt", ca.name()),
            format!("{}.crl", ca.name()),
            format!("{}.crl.pem", ca.name()),
        ] {
            assert!(page.contains(&format!("<a href=\"/{file}\"")), "{file}");
            assert_eq!(
                fixture.plain(&format!("/{file}"), BROWSER).await.status(),
                200,
                "{file}"
            );
        }
    }
    assert!(page.contains("made just now"), "{page}");
    for system in ["Linux", "macOS", "Windows", "Firefox", "Java"] {
        assert!(page.contains(&format!("<summary>{system}</summary>")), "{system}");
    }

    for (path, accept) in [
        ("/", "application/json"),
        ("/", "*/*"),
        ("/nothing", BROWSER),
        ("/api/v1/health", BROWSER),
    ] {
        let answer = fixture.plain(path, accept).await;
        assert_eq!(answer.status(), 404, "{path} {accept}");
        assert_eq!(answer.headers()["content-type"], "application/json");
    }
}
