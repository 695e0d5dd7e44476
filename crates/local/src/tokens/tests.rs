use super::*;
use crate::block_on;
use crate::world::SystemEntropy;
use chancery_authority::token_scope::TokenScope;

const NOW: UnixTime = UnixTime(1_790_000_000);

fn ledger() -> (tempfile::TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(folder.path().join("ledger.sqlite3")).unwrap();
    (folder, ledger)
}

fn new(scopes: &str) -> NewToken {
    NewToken {
        name: "build server".into(),
        scopes: scopes.parse().unwrap(),
        expires_at: None,
    }
}

fn make(tokens: &Tokens, new: NewToken) -> (TokenRecord, TokenSecret) {
    block_on(tokens.create(new, &SystemEntropy, NOW)).unwrap()
}

#[test]
fn a_token_opens_what_it_was_made_for() {
    let (_folder, ledger) = ledger();
    let tokens = Tokens::new(&ledger);
    let (record, secret) = make(&tokens, new("issue,read"));
    assert!(
        secret.expose().starts_with(&format!("chy_{}_", record.id)),
        "{}",
        secret.expose()
    );
    for _ in 0..2 {
        let verified = block_on(tokens.verify(secret.expose(), NOW)).unwrap().unwrap();
        assert_eq!(verified.id, record.id);
        assert!(verified.scopes.allow(TokenScope::Issue) && verified.scopes.allow(TokenScope::Read));
        assert!(!verified.scopes.allow(TokenScope::Revoke) && !verified.scopes.allow(TokenScope::Admin));
    }
}

#[test]
fn whatever_is_not_the_token_opens_nothing() {
    let (_folder, ledger) = ledger();
    let tokens = Tokens::new(&ledger);
    let (_, one) = make(&tokens, new("issue"));
    let (other, _) = make(&tokens, new("admin"));
    block_on(tokens.verify(one.expose(), NOW)).unwrap().unwrap();
    let secret = one.expose().rsplit_once('_').unwrap().1;
    let mixed = format!("chy_{}_{secret}", other.id);
    let mut flipped = one.expose().to_owned();
    flipped.replace_range(25..26, if &flipped[25..26] == "a" { "b" } else { "a" });
    for wrong in [
        "",
        "chy_",
        "chy__",
        one.expose().trim_start_matches("chy_"),
        &mixed,
        &flipped,
        &format!("{} ", one.expose()),
    ] {
        assert_eq!(block_on(tokens.verify(wrong, NOW)).unwrap(), None, "{wrong:?}");
    }
}

#[test]
fn secrets_are_not_in_the_file() {
    let (folder, ledger) = ledger();
    let (_, secret) = make(&Tokens::new(&ledger), new("issue"));
    drop(ledger);
    let octets = std::fs::read(folder.path().join("ledger.sqlite3")).unwrap();
    let text = secret.expose().rsplit_once('_').unwrap().1;
    let raw = BASE32.decode(text.as_bytes()).unwrap();
    assert!(!octets.windows(text.len()).any(|window| window == text.as_bytes()));
    assert!(!octets.windows(raw.len()).any(|window| window == raw));
    assert!(octets.windows(32).any(|window| window == store::digest(&raw)));
    assert_eq!(format!("{secret:?}"), "TokenSecret(…)");
}

#[test]
fn an_expired_token_opens_nothing_even_while_it_is_believed() {
    let (_folder, ledger) = ledger();
    let tokens = Tokens::new(&ledger);
    let (_, secret) = make(
        &tokens,
        NewToken {
            expires_at: Some(NOW.plus_seconds(1)),
            ..new("issue")
        },
    );
    assert!(block_on(tokens.verify(secret.expose(), NOW)).unwrap().is_some());
    assert_eq!(
        block_on(tokens.verify(secret.expose(), NOW.plus_seconds(1))).unwrap(),
        None
    );
}

#[test]
fn a_revoked_token_opens_nothing_at_once_here_and_soon_elsewhere() {
    let (_folder, ledger) = ledger();
    let (here, elsewhere) = (Tokens::new(&ledger), Tokens::new(&ledger));
    let (record, secret) = make(&here, new("issue"));
    for tokens in [&here, &elsewhere] {
        assert!(block_on(tokens.verify(secret.expose(), NOW)).unwrap().is_some());
    }
    let revoked = block_on(here.revoke(&record.id, NOW)).unwrap();
    assert_eq!(revoked.revoked_at, Some(NOW));
    assert_eq!(block_on(here.verify(secret.expose(), NOW)).unwrap(), None);
    assert_eq!(
        block_on(elsewhere.verify(secret.expose(), NOW.plus_seconds(CACHED_FOR))).unwrap(),
        None
    );
    assert_eq!(
        block_on(elsewhere.verify(secret.expose(), NOW.plus_seconds(-1))).unwrap(),
        None,
        "a clock set back"
    );

    let again = block_on(here.revoke(&record.id, NOW.plus_days(1))).unwrap();
    assert_eq!(again.revoked_at, Some(NOW), "the first revocation stands");
    let unknown = block_on(here.revoke("nosuch", NOW));
    assert_eq!(unknown, Err(TokenError::NotFound { id: "nosuch".into() }));
}

