//! Requirements on every [`Crls`](chancery_authority::port::ledger::Crls).

mod views;

use std::sync::Arc;

use chancery_authority::port::ledger::{
    CertificateIntent, ChangeMark, CrlIntent, CrlPlan, CrlRecord, CrlReservation, CrlScope, CrlUse, Ledger,
    LedgerError, Reach, RevokedEntries, crl_state, latest_crl,
};
use chancery_authority::port::{ETag, Receipt};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use futures_util::future::join_all;

use super::fixture::{NOW, attempt_origin, attempt_position, ca_name, intent, issue, revocation};
use super::ok;

/// Tests every requirement of [`Crls`](chancery_authority::port::ledger::Crls).
///
/// # Panics
/// If a requirement is violated.
pub async fn crls(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    numbers_rise(make().await).await;
    views::scopes_are_kept_apart(&*make().await).await;
    views::a_view_does_not_move(make().await).await;
    views::a_view_lists_every_change_that_it_covers(make().await).await;
    views::lost_intents_are_listed(&*make().await).await;
    views::pruning_looks_at_not_after_alone(&*make().await).await;
    the_latest_crl_is_the_highest(&*make().await).await;
    numbers_jump_above_what_was_seen(&*make().await).await;
    a_number_that_nobody_counted_to_is_not_followed(&*make().await).await;
    views::every_change_is_marked(&*make().await).await;
    what_is_due_is_what_no_published_crl_covers(&*make().await).await;
    what_is_signed_is_recorded_before(&*make().await).await;
    uses_are_kept(&*make().await).await;
}

pub(super) fn full() -> CrlScope {
    CrlScope {
        issuer: ca_name("a-ca"),
        shard: None,
    }
}

/// A plan that lists everything, made now.
pub(super) const ALL: CrlPlan = CrlPlan {
    at: NOW,
    expired_before: None,
    above: 0,
    at_most: u64::MAX,
};

/// The intent to sign that number, and the resulting CRL.
pub(super) fn intended(number: u64) -> CrlIntent {
    CrlIntent {
        scope: full(),
        number,
        signing_input: vec![6; 32],
        at: NOW.plus_seconds(number.cast_signed()),
    }
}

pub(super) fn signed(number: u64, mark: Option<ChangeMark>) -> CrlRecord {
    let made_at = NOW.plus_seconds(number.cast_signed());
    CrlRecord {
        scope: full(),
        number,
        made_at,
        this_update: made_at.plus_seconds(-300),
        next_update: NOW.plus_days(1),
        entries: 12,
        digest: [5; 32],
        receipt: Receipt(format!("receipt {number}")),
        mark,
        published: None,
    }
}

pub(super) async fn revoke(ledger: &dyn Ledger, intent: &CertificateIntent, reason: RevocationReason) {
    ok(ledger
        .revocations()
        .revoke(&intent.id.issuer, intent.id.serial, revocation(NOW, reason), Reach::Key)
        .await);
}

/// The entries of a view; the totals must match them, and a second walk must equal the first.
pub(super) fn entries(view: &mut dyn RevokedEntries) -> Vec<RevokedEntry> {
    let mut walks = [Vec::new(), Vec::new()];
    for walk in &mut walks {
        let outcome = view.for_each(&mut |entry| {
            walk.push(*entry);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("a view can be walked: {error}"));
    }
    let [walked, again] = walks;
    assert_eq!(walked, again, "a view can be walked again and is the same");
    assert_eq!(
        view.entries(),
        walked.len() as u64,
        "a view's number of entries is that of its entries"
    );
    let octets: usize = walked.iter().map(RevokedEntry::encoded_len).sum();
    assert_eq!(
        view.octets(),
        octets as u64,
        "a view's octets are the sum of its entries'"
    );
    assert!(
        walked.is_sorted_by(|one, next| one.serial < next.serial),
        "entries are ordered by serial, each once"
    );
    walked
}

pub(super) async fn view(ledger: &dyn Ledger, scope: &CrlScope) -> CrlReservation {
    ok(ledger.crls().reserve(scope, ALL).await)
}

pub(super) async fn listed(ledger: &dyn Ledger, scope: &CrlScope) -> Vec<RevokedEntry> {
    entries(&mut *view(ledger, scope).await.revocations)
}

async fn numbers_rise(ledger: Arc<dyn Ledger>) {
    let mut last = 0;
    for _ in 0..3 {
        let number = view(&*ledger, &full()).await.number;
        assert!(
            number > last,
            "a CRL number is greater than every one reserved before, used or not"
        );
        last = number;
    }
    let tasks = (0..16).map(|_| {
        let ledger = ledger.clone();
        tokio::spawn(async move { view(&*ledger, &full()).await.number })
    });
    let outcomes = join_all(tasks).await.into_iter();
    let mut numbers: Vec<_> = outcomes
        .map(|outcome| outcome.unwrap_or_else(|error| panic!("a reserving task panicked: {error}")))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 16, "CRL numbers reserved concurrently are all different");
    assert!(
        numbers[0] > last,
        "CRL numbers reserved concurrently are greater than those before"
    );
}

