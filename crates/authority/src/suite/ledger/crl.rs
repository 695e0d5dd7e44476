//! CRL numbers, views of revoked certificates, and which entries stay on a CRL.

use std::sync::Arc;

use chancery_x509::crl::{RevocationReason, RevokedEntry};
use futures_util::future::join_all;

use super::ok;
use super::reserve::{NOW, ca_name, intent, issue, reserve, serial};
use super::revoke::revocation;
use crate::port::ledger::{
    CertificateIntent, ChangeMark, CrlIntent, CrlPlan, CrlRecord, CrlReservation, CrlScope, CrlUse, Evidence, IntentId,
    Ledger, LedgerError, Listed, Reach, Revocation, RevokedEntries, crl_state, latest_crl,
};
use crate::port::{ETag, Receipt};

fn full() -> CrlScope {
    CrlScope {
        issuer: ca_name("a-ca"),
        shard: None,
    }
}

/// A plan that lists everything, made now.
const ALL: CrlPlan = CrlPlan {
    at: NOW,
    expired_before: None,
    above: 0,
    at_most: u64::MAX,
};

/// The intent to sign that number, and the resulting CRL.
fn intended(number: u64) -> CrlIntent {
    CrlIntent {
        scope: full(),
        number,
        signing_input: vec![6; 32],
        at: NOW.plus_seconds(number.cast_signed()),
    }
}

fn signed(number: u64, mark: Option<ChangeMark>) -> CrlRecord {
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

async fn revoke(ledger: &dyn Ledger, intent: &CertificateIntent, reason: RevocationReason) {
    ok(ledger
        .revocations()
        .revoke(&intent.id.issuer, intent.id.serial, revocation(NOW, reason), Reach::Key)
        .await);
}

/// The entries of a view; the totals must match them, and a second walk must equal the first.
fn entries(view: &mut dyn RevokedEntries) -> Vec<RevokedEntry> {
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

async fn view(ledger: &dyn Ledger, scope: &CrlScope) -> CrlReservation {
    ok(ledger.crls().reserve(scope, ALL).await)
}

async fn listed(ledger: &dyn Ledger, scope: &CrlScope) -> Vec<RevokedEntry> {
    entries(&mut *view(ledger, scope).await.revocations)
}

pub(super) async fn numbers_rise(ledger: Arc<dyn Ledger>) {
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

pub(super) async fn a_view_lists_every_change_that_it_covers(ledger: Arc<dyn Ledger>) {
    const ROUNDS: u32 = 4;
    const MANY: u32 = 12;
    for round in 0..ROUNDS {
        let numbers = 1 + round * MANY..1 + (round + 1) * MANY;
        for number in numbers.clone() {
            issue(&*ledger, &intent(number)).await;
        }
        let revoking = numbers.map(|number| {
            let ledger = ledger.clone();
            tokio::spawn(async move { revoke(&*ledger, &intent(number), RevocationReason::Superseded).await })
        });
        let making = (0..4).map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move { view(&*ledger, &full()).await })
        });
        let (revoked, made) = tokio::join!(join_all(revoking), join_all(making));
        for outcome in revoked {
            outcome.unwrap_or_else(|error| panic!("a revoking task panicked: {error}"));
        }
        let last = view(&*ledger, &full()).await;
        for outcome in made {
            let made = outcome.unwrap_or_else(|error| panic!("a reserving task panicked: {error}"));
            if made.mark == last.mark {
                assert_eq!(
                    made.revocations.entries(),
                    last.revocations.entries(),
                    "a CRL that covers all changes lists all of them"
                );
            }
        }
    }
}

pub(super) async fn scopes_are_kept_apart(ledger: &dyn Ledger) {
    let scope = |issuer: &str, shard| CrlScope {
        issuer: ca_name(issuer),
        shard,
    };
    let scopes = [
        scope("a-ca", None),
        scope("a-ca", Some(0)),
        scope("a-ca", Some(1)),
        scope("b-ca", None),
    ];
    for (number, scope) in (1..).zip(&scopes) {
        let id = IntentId {
            issuer: scope.issuer.clone(),
            serial: serial(number),
        };
        let certificate = CertificateIntent {
            id,
            shard: scope.shard,
            ..intent(number)
        };
        issue(ledger, &certificate).await;
        revoke(ledger, &certificate, RevocationReason::Superseded).await;
    }
    for (number, scope) in (1..).zip(&scopes) {
        let serials: Vec<_> = listed(ledger, scope).await.iter().map(|entry| entry.serial).collect();
        assert_eq!(
            serials,
            [serial(number)],
            "a CRL lists its own issuer's and shard's certificates alone"
        );
    }
    let (first, second) = (
        view(ledger, &scopes[0]).await.number,
        view(ledger, &scopes[1]).await.number,
    );
    let again = view(ledger, &scopes[0]).await.number;
    assert!(
        first > 0 && second > 0 && again > first,
        "every scope counts its own numbers"
    );
}

