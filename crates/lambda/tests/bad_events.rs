//! Every field of a `tls_cert` event wrong in every way: the contract's error or a clear one, never a failure, never a
//! row that is half written.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use chancery_lambda::dispatcher::Dispatcher;
use chancery_lambda::function::Function;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use support::{Deployment, P256, error, event, invocation};

const FIELDS: [&str; 24] = [
    "common_name",
    "country",
    "state",
    "locality",
    "organization",
    "organizational_unit",
    "email_address",
    "lifetime",
    "purposes",
    "extended_key_usages",
    "sans",
    "extensions",
    "base64_csr_data",
    "csr_file",
    "force_issue",
    "cert_bundle",
    "ca_chain_only",
    "notify_expiry",
    "notify_issued",
    "idempotency_token",
    "profile",
    "passphrase",
    "unknown",
    "",
];

/// Asks, and holds the answer to what must be so of every one.
async fn ask(deployment: &Deployment, function: &Dispatcher, event: &[u8]) -> Value {
    let signatures = deployment.memory.keys.log().len();
    let certificates = deployment.memory.ledger.issued().len();
    let answer = function
        .answer(event, &invocation(&format!("{certificates} {signatures}")))
        .await;
    let answer = answer.unwrap_or_else(|failure| panic!("{failure}: {}", String::from_utf8_lossy(event)));
    let made = deployment.memory.ledger.issued().len() - certificates;
    assert_eq!(
        deployment.memory.keys.log().len() - signatures,
        made,
        "every signature has its record"
    );
    assert!(deployment.is_whole().await, "nothing is left half done");
    let fields = answer.as_object().unwrap();
    if let Some(error) = fields.get("error") {
        assert_eq!((fields.len(), made), (1, 0));
        let error = error.as_str().unwrap();
        assert!(
            !error.is_empty() && error.len() < 2000 && !error.contains("panicked"),
            "{error}"
        );
    } else {
        assert_eq!(made, usize::from(fields.contains_key("CertificateInfo")));
    }
    answer
}

#[tokio::test]
async fn each_field_wrong_in_each_way() {
    let deployment = Deployment::with_cas(&[("CUSTOM_EXTENSION_ALLOWLIST", r#"["1.3.6.1.4.1.99999.1"]"#)]).await;
    let function = deployment.function(Function::TlsCert);
    let nested = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let wrong = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("a\nb"),
        json!("ä".repeat(3000)),
        json!("x".repeat(20_000)),
        json!("../../etc/passwd"),
        json!("*"),
        json!([]),
        json!([null]),
        json!([1, "a", {}]),
        json!(vec!["a"; 1000]),
        json!({}),
        json!({"a": {"b": []}}),
        json!({"type": "DNS_NAME"}),
        nested,
    ];
    for field in FIELDS {
        for value in &wrong {
            let mut request = event("a.example.com", P256);
            request["force_issue"] = json!(true);
            request[field] = value.clone();
            ask(&deployment, &function, request.to_string().as_bytes()).await;
        }
        let mut request = event("a.example.com", P256);
        request["force_issue"] = json!(true);
        request.as_object_mut().unwrap().remove(field);
        ask(&deployment, &function, request.to_string().as_bytes()).await;
    }
}

#[tokio::test]
async fn the_contract_s_errors_are_word_for_word() {
    let deployment = Deployment::with_cas(&[("CUSTOM_EXTENSION_ALLOWLIST", r#"["1.3.6.1.4.1.99999.1"]"#)]).await;
    let function = deployment.function(Function::TlsCert);
    let null = "BQA=";
    let extension = |oid: &str, value: &str| json!([{"oid": oid, "value_b64": value}]);
    let table = [
        ("common_name", json!(null), "CSR must include a Common Name"),
        ("lifetime", json!(0), "0 is too short"),
        ("lifetime", json!(-7), "-7 is too short"),
        (
            "extensions",
            extension("1.2.3.4", null),
            "Custom extension OID 1.2.3.4 is not in the configured allowlist",
        ),
        (
            "extensions",
            extension("1.3.6.1.4.1.99999.1", "%%%"),
            "Custom extension OID 1.3.6.1.4.1.99999.1 has an invalid base64 value",
        ),
        (
            "extensions",
            json!([{"oid": "1.3.6.1.4.1.99999.1", "value_b64": null}, {"oid": "1.3.6.1.4.1.99999.1", "value_b64": null}]),
            "Custom extension is missing required field 'value_b64'",
        ),
        (
            "extensions",
            json!([{"oid": "1.3.6.1.4.1.99999.1", "value_b64": "BQA="}, {"oid": "1.3.6.1.4.1.99999.1", "value_b64": "BQA="}]),
            "Custom extension OID 1.3.6.1.4.1.99999.1 is specified more than once",
        ),
        (
            "csr_file",
            json!("no.csr"),
            "CSR file 'no.csr' not found in S3 bucket 'internal'",
        ),
    ];
    for (field, value, expected) in table {
        let mut request = event("a.example.com", P256);
        request[field] = value;
        let answer = ask(&deployment, &function, request.to_string().as_bytes()).await;
        assert_eq!(error(&answer), expected);
    }
    let mut request = event("a.example.com", P256);
    request["extensions"] = extension("2.5.29.19", null);
    let answer = ask(&deployment, &function, request.to_string().as_bytes()).await;
    assert!(
        error(&answer).contains("2.5.29.19") && error(&answer).contains("reserved"),
        "{answer}"
    );
}

#[tokio::test]
async fn events_that_are_no_requests() {
    let deployment = Deployment::with_cas(&[]).await;
    let function = deployment.function(Function::TlsCert);
    for text in ["null", "7", "[]", "\"text\"", "{", "", "{\"a\":1}x", "\u{feff}{}"] {
        let answer = ask(&deployment, &function, text.as_bytes()).await;
        error(&answer);
    }
    let long = format!(r#"{{"common_name":"a","x":"{}"}}"#, "x".repeat(300_000));
    let answer = ask(&deployment, &function, long.as_bytes()).await;
    assert!(error(&answer).contains("octets"), "{answer}");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    error(&ask(&deployment, &function, deep.as_bytes()).await);
    error(&ask(&deployment, &function, &[0xff, 0xfe]).await);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        prop_oneof![
            "DNS_NAME",
            "IP_ADDRESS",
            "client_auth",
            "server_auth",
            "CODE_SIGNING",
            "ANY",
            "1\\.[0-9.]{1,12}"
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![
            "type",
            "value",
            "oid",
            "value_b64",
            "critical",
            "DNS_NAME",
            "IP_ADDRESS",
            "DN",
            "[a-z]{0,4}"
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Value> {
    let field = (0..FIELDS.len()).prop_map(|index| FIELDS[index].to_owned());
    prop::collection::vec((field, any_value()), 0..5).prop_map(|changes| {
        let mut request: Map<String, Value> = event("a.example.com", P256).as_object().unwrap().clone();
        request.insert("force_issue".to_owned(), json!(true));
        request.extend(changes);
        Value::Object(request)
    })
}

#[test]
fn several_fields_wrong_in_any_way() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let deployment = runtime.block_on(Deployment::with_cas(&[]));
    let function = deployment.function(Function::TlsCert);
    let mut runner = TestRunner::new(Config::with_cases(400));
    let outcome = runner.run(&any_event(), |event| {
        runtime.block_on(ask(&deployment, &function, event.to_string().as_bytes()));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
