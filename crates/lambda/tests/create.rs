//! `create_root_ca` and `create_issuing_ca`.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use chancery_authority::port::{KeyName, Ledger};
use chancery_deployment::failure::FailureKind;
use chancery_lambda::function::Function::{CreateIssuingCa, CreateRootCa};
use chancery_testing::memory::Fault;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::Certificate;
use serde_json::Value;
use support::{Deployment, ISSUING, ROOT};

#[tokio::test]
async fn both_cas_come_to_be_and_are_published() {
    let info = r#"{"commonName":"Acme Root","organization":"Acme, Inc.","country":"GB","lifetime":7300}"#;
    let deployment = Deployment::new(&[("ROOT_CA_INFO", info)]).await;
    assert_eq!(deployment.run(CreateRootCa).await, Ok(Value::Null));
    assert_eq!(
        deployment.memory.publication.names(),
        ["serverless-ca-bundle-dev.pem", "serverless-root-ca-dev.crt"]
    );
    assert_eq!(deployment.run(CreateIssuingCa).await, Ok(Value::Null));
    let cas = deployment.memory.ledger.issuers().list().await.unwrap();
    let root = Certificate::parse(&cas[0].certificate).unwrap();
    let issuing = Certificate::parse(&cas[1].certificate).unwrap();
    assert_eq!(root.subject().to_rfc4514(), r"O=Acme\, Inc.,C=GB,CN=Acme Root");
    assert_eq!(issuing.subject().to_rfc4514(), "CN=Serverless Issuing CA");
    let bundle = deployment
        .memory
        .publication
        .content("serverless-ca-bundle-dev.pem")
        .unwrap();
    assert_eq!(
        String::from_utf8(bundle.to_vec()).unwrap(),
        root.to_pem() + &issuing.to_pem()
    );
    assert_eq!(deployment.memory.keys.log().len(), 2, "no CRL was signed");
}

#[tokio::test]
async fn a_ca_that_exists_is_left_alone() {
    let deployment = Deployment::with_cas(&[]).await;
    let story = deployment.memory.publication.story().len();
    let signatures = deployment.memory.keys.log().len();
    for function in [CreateRootCa, CreateIssuingCa, CreateIssuingCa] {
        assert_eq!(deployment.run(function).await, Ok(Value::Null));
    }
    assert_eq!(deployment.memory.publication.story().len(), story);
    assert_eq!(deployment.memory.keys.log().len(), signatures);
}

#[tokio::test]
async fn files_that_an_interrupted_run_left_out_are_published() {
    let deployment = Deployment::new(&[]).await;
    deployment.memory.faults.at("publication.put", 1, Fault::FailBefore);
    let failure = deployment.run(CreateRootCa).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    deployment.memory.faults.clear();
    deployment.run(CreateRootCa).await.unwrap();
    assert!(deployment.memory.publication.content(&format!("{ROOT}.crt")).is_some());
    assert_eq!(deployment.memory.keys.log().len(), 1);
}

#[tokio::test]
async fn each_function_touches_its_own_files_alone() {
    let deployment = Deployment::new(&[]).await;
    deployment.run(CreateRootCa).await.unwrap();
    let story = deployment.memory.publication.story().len();
    deployment.memory.publication.remove(&format!("{ROOT}.crt"));
    deployment.run(CreateIssuingCa).await.unwrap();
    let story = deployment.memory.publication.story().split_off(story);
    let names: Vec<String> = story.iter().map(|put| put.name.to_string()).collect();
    assert_eq!(
        names,
        [format!("{ISSUING}.crt"), "serverless-ca-bundle-dev.pem".to_owned()]
    );
}