pub(super) async fn a_view_does_not_move(ledger: Arc<dyn Ledger>) {
    // Reserved in random order, to test that entries are sorted.
    let numbers: Vec<u32> = (1..=40).map(|i| i * 17 % 41).collect();
    for number in &numbers {
        issue(&*ledger, &intent(*number)).await;
    }
    for number in &numbers[..20] {
        revoke(&*ledger, &intent(*number), RevocationReason::Superseded).await;
    }
    let mut early = view(&*ledger, &full()).await;
    let before = entries(&mut *early.revocations);
    assert_eq!(before.len(), 20, "a view lists what is revoked");

    let tasks = numbers[20..].iter().copied().map(|number| {
        let ledger = ledger.clone();
        tokio::spawn(async move { revoke(&*ledger, &intent(number), RevocationReason::Superseded).await })
    });
    // Views during concurrent revocations: each is consistent, and none lacks what an earlier one listed.
    let views = async {
        let mut seen = 20;
        for _ in 0..5 {
            let now = listed(&*ledger, &full()).await.len();
            assert!(now >= seen, "what is revoked stays revoked");
            seen = now;
            tokio::task::yield_now().await;
        }
    };
    let (outcomes, ()) = futures_util::future::join(join_all(tasks), views).await;
    assert!(
        outcomes.iter().all(Result::is_ok),
        "revocations go on while views are read: {outcomes:?}"
    );

    assert_eq!(
        entries(&mut *early.revocations),
        before,
        "a view is that of the moment of its reservation"
    );
    assert_eq!(
        listed(&*ledger, &full()).await.len(),
        40,
        "a later view lists what was revoked meanwhile"
    );

    let stopped = early
        .revocations
        .for_each(&mut |_| Err(std::io::Error::other("enough")));
    assert!(
        stopped.is_err_and(|error| error.to_string().contains("enough")),
        "an error of the walker ends the walk"
    );
    assert!(early.revocations.damaged().is_empty(), "nothing is damaged here");
}

pub(super) async fn lost_intents_are_listed(ledger: &dyn Ledger) {
    let whole = intent(1);
    issue(ledger, &whole).await;
    let details = Revocation {
        invalidity_date: Some(NOW.plus_days(-2)),
        ..revocation(NOW.plus_seconds(5), RevocationReason::KeyCompromise)
    };
    ok(ledger
        .revocations()
        .revoke(&whole.id.issuer, whole.id.serial, details, Reach::Key)
        .await);
    let lost = intent(2);
    reserve(ledger, &lost).await;
    ok(ledger.intents().mark_lost(lost.id, NOW.plus_seconds(9)).await);
    reserve(ledger, &intent(3)).await;
    let wanted = [
        RevokedEntry {
            serial: serial(1),
            revoked_at: NOW.plus_seconds(5),
            reason: RevocationReason::KeyCompromise,
            invalidity_date: Some(NOW.plus_days(-2)),
        },
        RevokedEntry {
            serial: serial(2),
            revoked_at: NOW.plus_seconds(9),
            reason: RevocationReason::Unspecified,
            invalidity_date: None,
        },
    ];
    let message = "a CRL lists revoked certificates with all their details, and lost intents with time and no reason";
    assert_eq!(listed(ledger, &full()).await, wanted, "{message}");

    // The whole entry is replaced, not added: the totals are checked along with the entries.
    let superseded = intent(4);
    issue(ledger, &superseded).await;
    revoke(ledger, &superseded, RevocationReason::Superseded).await;
    revoke(ledger, &superseded, RevocationReason::KeyCompromise).await;
    let entry = listed(ledger, &full()).await.pop();
    let reason = entry.map(|entry| (entry.serial, entry.reason));
    assert_eq!(
        reason,
        Some((serial(4), RevocationReason::KeyCompromise)),
        "a replaced reason is on the CRL"
    );
}

