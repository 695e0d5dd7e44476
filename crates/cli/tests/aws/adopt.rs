//! A deployment that the Python CA made: looked over, adopted, and from then on like any other.

use serde_json::{Value, json};

use super::sandbox::{Deployment, Sandbox};

/// What Terraform would know of the deployment, its table under another name where one is given.
fn state(deployment: &Deployment<'_>, table: &str) -> String {
    let held = |module: &str, kind: &str, name: &str, attributes: &Value| {
        json!({"module": format!("module.certificate_authority.{module}"), "mode": "managed", "type": kind, "name": name,
            "instances": [{"attributes": attributes}]})
    };
    let mut resources = Vec::new();
    for (module, of) in [
        ("kms_rsa_root_ca", "root-ca"),
        ("kms_rsa_issuing_ca", "issuing-ca"),
        ("kms_tls_keygen", "tls-keygen"),
    ] {
        let (module, alias) = (
            format!("module.{module}"),
            format!("alias/{}-{of}-dev", deployment.project),
        );
        let key = deployment.look("key", &[&alias]);
        resources.push(held(&module, "aws_kms_key", "encryption", &json!({"key_id": key})));
        resources.push(held(&module, "aws_kms_alias", "encryption", &json!({"name": alias})));
    }
    resources.push(held(
        "module.dynamodb",
        "aws_dynamodb_table",
        "ca",
        &json!({"name": table}),
    ));
    for (module, bucket) in [("internal_s3", "internal"), ("external_s3[0]", "external")] {
        let attributes = json!({"bucket": deployment.made[bucket]});
        resources.push(held(
            &format!("module.{module}"),
            "aws_s3_bucket",
            "bucket",
            &attributes,
        ));
    }
    let topic = json!({"arn": deployment.made["topic"]});
    resources.push(held(
        "module.sns_ca_notifications",
        "aws_sns_topic",
        "sns_topic",
        &topic,
    ));
    json!({"version": 4, "resources": resources}).to_string()
}

/// What the state machine does first. A row whose serial number nobody can read is told by every CRL until it is mended.
fn create_and_publish(deployment: &Deployment<'_>) {
    for function in ["create-root-ca", "root-ca-crl", "create-issuing-ca"] {
        deployment.step(function);
    }
    deployment.step_failing("issuing-ca-crl", "IncompleteError");
}

#[test]
fn a_deployment_of_the_python_ca_is_adopted() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deploy("old", false);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../aws/tests/aws/python_ca.py");
    let old = sandbox.script(script, &["old", "dev"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let file = file.to_str().unwrap();
    std::fs::write(file, state(&deployment, "OldCADev")).unwrap();

    // Nothing is published by our functions yet, and that comes first.
    let early = deployment.answer(&["adopt", "--apply"]);
    assert_eq!((&early["applied"], &early["complete"]), (&json!(false), &json!(false)));
    let problems = early["problems"].to_string();
    assert!(
        problems.contains("old-issuing-ca-dev.crt: it is not published"),
        "{problems}"
    );
    create_and_publish(&deployment);

    let dry = deployment.ask(&["adopt", "--state", file]);
    assert_eq!((&dry["problems"], &dry["applied"]), (&json!([]), &json!(false)));
    let adopted = dry["adopted"].as_u64().unwrap();
    assert!(adopted > 0 && dry["malformed"].as_array().unwrap().len() >= 3, "{dry}");
    // A dry run changes nothing.
    assert_eq!(deployment.ask(&["adopt"])["adopted"], adopted);
    let applied = deployment.ask(&["adopt", "--apply", "--state", file]);
    assert_eq!(
        (&applied["adopted"], &applied["complete"]),
        (&json!(adopted), &json!(true))
    );
    let again = deployment.ask(&["adopt", "--apply", "--again"]);
    assert_eq!((&again["adopted"], &again["known"]), (&json!(0), &json!(adopted)));

    // What was issued before is found and revoked, and the CRL goes on.
    let leaf = old["leaf"].as_str().unwrap();
    assert_eq!(deployment.ask(&["show", leaf])["common_name"], "server");
    let revoked = deployment.ask(&["revoke", leaf, "--reason", "superseded"]);
    // The row that nobody can read is reported until it is mended.
    let problem = revoked["crl_problem"].as_str().unwrap();
    assert!(
        problem.contains("is published, but 1 revocations could not be read"),
        "{problem}"
    );
    let crls = deployment.ask(&["crl", "status"]);
    let issuing = crls["crls"].as_array().unwrap().iter();
    let issuing = issuing.filter(|crl| crl["authority"] == "old-issuing-ca-dev");
    let numbers: Vec<_> = issuing.map(|crl| crl["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [43], "41 was the Python CA's last");
}

#[test]
fn what_stands_against_adopting_is_told() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deploy("bad", false);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../aws/tests/aws/python_ca.py");
    sandbox.script(script, &["bad", "dev"]);
    create_and_publish(&deployment);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let file = file.to_str().unwrap();
    std::fs::write(file, state(&deployment, "OtherCADev")).unwrap();
    // The state is another deployment's; the alias of a CA leads to another key; its counter fell behind.
    deployment.look("other_key", &["alias/bad-issuing-ca-dev"]);
    deployment.look("count", &["BadCADev", "bad-issuing-ca-dev", "3"]);
    let reported = deployment.answer(&["adopt", "--apply", "--state", file]);
    let problems = reported["problems"].to_string();
    for part in [
        "holds \\\"OtherCADev\\\" and not BadCADev",
        "point the alias",
        "set CRLNumber there",
    ] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    assert_eq!(
        (&reported["applied"], &reported["complete"]),
        (&json!(false), &json!(false))
    );
    std::fs::write(file, "{}").unwrap();
    let no_state = deployment.refused(&["adopt", "--state", file]);
    assert!(no_state.contains("terraform state pull"), "{no_state}");
}