#[test]
fn a_believed_token_costs_no_read() {
    let (_folder, ledger) = ledger();
    let tokens = Tokens::new(&ledger);
    let (record, secret) = make(&tokens, new("issue"));
    block_on(tokens.verify(secret.expose(), NOW)).unwrap().unwrap();
    // Deleted behind the store's back, so an answer must come from the cache.
    let id = record.id;
    block_on(ledger.write(move |writing| {
        Ok(writing
            .connection
            .execute("DELETE FROM api_tokens WHERE id = ?1", [&id])?)
    }))
    .unwrap();
    assert!(
        block_on(tokens.verify(secret.expose(), NOW.plus_seconds(CACHED_FOR - 1)))
            .unwrap()
            .is_some()
    );
    assert_eq!(
        block_on(tokens.verify(secret.expose(), NOW.plus_seconds(CACHED_FOR))).unwrap(),
        None
    );
}

#[test]
fn use_is_noted_now_and_then() {
    let (_folder, ledger) = ledger();
    let tokens = Tokens::new(&ledger);
    let (_, secret) = make(&tokens, new("issue"));
    let mut noted = Vec::new();
    for seconds in [0, 100, LAST_USED_STEP] {
        block_on(tokens.verify(secret.expose(), NOW.plus_seconds(seconds)))
            .unwrap()
            .unwrap();
        // The recording of the use is not waited for; this write comes after it.
        block_on(ledger.write(|_| Ok(()))).unwrap();
        noted.push(block_on(tokens.list()).unwrap()[0].last_used_at.unwrap());
    }
    assert_eq!(noted, [NOW, NOW, NOW.plus_seconds(LAST_USED_STEP)]);
}

#[test]
fn of_tokens_that_have_ended_the_thousand_that_ended_last_are_kept() {
    let (_folder, ledger) = ledger();
    let tokens = Tokens::new(&ledger);
    let (living, _) = make(&tokens, new("issue"));
    let expiring = NewToken {
        expires_at: Some(NOW.plus_seconds(5_000)),
        ..new("issue")
    };
    make(&tokens, expiring);
    block_on(ledger.write(|writing| {
        writing.connection.execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1040)
             INSERT INTO api_tokens (id, name, scopes, digest, created_at, expires_at, revoked_at)
             SELECT 'old' || i, 'old', 'read', zeroblob(32), 0, CASE WHEN i % 2 THEN i END, CASE WHEN i % 2 THEN 5000 + i ELSE i END
             FROM n;",
        )?;
        Ok(())
    }))
    .unwrap();
    let ended = || -> Vec<String> {
        let mut all: Vec<_> = block_on(tokens.list())
            .unwrap()
            .into_iter()
            .map(|token| token.id)
            .collect();
        all.retain(|id| id.starts_with("old"));
        all
    };
    make(&tokens, new("read"));
    assert_eq!(ended().len(), 1008, "so many at once");
    make(&tokens, new("read"));
    let kept = ended();
    assert_eq!(kept.len(), 1000);
    assert!(
        !kept.contains(&"old40".to_owned()) && kept.contains(&"old41".to_owned()),
        "who ended first goes first"
    );
    let left = block_on(tokens.list()).unwrap();
    assert_eq!(left.len(), 1004);
    assert!(left.iter().any(|token| token.id == living.id), "what is valid stays");
}

#[test]
fn tokens_without_scope_or_with_odd_names_are_refused() {
    let (_folder, ledger) = ledger();
    let tokens = Tokens::new(&ledger);
    let refused = |new| block_on(tokens.create(new, &SystemEntropy, NOW)).unwrap_err();
    assert_eq!(refused(new("")), TokenError::NoScope);
    for name in ["", "a\nb", &"x".repeat(101)] {
        assert_eq!(
            refused(NewToken {
                name: name.into(),
                ..new("read")
            }),
            TokenError::BadName
        );
    }
    assert_eq!(
        "isue".parse::<TokenScopes>().unwrap_err().to_string(),
        "\"isue\" is no scope: use issue, revoke, read or admin"
    );
    assert_eq!("read issue".parse::<TokenScopes>().unwrap().to_string(), "issue read");
}