pub(super) async fn pruning_looks_at_not_after_alone(ledger: &dyn Ledger) {
    let ends = [
        NOW.plus_days(-1),
        NOW.plus_seconds(-1),
        NOW,
        NOW.plus_seconds(1),
        NOW.plus_days(30),
    ];
    for (number, not_after) in (1..).zip(ends) {
        let certificate = CertificateIntent {
            not_before: NOW.plus_days(-400),
            not_after,
            ..intent(number)
        };
        issue(ledger, &certificate).await;
        // Long before, long after, with any reason: none of that matters.
        let at = NOW.plus_days(if number % 2 == 0 { -300 } else { 3 });
        let reason = RevocationReason::ALL[number as usize];
        ok(ledger
            .revocations()
            .revoke(&ca_name("a-ca"), serial(number), revocation(at, reason), Reach::Key)
            .await);
    }
    let lost = CertificateIntent {
        not_after: NOW.plus_seconds(-1),
        ..intent(6)
    };
    reserve(ledger, &lost).await;
    ok(ledger.intents().mark_lost(lost.id, NOW).await);

    let plan = CrlPlan {
        expired_before: Some(NOW),
        ..ALL
    };
    let mut pruned = ok(ledger.crls().reserve(&full(), plan).await);
    let serials: Vec<_> = entries(&mut *pruned.revocations)
        .iter()
        .map(|entry| entry.serial)
        .collect();
    let wanted = [serial(3), serial(4), serial(5)];
    assert_eq!(
        serials, wanted,
        "exactly those whose notAfter is before the time are left out"
    );
    assert_eq!(
        listed(ledger, &full()).await.len(),
        6,
        "pruning leaves entries out of one CRL and forgets none"
    );
    assert_eq!(
        ok(ledger.monitoring().counts().await).revoked,
        6,
        "pruning changes no count"
    );
    let record = ok(ledger.certificates().get(None, serial(1)).await);
    assert!(
        record.is_some_and(|record| record.revocation.is_some()),
        "an expired certificate stays revoked"
    );
}

