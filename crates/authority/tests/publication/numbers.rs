//! Numbers never go back, whatever a counter, a record or a file says.

use chancery_authority::port::ledger::{CrlRecord, Ledger, latest_crl};
use chancery_authority::publish::PublishError;
use chancery_testing::memory::Fault;

use super::{foreign_crl, put};
use crate::fixture::{Fixture, NOW, scope};

#[tokio::test]
async fn an_older_crl_that_somebody_put_back_is_told() {
    let fixture = Fixture::new().await;
    let of = scope("chancery-issuing-ca");
    let name = "chancery-issuing-ca.crl";
    let old = fixture.memory.publication.content(name).unwrap();
    let serial = fixture.issue("a.example", None).await.id.serial;
    fixture.revoke(serial).await;
    let publish = async || fixture.authority.publish_crl(&of).await.unwrap();
    assert_eq!(publish().await.damaged, [""; 0], "the newest stands");

    put(&fixture, name, &old).await;
    let damaged = publish().await.damaged;
    assert!(
        damaged.len() == 1 && damaged[0].contains("contains CRL number 1, although a newer CRL was published"),
        "{damaged:?}"
    );
    assert_eq!(fixture.listed(name), [serial]);
    assert_eq!(publish().await.damaged, [""; 0], "it is told once");

    let latest = latest_crl(fixture.memory.ledger.crls(), &of)
        .await
        .unwrap()
        .unwrap()
        .number;
    for other in [b"garbage".to_vec(), foreign_crl(&fixture, latest).await] {
        put(&fixture, name, &other).await;
        assert_eq!(publish().await.damaged.len(), 1);
        put(&fixture, name, &foreign_crl(&fixture, latest).await).await;
        assert_eq!(publish().await.damaged.len(), 1, "an older one");
    }
    // A ledger that was set back knows nothing of what is published; and where nothing stands, nobody put it there.
    put(&fixture, name, &foreign_crl(&fixture, 40).await).await;
    assert_eq!(publish().await.damaged, [""; 0]);
    fixture.memory.publication.remove(name);
    assert_eq!(publish().await.damaged, [""; 0]);
}

#[tokio::test]
async fn numbers_never_go_backwards_behind_an_old_ledger() {
    let fixture = Fixture::new().await;
    // The number that comes next, already published, is another CRL's.
    let same = foreign_crl(&fixture, 2).await;
    put(&fixture, "chancery-issuing-ca.crl", &same).await;
    let published = fixture
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    assert_eq!(published.number, 3);

    let newer = foreign_crl(&fixture, 40).await;
    put(&fixture, "chancery-issuing-ca.crl", &newer).await;
    let published = fixture
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    assert_eq!(
        (published.number, published.superseded_by),
        (41, None),
        "its numbers were skipped"
    );
    assert_eq!(fixture.crl("chancery-issuing-ca.crl").number(), Some(41));
    assert_eq!(fixture.crl("chancery-issuing-ca.crl.pem").number(), Some(41));

    // However far: one jump, and not a reservation for each number between.
    let far = foreign_crl(&fixture, 1_000_000_000_000).await;
    put(&fixture, "chancery-issuing-ca.crl", &far).await;
    let calls = fixture.memory.faults.calls().len();
    let published = fixture
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    assert_eq!(published.number, 1_000_000_000_001);
    assert!(fixture.memory.faults.calls().len() - calls < 40);

    // Nobody ever counted to this one, and none would be left.
    let last = foreign_crl(&fixture, u64::MAX).await;
    put(&fixture, "chancery-issuing-ca.crl", &last).await;
    match fixture.authority.publish_crl(&scope("chancery-issuing-ca")).await {
        Err(PublishError::Ahead {
            published: u64::MAX, ..
        }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(
        fixture.crl("chancery-issuing-ca.crl").number(),
        Some(u64::MAX),
        "it is not replaced"
    );
}

#[tokio::test]
async fn a_counter_that_was_set_back_leads_neither_back_nor_to_a_standstill() {
    let fixture = Fixture::new().await;
    let of = scope("chancery-issuing-ca");
    for _ in 0..3 {
        fixture.authority.publish_crl(&of).await.unwrap();
    }
    // The version of the file is the one that the ledger noted: its number decides all the same.
    fixture.memory.ledger.set_back(&of, 1);
    let serial = fixture.issue("a.example", None).await.id.serial;
    fixture.revoke(serial).await;
    assert_eq!(fixture.crl("chancery-issuing-ca.crl").number(), Some(5));
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [serial]);

    // A published one of a higher number that is older than ours does not stand for it.
    let old = foreign_crl(&fixture, 9).await;
    let latest = latest_crl(fixture.memory.ledger.crls(), &of).await.unwrap().unwrap();
    fixture.memory.ledger.plant(CrlRecord {
        number: 9,
        made_at: NOW.plus_days(-1),
        published: None,
        ..latest
    });
    put(&fixture, "chancery-issuing-ca.crl", &old).await;
    fixture.memory.ledger.set_back(&of, 1);
    let published = fixture.authority.publish_crl(&of).await.unwrap();
    assert_eq!((published.number, published.superseded_by), (10, None));
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [serial]);
}

