//! The page for people who open the server in a browser: the CAs, their published files, how to trust the root.
//!
//! It contains only public data, from the snapshot for `/health`. It has no script and loads nothing; whatever comes
//! from certificates or the configuration is escaped.

use std::fmt::Write as _;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::extract::State;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_authority::Authority;
use chancery_authority::authority::Ca;
use chancery_authority::config::Config;
use chancery_authority::publish::CrlStatus;
use chancery_x509::time::UnixTime;

use crate::api::problem::Problem;
use crate::state::AppState;

/// Most CRLs of one CA that are shown; further ones are counted.
const SHOWN: usize = 20;

const STYLE: &str = include_str!("page/style.css");
const TRUST: &str = include_str!("page/trust.html");

/// Nothing is loaded or run; the only style is allowed by its digest (Content Security Policy Level 3).
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()).as_ref());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// `GET /`: the page for browsers; a client that does not accept HTML gets 404.
pub(crate) async fn page(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Problem> {
    if !wants_html(&headers) {
        return Err(Problem::not_found(
            "only a page for browsers is served here; the API is under /api/v1 on HTTPS",
        ));
    }
    let snapshot = state.health.current(&state.authority).await;
    let crls = snapshot.as_ref().map_or(&[][..], |snapshot| &snapshot.crls);
    let text = render(&state.authority, crls, state.authority.ports().clock.now());
    let mut answer = text.into_response();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=60"),
        (REFERRER_POLICY, "no-referrer"),
        (VARY, "accept"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    Ok(answer)
}

/// Whether the Accept header (RFC 9110 section 12.5.1) names HTML; a client that accepts anything is no browser.
fn wants_html(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| {
        value.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let html = parts
                .next()
                .is_some_and(|media| media.eq_ignore_ascii_case("text/html"));
            html && !parts.any(|parameter| {
                let weight = parameter
                    .strip_prefix("q=")
                    .and_then(|weight| weight.parse::<f32>().ok());
                weight.is_some_and(|weight| weight <= 0.0)
            })
        })
    })
}

fn render(authority: &Authority, crls: &[CrlStatus], now: UnixTime) -> String {
    let cas = authority.cas();
    let root = cas.iter().find(|ca| ca.record.parent.is_none());
    let name = root.map_or_else(|| "A certificate authority".to_owned(), |ca| common_name(ca));
    let title = escaped(&name);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><h1><bdi>{title}</bdi></h1>\n\
         <p>This is a certificate authority. Here are its certificates and its lists of revoked certificates (CRLs).</p></header>\n\
         <main>\n<section aria-labelledby=\"cas\">\n<h2 id=\"cas\">Certificates</h2>\n"
    );
    if cas.is_empty() {
        page.push_str("<p>There are none yet.</p>\n");
    }
    for ca in cas.iter() {
        let own = crls.iter().filter(|crl| crl.scope.issuer == *ca.name());
        render_ca(&mut page, ca, &own.collect::<Vec<_>>(), now);
    }
    let _ = writeln!(
        page,
        "<p>All certificates in one file: <a href=\"/{0}\" download>{0}</a></p>\n</section>",
        escaped(authority.config().bundle_name().as_str())
    );
    if let Some(root) = root {
        let file = Config::crt_name(root.name());
        let trust = TRUST
            .replace("{FILE}", &escaped(file.as_str()))
            .replace("{NAME}", &escaped(root.name().as_str()))
            .replace("{FINGERPRINT}", &fingerprint(root));
        page.push_str(&trust);
    }
    let _ = writeln!(
        page,
        "</main>\n<footer><p>Made at {} by Chancery {}.</p></footer>\n</body>\n</html>",
        moment(now),
        env!("CARGO_PKG_VERSION")
    );
    page
}