async fn the_latest_crl_is_the_highest(ledger: &dyn Ledger) {
    assert_eq!(
        ok(latest_crl(ledger.crls(), &full()).await),
        None,
        "before the first CRL there is no latest one"
    );
    let first = view(ledger, &full()).await.number;
    let second = view(ledger, &full()).await.number;
    let crl = |number: u64| signed(number, Some(ChangeMark("a mark".to_owned())));
    for number in [first, second] {
        ok(ledger.crls().intend(intended(number), attempt_origin(1)).await);
    }
    assert_eq!(
        ok(latest_crl(ledger.crls(), &full()).await),
        None,
        "a reserved number is no CRL"
    );
    ok(ledger.crls().complete(crl(second), attempt_position(1, NOW)).await);
    assert_eq!(
        ok(latest_crl(ledger.crls(), &full()).await),
        Some(crl(second)),
        "a completed CRL is the latest"
    );
    ok(ledger.crls().complete(crl(first), attempt_position(1, NOW)).await);
    assert_eq!(
        ok(latest_crl(ledger.crls(), &full()).await),
        Some(crl(second)),
        "the latest CRL is the one of the highest number"
    );

    ok(ledger
        .crls()
        .mark_published(&full(), first, ETag("older".to_owned()))
        .await);
    assert_eq!(
        ok(latest_crl(ledger.crls(), &full()).await),
        Some(crl(second)),
        "another number's publication is another's"
    );
    ok(ledger
        .crls()
        .mark_published(&full(), second, ETag("newer".to_owned()))
        .await);
    let published = CrlRecord {
        published: Some(ETag("newer".to_owned())),
        ..crl(second)
    };
    assert_eq!(
        ok(latest_crl(ledger.crls(), &full()).await),
        Some(published),
        "a publication is recorded with its version"
    );
    let shard = CrlScope {
        shard: Some(1),
        ..full()
    };
    assert_eq!(
        ok(latest_crl(ledger.crls(), &shard).await),
        None,
        "every scope has its own latest CRL"
    );
    assert!(view(ledger, &full()).await.number > second, "numbers go on rising");
}

async fn numbers_jump_above_what_was_seen(ledger: &dyn Ledger) {
    let first = view(ledger, &full()).await.number;
    let seen = first + 1_000_000;
    let above = CrlPlan { above: seen, ..ALL };
    let jumped = ok(ledger.crls().reserve(&full(), above).await).number;
    assert_eq!(jumped, seen + 1, "a number seen elsewhere is jumped over at once");
    let behind = CrlPlan { above: first, ..ALL };
    let next = ok(ledger.crls().reserve(&full(), behind).await).number;
    assert!(next > jumped, "a number seen below takes nobody back");
    assert!(view(ledger, &full()).await.number > next, "numbers go on from there");
}

/// A counter or a record that an attacker set far ahead is not followed.
async fn a_number_that_nobody_counted_to_is_not_followed(ledger: &dyn Ledger) {
    const AHEAD: u64 = 1 << 61;
    let first = view(ledger, &full()).await.number;
    ok(ledger.crls().intend(intended(first), attempt_origin(1)).await);
    let jump = CrlPlan { above: AHEAD, ..ALL };
    let ahead = ok(ledger.crls().reserve(&full(), jump).await);
    assert_eq!((ahead.number, ahead.not_believed), (AHEAD + 1, None));
    let record = CrlIntent {
        at: NOW,
        ..intended(AHEAD + 1)
    };
    ok(ledger.crls().intend(record, attempt_origin(1)).await);
    assert_eq!(ok(crl_state(ledger.crls(), &full()).await).number, AHEAD + 1);

    let believed = ok(ledger.crls().state_up_to(&full(), AHEAD).await);
    assert_eq!(believed.number, first, "as if it had never been recorded");
    let plan = CrlPlan {
        above: believed.number,
        at_most: AHEAD,
        ..ALL
    };
    let next = ok(ledger.crls().reserve(&full(), plan).await);
    assert_eq!(
        (next.number, next.not_believed),
        (first + 1, Some(AHEAD + 1)),
        "the counter is not followed, and that is told"
    );
    let after = ok(ledger.crls().reserve(&full(), plan).await);
    assert_eq!((after.number, after.not_believed), (first + 2, None), "it is right now");
    let most = CrlPlan {
        at_most: first + 2,
        ..plan
    };
    let next = ok(ledger.crls().reserve(&full(), most).await).number;
    assert_eq!(next, first + 3, "what is just believed counts");
}

