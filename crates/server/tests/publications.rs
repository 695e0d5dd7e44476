//! A publication that takes longer than anybody waits for an answer.

use std::time::Duration;

use axum::http::Method;
use chancery_authority::TokenScope;
use chancery_testing::memory::Fault;
use serde_json::json;

use crate::fixture::{Fixture, QUICK, json as body_of};

#[tokio::test(start_paused = true)]
async fn a_thousand_shards_are_published_and_can_be_asked_after() {
    let config = format!("public_url = \"http://pki.example.com\"\n{QUICK}\n[ca.crl]\nshards = 40");
    let fixture = Fixture::new(&config).await;
    let total = fixture.authority.crl_scopes().len();
    assert!(total > 40);
    for nth in 1..=total {
        fixture
            .memory
            .faults
            .at("keys.sign", nth, Fault::Delay(Duration::from_secs(1)));
    }
    let answer = fixture
        .send(TokenScope::Admin, Method::POST, "/api/v1/crls", &json!({}))
        .await;
    assert_eq!(answer.status(), 202);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    let begun = body_of(answer).await;
    assert_eq!((&begun["finished"], &begun["total"]), (&json!(false), &json!(total)));
    assert!(place.ends_with(begun["publication"].as_str().unwrap()));

    let mut asked = 0;
    let crls = loop {
        let answer = fixture.send(TokenScope::Read, Method::GET, &place, &json!(null)).await;
        assert_eq!(answer.status(), 200);
        let state = body_of(answer).await;
        if state["finished"] == true {
            break state["crls"].as_array().unwrap().clone();
        }
        asked += 1;
        assert!(asked < 200, "{state}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    assert_eq!(crls.len(), total);
    assert!(crls.iter().all(|crl| crl.get("problem").is_none()), "{crls:?}");

    let unknown = "/api/v1/crls/publications/0";
    assert_eq!(
        fixture
            .send(TokenScope::Read, Method::GET, unknown, &json!(null))
            .await
            .status(),
        404
    );
    // Quick ones are answered as before.
    let answer = fixture
        .send(TokenScope::Admin, Method::POST, "/api/v1/crls", &json!({}))
        .await;
    assert_eq!(answer.status(), 200);
    assert_eq!(body_of(answer).await["crls"].as_array().unwrap().len(), total);
}

#[tokio::test(start_paused = true)]
async fn a_long_order_is_not_cut_off_and_a_crl_that_hangs_keeps_no_other_back() {
    let config = format!("public_url = \"http://pki.example.com\"\n{QUICK}\n[ca.crl]\nshards = 40");
    let fixture = Fixture::new(&config).await;
    let total = fixture.authority.crl_scopes().len();
    let delay = |nth, seconds| {
        let fault = Fault::Delay(Duration::from_secs(seconds));
        fixture.memory.faults.at("publication.put", nth, fault);
    };
    // One hangs; the others together take longer than one request may.
    delay(1, 100_000);
    (2..=total).for_each(|nth| delay(nth, 20));
    let answer = fixture
        .send(TokenScope::Admin, Method::POST, "/api/v1/crls", &json!({}))
        .await;
    assert_eq!(answer.status(), 202);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    let mut asked = 0;
    let crls = loop {
        let answer = fixture.send(TokenScope::Read, Method::GET, &place, &json!(null)).await;
        let state = body_of(answer).await;
        if state["finished"] == true {
            assert!(state.get("problem").is_none(), "{state}");
            break state["crls"].as_array().unwrap().clone();
        }
        asked += 1;
        assert!(asked < 200, "{state}");
        tokio::time::sleep(Duration::from_secs(20)).await;
    };
    assert_eq!(crls.len(), total);
    let problems: Vec<_> = crls.iter().filter_map(|crl| crl.get("problem")).collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].as_str().unwrap().contains("within 10 minutes"),
        "{problems:?}"
    );
}
