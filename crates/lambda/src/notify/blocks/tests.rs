use super::*;

fn emojis() -> Emojis {
    Emojis {
        good: ":white_check_mark:".to_owned(),
        warning: ":warning:".to_owned(),
        bad: ":octagonal_sign:".to_owned(),
    }
}

fn info() -> Value {
    json!({"CommonName": "a.example.com", "SerialNumber": "12345", "Issued": "2026-01-01 00:00:00", "Expires": "2026-12-31 23:59:59"})
}

fn expiring(days: i64) -> Value {
    json!({"CertificateInfo": info(), "Base64Certificate": "LS0t", "Subject": "CN=a.example.com", "DaysRemaining": days})
}

fn rejected() -> Value {
    json!({
        "CSRInfo": {"CommonName": "a", "Lifetime": 1, "Purposes": ["client_auth", "server_auth"],
                    "SANs": [{"type": "DNS_NAME", "value": "a.example.com"}, "b"]},
        "Base64CSR": "LS0t", "Subject": "CN=a", "Reason": "Private key has already been used for a certificate",
    })
}

fn shown(subject: &str, message: &Value) -> (String, String) {
    let shown = of_notice(subject, message, &emojis());
    (shown.text, serde_json::to_string(&shown.blocks).unwrap())
}

fn header_of(subject: &str, message: &Value) -> String {
    let shown = of_notice(subject, message, &emojis());
    shown.blocks[0]["text"]["text"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn each_kind_has_the_contract_s_blocks() {
    let issued = json!({"CertificateInfo": info(), "Base64Certificate": "LS0t", "Subject": "CN=a.example.com"});
    let shown = of_notice("Certificate Issued", &issued, &emojis());
    assert_eq!(shown.text, ":white_check_mark: Certificate Issued");
    assert_eq!(
        Value::Array(shown.blocks),
        json!([
            {"type": "header", "text": {"type": "plain_text", "text": ":white_check_mark: Certificate Issued", "emoji": true}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "*Subject:* `CN=a.example.com`", "verbatim": true}},
            {"type": "section", "fields": [
                {"type": "mrkdwn", "text": "*Common Name:*\na.example.com", "verbatim": true},
                {"type": "mrkdwn", "text": "*Serial Number:*\n`12345`", "verbatim": true},
                {"type": "mrkdwn", "text": "*Issued:*\n2026-01-01 00:00:00", "verbatim": true},
                {"type": "mrkdwn", "text": "*Expires:*\n2026-12-31 23:59:59", "verbatim": true}]},
        ])
    );
    let shown = of_notice("Certificate Request Rejected", &rejected(), &emojis());
    assert_eq!(
        shown.blocks[1]["text"]["text"],
        "*Reason:* Private key has already been used for a certificate"
    );
    assert_eq!(
        shown.blocks[3]["fields"][2]["text"],
        "*Purposes:*\nclient_auth, server_auth"
    );
    assert_eq!(shown.blocks[3]["fields"][3]["text"], "*SANs:*\na.example.com, b");
    let shown = of_notice("Certificate Expiry Warning", &expiring(7), &emojis());
    assert_eq!(shown.blocks[3]["text"]["text"], "*Days Remaining:* 7");
    let shown = of_notice("Certificate Expired", &expiring(0), &emojis());
    assert_eq!(shown.blocks.len(), 3);
    assert_eq!(shown.blocks[2]["fields"][3]["text"], "*Expired:*\n2026-12-31 23:59:59");
    let revoked =
        json!({"CommonName": "a", "SerialNumber": "9", "Revoked": "2026-02-03 21:34:04.753865", "Subject": "CN=a"});
    let shown = of_notice("Certificate Revoked", &revoked, &emojis());
    assert_eq!(shown.blocks[2]["fields"][2]["text"], "*Revoked:*\n2026-02-03 21:34:04");
}

#[test]
fn the_subject_decides_and_the_content_where_it_does_not() {
    let warning = ":warning: Certificate Expiry Warning";
    let expired = ":octagonal_sign: Certificate Expired";
    assert_eq!(header_of("Certificate Expiring Soon", &expiring(3)), warning);
    assert_eq!(header_of("CERTIFICATE EXPIRY WARNING", &expiring(3)), warning);
    assert_eq!(header_of("something else", &expiring(3)), warning);
    assert_eq!(header_of("Certificate Expiry Warning", &expiring(0)), expired);
    assert_eq!(header_of("", &expiring(-1)), expired);
    assert_eq!(header_of("Certificate Issued", &expiring(3)), warning);
    assert_eq!(
        header_of("", &rejected()),
        ":octagonal_sign: Certificate Request Rejected"
    );
    let (text, _) = shown("something else", &expiring(3));
    assert_eq!(text, ":warning: something else");
}

#[test]
fn what_is_not_known_is_forwarded_as_text() {
    for message in [
        json!({"foo": "bar"}),
        json!([1]),
        json!("plain ``` text"),
        json!(null),
        json!({"CertificateInfo": 7}),
    ] {
        let (text, blocks) = shown("Unknown", &message);
        assert_eq!(text, "Unknown");
        assert_eq!(blocks.matches("```").count(), 2, "{blocks}");
    }
    let (_, blocks) = shown("", &json!({"CertificateInfo": {}, "DaysRemaining": "x"}));
    assert!(blocks.contains("Certificate Expired"), "{blocks}");
}

#[test]
fn names_make_neither_links_nor_mentions() {
    let mut message = rejected();
    message["CSRInfo"]["CommonName"] = json!("<!channel> & <https://evil|click>");
    message["Subject"] = json!("CN=` <@U1>");
    message["Reason"] = json!("<!here>");
    let (_, blocks) = shown("Certificate Request Rejected", &message);
    assert!(!blocks.contains('<') && !blocks.contains('>'), "{blocks}");
    assert!(blocks.contains("&lt;!channel&gt; &amp; "));
}

#[test]
fn what_is_long_stays_within_slack_s_limits() {
    let mut message = rejected();
    message["CSRInfo"]["CommonName"] = json!("ä".repeat(5000));
    message["Reason"] = json!("&".repeat(5000));
    let shown = of_notice(&"rejected ".repeat(1000), &message, &emojis());
    let within = |value: &Value, most: usize| value.as_str().unwrap().chars().count() <= most;
    assert!(within(&shown.blocks[1]["text"]["text"], 3000));
    assert!(within(&shown.blocks[3]["fields"][0]["text"], 2000));
    assert!(shown.text.chars().count() <= 3000);
    let forwarded = of_notice("", &json!("x".repeat(10_000)), &emojis());
    assert!(within(&forwarded.blocks[0]["text"]["text"], 3000));
}

#[test]
fn the_context_line_names_project_and_account() {
    let mut blocks = Vec::new();
    add_context(&mut blocks, "serverless", Some("acme-pki"));
    assert_eq!(
        blocks[1],
        json!({"type": "context", "elements": [{"type": "mrkdwn", "text": "*Project:* serverless | *Account:* acme-pki", "verbatim": true}]})
    );
    let mut blocks = Vec::new();
    add_context(&mut blocks, "serverless", None);
    assert_eq!(blocks[1]["elements"][0]["text"], "*Project:* serverless");
}

#[test]
fn subjects_are_escaped_and_texts_are_verbatim() {
    let subject = "Certificate <!channel> & <https://evil.example|issued>";
    for message in [json!({"CertificateInfo": info(), "Subject": "CN=a"}), json!("anything")] {
        let shown = of_notice(subject, &message, &emojis());
        assert!(
            shown
                .text
                .contains("&lt;!channel&gt; &amp; &lt;https://evil.example|issued&gt;"),
            "{}",
            shown.text
        );
        let mut blocks = shown.blocks;
        add_context(&mut blocks, "p", Some("<!here>"));
        let text = serde_json::to_string(&blocks).unwrap();
        assert_eq!(
            text.matches("\"mrkdwn\"").count(),
            text.matches("\"verbatim\":true").count()
        );
        assert!(!text.contains("<!"), "{text}");
    }
}