async fn what_is_due_is_what_no_published_crl_covers(ledger: &dyn Ledger) {
    let has_changes = async || ok(crl_state(ledger.crls(), &full()).await).has_changes();
    let publish = async |noted: bool| {
        let CrlReservation { number, mark, .. } = view(ledger, &full()).await;
        ok(ledger.crls().intend(intended(number), attempt_origin(1)).await);
        ok(ledger
            .crls()
            .complete(signed(number, Some(mark)), attempt_position(1, NOW))
            .await);
        if noted {
            ok(ledger
                .crls()
                .mark_published(&full(), number, ETag("a version".to_owned()))
                .await);
        }
        number
    };
    assert!(has_changes().await, "where nothing is published, something is due");
    publish(false).await;
    assert!(has_changes().await, "a signed CRL is not a published one");
    let published = publish(true).await;
    assert!(!has_changes().await, "what is covered is covered");
    issue(ledger, &intent(1)).await;
    revoke(ledger, &intent(1), RevocationReason::Superseded).await;
    assert!(has_changes().await, "a revocation is not covered yet");
    let unpublished = publish(false).await;
    let standing = ok(crl_state(ledger.crls(), &full()).await);
    assert!(standing.has_changes(), "nor by a CRL that did not get out");
    let number = |crl: &Option<CrlRecord>| crl.as_ref().map(|crl| crl.number);
    assert_eq!(
        (number(&standing.latest), number(&standing.published)),
        (Some(unpublished), Some(published)),
        "the newest published CRL is known beside the newest signed one"
    );
    publish(true).await;
    assert!(!has_changes().await, "it is covered by the next one that does");
}

async fn what_is_signed_is_recorded_before(ledger: &dyn Ledger) {
    let number = view(ledger, &full()).await.number;
    let unknown = LedgerError::UnknownCrl {
        issuer: ca_name("a-ca"),
        number,
    };
    let crl = signed(number, None);
    assert_eq!(
        ledger.crls().complete(crl.clone(), attempt_position(1, NOW)).await,
        Err(unknown.clone()),
        "nothing is recorded as signed without an intent"
    );
    ok(ledger.crls().intend(intended(number), attempt_origin(1)).await);
    ok(ledger.crls().intend(intended(number), attempt_origin(1)).await);
    let other = CrlIntent {
        signing_input: vec![7; 32],
        ..intended(number)
    };
    assert_eq!(
        ledger.crls().intend(other, attempt_origin(1)).await,
        Err(LedgerError::CrlNumberTaken {
            issuer: ca_name("a-ca"),
            number
        }),
        "two CRLs never have one number"
    );
    assert_eq!(
        ok(ledger.crls().open_intents(&full(), 10).await),
        [intended(number)],
        "what a crash leaves is the record of what may have been signed"
    );
    assert_eq!(
        ok(crl_state(ledger.crls(), &full()).await).number,
        number,
        "the highest number that is recorded is known"
    );
    let etag = ETag("a version".to_owned());
    assert_eq!(
        ledger.crls().mark_published(&full(), number, etag.clone()).await,
        Err(unknown),
        "an intent is no CRL that could be published"
    );
    ok(ledger.crls().complete(crl.clone(), attempt_position(1, NOW)).await);
    assert_eq!(
        ok(ledger.crls().open_intents(&full(), 10).await),
        [],
        "a recorded CRL's intent is open no more"
    );
    assert_eq!(ok(latest_crl(ledger.crls(), &full()).await), Some(crl));
    for (scope, number) in [
        (full(), number + 1),
        (
            CrlScope {
                issuer: ca_name("nobody-ca"),
                shard: None,
            },
            1,
        ),
    ] {
        let issuer = scope.issuer.clone();
        assert_eq!(
            ledger.crls().mark_published(&scope, number, etag.clone()).await,
            Err(LedgerError::UnknownCrl { issuer, number }),
            "a number that is not recorded cannot have been published"
        );
    }
    let standing = ok(crl_state(ledger.crls(), &full()).await);
    assert_eq!(
        (standing.number, standing.published),
        (number, None),
        "and the try leaves nothing"
    );
}

async fn uses_are_kept(ledger: &dyn Ledger) {
    assert_eq!(ok(ledger.crls().uses().await), [], "before the first use there is none");
    let naming = |shard, url: Option<&str>, days| CrlUse {
        scope: CrlScope { shard, ..full() },
        url: url.map(str::to_owned),
        until: NOW.plus_days(days),
    };
    let (old, new) = (Some("http://old.example/a.crl"), Some("http://new.example/a.crl"));
    for record in [
        naming(None, None, 3),
        naming(Some(4), old, 10),
        naming(Some(4), new, 20),
        // Earlier, equal, later: the latest end is kept.
        naming(Some(4), old, 5),
        naming(Some(4), old, 10),
        naming(Some(4), old, 30),
    ] {
        ok(ledger.crls().record_use(record).await);
    }
    let elsewhere = CrlUse {
        scope: CrlScope {
            issuer: ca_name("b-ca"),
            shard: Some(4),
        },
        ..naming(None, old, 1)
    };
    ok(ledger.crls().record_use(elsewhere.clone()).await);
    let mut uses = ok(ledger.crls().uses().await);
    uses.sort();
    let mut wanted = [
        naming(None, None, 3),
        naming(Some(4), old, 30),
        naming(Some(4), new, 20),
        elsewhere,
    ];
    wanted.sort();
    assert_eq!(
        uses, wanted,
        "each scope and URL is kept with the end of the last that names it"
    );
}