pub(super) async fn the_latest_crl_is_the_highest(ledger: &dyn Ledger) {
    assert_eq!(
        ok(latest_crl(ledger.crls(), &full()).await),
        None,
        "before the first CRL there is no latest one"
    );
    let first = view(ledger, &full()).await.number;
    let second = view(ledger, &full()).await.number;
    let crl = |number: u64| signed(number, Some(ChangeMark("a mark".to_owned())));
    for number in [first, second] {
        ok(ledger.crls().intend(intended(number)).await);
    }
    assert_eq!(
        ok(latest_crl(ledger.crls(), &full()).await),
        None,
        "a reserved number is no CRL"
    );
    ok(ledger.crls().complete(crl(second)).await);
    assert_eq!(
        ok(latest_crl(ledger.crls(), &full()).await),
        Some(crl(second)),
        "a completed CRL is the latest"
    );
    ok(ledger.crls().complete(crl(first)).await);
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

pub(super) async fn numbers_jump_above_what_was_seen(ledger: &dyn Ledger) {
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
pub(super) async fn a_number_that_nobody_counted_to_is_not_followed(ledger: &dyn Ledger) {
    const AHEAD: u64 = 1 << 61;
    let first = view(ledger, &full()).await.number;
    ok(ledger.crls().intend(intended(first)).await);
    let jump = CrlPlan { above: AHEAD, ..ALL };
    let ahead = ok(ledger.crls().reserve(&full(), jump).await);
    assert_eq!((ahead.number, ahead.not_believed), (AHEAD + 1, None));
    let record = CrlIntent {
        at: NOW,
        ..intended(AHEAD + 1)
    };
    ok(ledger.crls().intend(record).await);
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

pub(super) async fn every_change_is_marked(ledger: &dyn Ledger) {
    let mark = async || ok(crl_state(ledger.crls(), &full()).await).mark;
    let shard = CrlScope {
        shard: Some(3),
        ..full()
    };
    let elsewhere = ok(crl_state(ledger.crls(), &shard).await).mark;
    let mut marks = vec![mark().await];
    let mut changed = async |what: &str, changes: bool| {
        let now = mark().await;
        let is_new = marks.last() != Some(&now);
        assert_eq!(is_new, changes, "{what}");
        if is_new {
            assert!(!marks.contains(&now), "{what}: no mark comes back");
            marks.push(now);
        }
    };
    issue(ledger, &intent(1)).await;
    reserve(ledger, &intent(2)).await;
    changed("issuing and reserving change nothing that a CRL lists", false).await;
    revoke(ledger, &intent(1), RevocationReason::Superseded).await;
    changed("a revocation does", true).await;
    revoke(ledger, &intent(1), RevocationReason::CessationOfOperation).await;
    changed("a later one does not", false).await;
    revoke(ledger, &intent(1), RevocationReason::KeyCompromise).await;
    changed("but for a compromised key", true).await;
    let serial = intent(1).id.serial;
    let looked_for = [serial, serial, intent(2).id.serial];
    let listed = ok(ledger.revocations().listed(&full().issuer, &looked_for).await);
    assert_eq!(
        listed
            .into_iter()
            .map(|(serial, listed)| (serial, listed.reason))
            .collect::<Vec<_>>(),
        [(serial, RevocationReason::KeyCompromise)],
        "a list may name a certificate twice"
    );
    ok(ledger.intents().mark_lost(intent(2).id, NOW).await);
    changed("an intent that is given up does", true).await;
    let reserved = view(ledger, &full()).await;
    changed("a CRL does not", false).await;
    assert_eq!(reserved.mark, mark().await, "a reservation tells what it covers");
    let other = ok(crl_state(ledger.crls(), &shard).await).mark;
    assert_eq!(other, elsewhere, "every scope has its own changes");
}

pub(super) async fn what_is_due_is_what_no_published_crl_covers(ledger: &dyn Ledger) {
    let has_changes = async || ok(crl_state(ledger.crls(), &full()).await).has_changes();
    let publish = async |noted: bool| {
        let CrlReservation { number, mark, .. } = view(ledger, &full()).await;
        ok(ledger.crls().intend(intended(number)).await);
        ok(ledger.crls().complete(signed(number, Some(mark))).await);
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

pub(super) async fn what_is_signed_is_recorded_before(ledger: &dyn Ledger) {
    let number = view(ledger, &full()).await.number;
    let unknown = LedgerError::UnknownCrl {
        issuer: ca_name("a-ca"),
        number,
    };
    let crl = signed(number, None);
    assert_eq!(
        ledger.crls().complete(crl.clone()).await,
        Err(unknown.clone()),
        "nothing is recorded as signed without an intent"
    );
    ok(ledger.crls().intend(intended(number)).await);
    ok(ledger.crls().intend(intended(number)).await);
    let other = CrlIntent {
        signing_input: vec![7; 32],
        ..intended(number)
    };
    assert_eq!(
        ledger.crls().intend(other).await,
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
    ok(ledger.crls().complete(crl.clone()).await);
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

pub(super) async fn uses_are_kept(ledger: &dyn Ledger) {
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

pub(super) async fn what_was_lost_is_put_back(ledger: &dyn Ledger) {
    let (kept, lost) = (intent(1), intent(2));
    issue(ledger, &kept).await;
    reserve(ledger, &lost).await;
    ok(ledger.intents().mark_lost(lost.id.clone(), NOW).await);
    let serials = [
        serial(1),
        serial(2),
        serial(3),
        serial(1),
        serial(3),
        serial(2),
        serial(1),
    ];
    let record = ok(ledger.certificates().get(None, serial(1)).await);
    let shown = ok(ledger.certificates().evidence(&ca_name("a-ca"), &serials).await);
    let certificates = record.map(|record| vec![record.certificate]);
    assert_eq!(
        shown.get(&serial(1)).map(|shown| shown.certificates.clone()),
        certificates,
        "a certificate is shown, once, however often it is asked for"
    );
    let given_up = Evidence {
        certificates: Vec::new(),
        given_up: true,
    };
    assert_eq!(
        shown.get(&serial(2)),
        Some(&given_up),
        "of an intent that was given up, that it was"
    );
    assert_eq!(shown.get(&serial(3)), None, "nothing is shown of what nobody knows");

    let entry = RevokedEntry {
        serial: serial(1),
        revoked_at: NOW.plus_days(-1),
        reason: RevocationReason::Superseded,
        invalidity_date: None,
    };
    let before = ok(crl_state(ledger.crls(), &full()).await).mark;
    ok(ledger.revocations().relist(&full(), &entry, kept.not_after).await);
    assert!(
        listed(ledger, &full()).await.contains(&entry),
        "what is put back is listed"
    );
    assert_ne!(
        ok(crl_state(ledger.crls(), &full()).await).mark,
        before,
        "and that is a change"
    );
    let record = ok(ledger.certificates().get(None, serial(1)).await);
    assert!(
        record.is_some_and(|record| record.revocation.is_some()),
        "its certificate is revoked"
    );
    let among = ok(ledger.revocations().listed(&ca_name("a-ca"), &serials).await);
    let wanted = Listed {
        reason: RevocationReason::Superseded,
        not_after: kept.not_after,
    };
    assert_eq!(
        among.get(&serial(1)),
        Some(&wanted),
        "who is listed is found among many, however often it is asked for"
    );
    assert_eq!(among.get(&serial(3)), None);
}