fn render_ca(page: &mut String, ca: &Ca, crls: &[&CrlStatus], now: UnixTime) {
    let certificate = ca.certificate();
    let role = match &ca.record.parent {
        None => "Root".to_owned(),
        Some(parent) => format!("Below <bdi>{}</bdi>", escaped(parent.as_str())),
    };
    let over = if certificate.not_after() < now {
        " (expired)"
    } else {
        ""
    };
    let _ = write!(
        page,
        "<article>\n<h3><bdi>{name}</bdi></h3>\n<dl>\n\
         <dt>Position</dt><dd>{role}</dd>\n\
         <dt>Subject</dt><dd><bdi>{subject}</bdi></dd>\n\
         <dt>Valid</dt><dd>{from} to {to}{over}</dd>\n\
         <dt>SHA-256 fingerprint</dt><dd><code>{fingerprint}</code></dd>\n\
         <dt>Certificate</dt><dd><a href=\"/{file}\" download>{file}</a> (PEM)</dd>\n",
        name = escaped(&common_name(ca)),
        subject = escaped(&certificate.subject().to_rfc4514()),
        from = moment(certificate.not_before()),
        to = moment(certificate.not_after()),
        fingerprint = fingerprint(ca),
        file = escaped(Config::crt_name(ca.name()).as_str()),
    );
    page.push_str("<dt>Revoked certificates</dt><dd><ul>\n");
    for crl in crls.iter().take(SHOWN) {
        let name = escaped(crl.name.as_str());
        let pem = escaped(Config::crl_pem_name(&crl.scope).as_str());
        let state = match &crl.latest {
            Some(latest) => format!(
                "number {}, {}, made {}, next by {}",
                latest.number,
                counted(latest.entries.try_into().unwrap_or(i64::MAX), "entry", "entries"),
                age(now.0 - latest.made_at.0),
                moment(latest.next_update)
            ),
            None => "not made yet".to_owned(),
        };
        let _ = writeln!(
            page,
            "<li><a href=\"/{name}\" download>{name}</a> (DER), <a href=\"/{pem}\" download>{pem}</a> (PEM): {state}</li>"
        );
    }
    if crls.len() > SHOWN {
        let _ = writeln!(page, "<li>and {} more parts</li>", crls.len() - SHOWN);
    }
    if crls.is_empty() {
        page.push_str("<li>How they stand cannot be read at the moment.</li>\n");
    }
    page.push_str("</ul></dd>\n</dl>\n</article>\n");
}

/// The subject's common name, else the CA's own name.
fn common_name(ca: &Ca) -> String {
    let subject = ca.certificate().subject().attributes();
    subject.common_name.unwrap_or_else(|| ca.name().to_string())
}

/// SHA-256 in groups that can be compared by eye, and broken between lines.
fn fingerprint(ca: &Ca) -> String {
    let digest = digest::digest(&digest::SHA256, ca.certificate().as_der());
    let octets: Vec<String> = digest.as_ref().iter().map(|octet| format!("{octet:02X}")).collect();
    octets.join(":").replace(':', ":<wbr>")
}

fn moment(at: UnixTime) -> String {
    let at = at.to_string();
    let shown = at.get(..16).unwrap_or(&at).replace('T', " ");
    format!("<time datetime=\"{}\">{} UTC</time>", escaped(&at), escaped(&shown))
}

fn age(seconds: i64) -> String {
    match seconds {
        ..0 => "in the future".to_owned(),
        0..60 => "just now".to_owned(),
        60..7_200 => format!("{} ago", counted(seconds / 60, "minute", "minutes")),
        7_200..172_800 => format!("{} ago", counted(seconds / 3_600, "hour", "hours")),
        _ => format!("{} ago", counted(seconds / 86_400, "day", "days")),
    }
}

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Escapes text for use in an element and in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escaped("<script>\"a\" & 'b'</script>\u{7}"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;\u{fffd}"
        );
    }

    #[test]
    fn browsers_are_told_from_programs() {
        let wants = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            wants_html(&headers)
        };
        assert!(wants("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(wants("application/json, Text/HTML;q=0.5"));
        assert!(!wants("application/json"));
        assert!(!wants("*/*"));
        assert!(!wants("text/html;q=0, application/json"));
        assert!(!wants_html(&HeaderMap::new()));
    }

    #[test]
    fn ages_are_told_as_people_do() {
        assert_eq!(age(5), "just now");
        assert_eq!(age(61), "1 minute ago");
        assert_eq!(age(7_199), "119 minutes ago");
        assert_eq!(age(7_200), "2 hours ago");
        assert_eq!(age(200_000), "2 days ago");
        assert_eq!(age(-1), "in the future");
    }
}