/// A number can never go back: one that somebody made up near the end of all numbers must not be the last.
#[tokio::test]
async fn a_number_that_somebody_made_up_is_told_and_not_followed() {
    let of = scope("chancery-issuing-ca");
    let fixture = Fixture::new().await;
    let first = fixture.authority.publish_crl(&of).await.unwrap().number;
    // In the counter.
    fixture.memory.ledger.set_back(&of, (1 << 62) - 2);
    let published = fixture.authority.publish_crl(&of).await.unwrap();
    assert_eq!(published.number, first + 1);
    assert!(
        published.damaged.len() == 1 && published.damaged[0].contains("4611686018427387902"),
        "{:?}",
        published.damaged
    );
    let next = fixture.authority.publish_crl(&of).await.unwrap();
    assert_eq!((next.number, next.damaged), (first + 2, vec![]));

    // As a record, a published one even; told as long as it stands.
    let latest = latest_crl(fixture.memory.ledger.crls(), &of).await.unwrap().unwrap();
    fixture.memory.ledger.plant(CrlRecord {
        number: (1 << 62) - 2,
        published: latest.published.clone(),
        ..latest
    });
    for number in [first + 3, first + 4] {
        let published = fixture.authority.publish_crl(&of).await.unwrap();
        assert_eq!(published.number, number);
        assert!(
            published
                .damaged
                .iter()
                .any(|wrong| wrong.contains("find out who wrote it, and remove it")),
            "{:?}",
            published.damaged
        );
    }
    let statuses = fixture.authority.crl_status().await;
    let status = statuses.iter().find(|status| status.scope == of).unwrap();
    assert!(status.is_alarming());
    assert_eq!(status.latest.as_ref().map(|crl| crl.number), Some(first + 4));
    assert_eq!(fixture.crl("chancery-issuing-ca.crl").number(), Some(first + 4));
    assert_eq!(
        fixture.authority.publish_due_crls().await.len(),
        0,
        "nor is one due for it"
    );
}

/// What the CA's key vouches for is gone on from, however high.
#[tokio::test]
async fn a_high_number_that_was_signed_is_gone_on_from() {
    let of = scope("chancery-issuing-ca");
    let fixture = Fixture::new().await;
    let high = 1 << 50;
    put(&fixture, "chancery-issuing-ca.crl", &foreign_crl(&fixture, high).await).await;
    for number in [high + 1, high + 2] {
        let published = fixture.authority.publish_crl(&of).await.unwrap();
        assert_eq!((published.number, published.damaged), (number, vec![]));
    }
    // A counter that jumps from there further than anybody counts.
    fixture.memory.ledger.set_back(&of, 1 << 60);
    let published = fixture.authority.publish_crl(&of).await.unwrap();
    assert_eq!((published.number, published.damaged.len()), (high + 3, 1));
}

#[tokio::test]
async fn what_a_crash_leaves_of_a_crl_is_recorded() {
    let of = scope("chancery-issuing-ca");
    for (operation, fault) in [
        ("keys.sign", Fault::DieBefore),
        ("keys.sign", Fault::DieAfter),
        ("crls.complete", Fault::DieBefore),
    ] {
        let mut fixture = Fixture::new().await;
        fixture.memory.faults.at(operation, 1, fault);
        assert!(fixture.authority.publish_crl(&of).await.is_err());
        fixture.restart().await;
        fixture.memory.faults.clear();
        let open = fixture.memory.ledger.crls().open_intents(&of, 10).await.unwrap();
        assert_eq!(open.len(), 1, "{fault:?} at {operation}");
        let signed = fixture.memory.keys.log();
        let signed = signed
            .iter()
            .any(|signature| signature.input.as_bytes() == open[0].signing_input);
        assert_eq!(signed, fault == Fault::DieAfter || operation != "keys.sign");
        let published = fixture.authority.publish_crl(&of).await.unwrap();
        assert!(published.number > open[0].number);
        fixture.check("after a crash").await;
    }
}