#[tokio::test]
async fn interrupted_anywhere_a_run_can_be_repeated() {
    for call in 1..40 {
        for fault in [Fault::DieBefore, Fault::DieAfter] {
            let deployment = Deployment::new(&[]).await;
            deployment.memory.faults.at_call(call, fault);
            let first = deployment.run(CreateRootCa).await;
            let second = match first {
                Ok(_) => deployment.run(CreateIssuingCa).await,
                Err(_) => first,
            };
            deployment.memory.faults.clear();
            for function in [CreateRootCa, CreateIssuingCa] {
                deployment.run(function).await.unwrap();
            }
            let cas = deployment.memory.ledger.issuers().list().await.unwrap();
            assert_eq!(cas.len(), 2, "call {call}, {fault:?}, {second:?}");
            for file in [format!("{ROOT}.crt"), format!("{ISSUING}.crt")] {
                assert!(
                    deployment.memory.publication.content(&file).is_some(),
                    "{file}, call {call}, {fault:?}"
                );
            }
            let bundle = deployment
                .memory
                .publication
                .content("serverless-ca-bundle-dev.pem")
                .unwrap();
            let bundle = String::from_utf8(bundle.to_vec()).unwrap();
            assert_eq!(bundle.matches("BEGIN CERTIFICATE").count(), 2, "call {call}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn keys_are_of_the_algorithm_that_they_are_of() {
    for (root, issuing) in [
        (CaKeyAlgorithm::MlDsa87, CaKeyAlgorithm::MlDsa44),
        (CaKeyAlgorithm::P521, CaKeyAlgorithm::P384),
    ] {
        let deployment = Deployment::with_keys(&[], root, issuing).await;
        deployment.run(CreateRootCa).await.unwrap();
        deployment.run(CreateIssuingCa).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let deployment = Deployment::new(&[]).await;
    let failure = deployment.run(CreateIssuingCa).await.unwrap_err();
    assert!(failure.message.contains(ROOT), "{failure}");
    deployment.memory.keys.forget(&KeyName(ROOT.into()));
    let failure = deployment.run(CreateRootCa).await.unwrap_err();
    assert!(failure.message.contains("Terraform"), "{failure}");
    assert!(deployment.memory.ledger.issuers().list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_root_that_somebody_put_into_the_journal_is_not_published() {
    for function in [CreateRootCa, CreateIssuingCa] {
        let deployment = Deployment::with_cas(&[]).await;
        // Another deployment's root: of the same name, with another key.
        let other = Deployment::with_cas(&[]).await;
        let theirs = other.memory.ledger.issuers().list().await.unwrap()[0].clone();
        deployment
            .memory
            .ledger
            .replace_ca(&theirs.ca_name, &theirs.certificate, false);
        let story = deployment.memory.publication.story().len();
        let failure = deployment.run(function).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Internal);
        assert!(failure.message.contains("is not believed"), "{failure}");
        assert_eq!(
            deployment.memory.publication.story().len(),
            story,
            "nothing was published"
        );
        let failure = deployment
            .ask(&support::event("a", support::P256), "1")
            .await
            .unwrap_err();
        assert!(failure.message.contains("is not believed"), "{failure}");
    }
}

#[tokio::test]
async fn a_bundle_with_another_root_or_without_ours_is_repaired() {
    use chancery_authority::port::{Precondition, Publication, PublishedName};
    let other = Deployment::with_cas(&[]).await;
    let bundle = PublishedName::new("serverless-ca-bundle-dev.pem").unwrap();
    let content = |deployment: &Deployment| deployment.memory.publication.content(bundle.as_str()).unwrap().to_vec();
    for function in [CreateRootCa, CreateIssuingCa] {
        let deployment = Deployment::with_cas(&[]).await;
        let ours = content(&deployment);
        for wrong in [[content(&other), ours.clone()].concat(), content(&other)] {
            let body = Box::new(std::io::Cursor::new(wrong));
            let put = deployment
                .memory
                .publication
                .put(&bundle, body, Precondition::None)
                .await;
            put.unwrap();
            deployment.run(function).await.unwrap();
            assert_eq!(content(&deployment), ours);
        }
    }
}
