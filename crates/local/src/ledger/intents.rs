//! Intents: reserved, and then completed or given up.

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{
    CertificateIntent, CertificateRecord, Completion, IntentId, Intents, KeyStatus, Kind, OpenIntent, OpenIntents,
    OpenPosition, Outcome, Reservation, TokenDigest, TokenOrigin,
};
use chancery_authority::principal::Attributes;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::certificate_row::{CertificateRow, IntentState, row_by_serial, select_rows};
use super::certificates::key_holder;
use super::family::{self, Predecessor};
use super::fault::{Fault, damaged};
use super::writer::Writing;
use super::{SqliteLedger, attempts, chain, freezes, issuer_states, lost};

#[async_trait]
impl Intents for SqliteLedger {
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        self.write(move |writing| reserve(writing, &intent)).await
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        self.write(move |writing| complete(writing, &completion)).await
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        self.write(move |writing| mark_lost(writing, &intent, at)).await
    }

    async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        self.read(move |connection| open_intents(connection, after, before, limit))
            .await
    }
}

/// Records an intent, or refuses it. Every check comes before the first write.
pub(crate) fn reserve(writing: &Writing<'_>, intent: &CertificateIntent) -> Result<Reservation, Fault> {
    let principal = intent.principal.to_string();
    if let Some(earlier) = earlier_request(writing.connection, &principal, intent)? {
        return Ok(earlier);
    }
    freezes::check(writing.connection)?;
    chain::check(writing.connection, &intent.id.issuer)?;
    issuer_states::check_issues(writing.connection, intent)?;
    check_ca(writing.connection, intent)?;
    check_key(writing.connection, intent)?;
    let predecessor = family::predecessor(writing, intent)?;
    if let Some(issuer) = writing.known_issuer(&intent.id.issuer)?
        && writing
            .connection
            .prepare_cached("SELECT 1 FROM certificates WHERE serial = ?1 AND issuer = ?2")?
            .exists((intent.id.serial.as_padded(), issuer))?
    {
        return Err(LedgerError::SerialTaken(intent.id.serial).into());
    }
    insert(writing, &principal, intent, predecessor)?;
    Ok(Reservation::New)
}

/// The outcome of the earlier request with the same idempotency token.
fn earlier_request(
    connection: &Connection,
    principal: &str,
    intent: &CertificateIntent,
) -> Result<Option<Reservation>, Fault> {
    let Some(token) = &intent.token else { return Ok(None) };
    let earlier: Option<(i64, Option<Vec<u8>>)> = connection
        .prepare_cached(
            "SELECT id, request_digest FROM certificates
             WHERE principal = ?1 AND token = ?2 AND token IS NOT NULL AND lost_at IS NULL",
        )?
        .query_row((principal, &token.0), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, digest)) = earlier else { return Ok(None) };
    if digest.as_deref() != Some(intent.request_digest.as_slice()) {
        return Err(LedgerError::TokenReused.into());
    }
    let mut statement = connection.prepare_cached(select_rows!("c.id = ?1"))?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let row = CertificateRow::read(row)?;
    Ok(Some(if row.state == IntentState::Issued {
        Reservation::Completed(Box::new(row.complete(connection)?))
    } else {
        Reservation::Open(Box::new(open_intent(connection, row)?))
    }))
}

/// A CA is made once; after that, its present certificate is renewed.
fn check_ca(connection: &Connection, intent: &CertificateIntent) -> Result<(), Fault> {
    let Kind::Ca { ca_name, .. } = &intent.kind else {
        return Ok(());
    };
    let present: Option<(Vec<u8>, String)> = connection
        .prepare_cached(
            "SELECT c.serial, i.slug FROM authorities a JOIN certificates c ON c.id = a.certificate
             JOIN issuers i ON i.id = c.issuer WHERE a.slug = ?1",
        )?
        .query_row([ca_name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match (present, &intent.renews) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(LedgerError::CaExists(ca_name.clone()).into()),
        (Some((serial, issuer)), Some(renewed))
            if serial == renewed.serial.as_padded() && issuer == renewed.issuer.as_str() =>
        {
            Ok(())
        }
        (_, Some(renewed)) => Err(LedgerError::not_present(renewed).into()),
    }
}

/// A key is certified for one common name; again for the same name only where the intent allows it.
fn check_key(connection: &Connection, intent: &CertificateIntent) -> Result<(), Fault> {
    match key_holder(connection, intent.key)? {
        KeyStatus::Blocked => Err(LedgerError::KeyBlocked.into()),
        KeyStatus::Held(common_name) if !(intent.allow_key_reuse && common_name == intent.common_name) => {
            Err(LedgerError::KeyInUse { common_name }.into())
        }
        KeyStatus::Held(_) | KeyStatus::Free => Ok(()),
    }
}

fn insert(
    writing: &Writing<'_>,
    principal: &str,
    intent: &CertificateIntent,
    predecessor: Option<Predecessor>,
) -> Result<(), Fault> {
    let issuer = writing.issuer(&intent.id.issuer)?;
    writing
        .connection
        .prepare_cached(
            "INSERT INTO certificates (issuer, serial, key, is_authority, common_name, profile, not_before, not_after,
                 shard, principal, notify_expiry, reserved_at, token, token_of_invocation, request_digest, der,
                 authentication, predecessor, renewals, principal_attributes, signing_attempts)
             VALUES (:issuer, :serial, :key, :is_authority, :common_name, :profile, :not_before, :not_after,
                 :shard, :principal, :notify_expiry, :reserved_at, :token, :token_of_invocation, :request_digest,
                 :der, :authentication, :predecessor, :renewals, :principal_attributes, 1)",
        )?
        .execute(named_params! {
            ":issuer": issuer,
            ":serial": intent.id.serial.as_padded(),
            ":key": intent.key.0,
            ":is_authority": intent.kind.is_ca(),
            ":common_name": intent.common_name,
            ":profile": intent.profile,
            ":not_before": intent.not_before.0,
            ":not_after": intent.not_after.0,
            ":shard": intent.shard,
            ":principal": principal,
            ":notify_expiry": intent.notify_expiry,
            ":reserved_at": intent.at.0,
            ":token": intent.token.as_ref().map(|token| &token.0),
            ":token_of_invocation": intent.token_origin == TokenOrigin::Invocation,
            ":request_digest": intent.token.as_ref().map(|_| &intent.request_digest),
            ":der": intent.tbs,
            ":authentication": intent.authentication.map(|code| code.to_octets()),
            ":predecessor": predecessor.map(|predecessor| predecessor.id),
            ":renewals": predecessor.map_or(0, |predecessor| predecessor.renewals),
            ":principal_attributes": attributes_text(intent.principal.attributes())?,
        })?;
    insert_ca(writing.connection, intent)?;
    attempts::insert(writing, &intent.first_attempt())?;
    writing.count(|counts| counts.open_intents += 1);
    Ok(())
}

/// Records which CA's certificate the row is that was inserted last.
fn insert_ca(connection: &Connection, intent: &CertificateIntent) -> Result<(), Fault> {
    let id = connection.last_insert_rowid();
    let (ca_name, parent, key) = match &intent.kind {
        Kind::Leaf => return Ok(()),
        Kind::CrossCertificate => (None, None, None),
        Kind::Ca { ca_name, parent, key } => (Some(ca_name), parent.as_ref(), Some(key)),
    };
    let values = (
        id,
        ca_name.map(CaName::as_str),
        parent.map(CaName::as_str),
        key.map(|key| &key.0),
    );
    connection.execute(
        "INSERT INTO ca_certificates (certificate, ca, parent, key) VALUES (?1, ?2, ?3, ?4)",
        values,
    )?;
    if ca_name.is_some() && intent.renews.is_none() {
        connection.execute(
            "INSERT INTO authorities (certificate, slug, parent, key) VALUES (?1, ?2, ?3, ?4)",
            values,
        )?;
    }
    Ok(())
}

/// Turns an open intent into a certificate.
pub(crate) fn complete(writing: &Writing<'_>, completion: &Completion) -> Result<CertificateRecord, Fault> {
    let row = open_row(writing, &completion.id)?;
    let kind = row.kind(writing.connection)?;
    let renews = row.renews(writing.connection)?;
    writing
        .connection
        .prepare_cached(
            "UPDATE certificates SET issued_at = ?2, receipt = ?3, der = ?4, authentication = NULL WHERE id = ?1",
        )?
        .execute((row.id, completion.at.0, &completion.receipt.0, &completion.certificate))?;
    if let Some(attempt) = completion.attempt {
        // Whoever took the attempt out of the journal does not keep the certificate from being recorded.
        attempts::conclude(
            writing.connection,
            attempt,
            &Outcome::Signed(completion.receipt.clone()),
            completion.at,
        )?;
    }
    if matches!(kind, Kind::Ca { .. })
        && let Some(renewed) = row.predecessor
    {
        replace_ca_certificate(writing.connection, renewed, &row)?;
    }
    writing.count(|counts| {
        counts.open_intents -= 1;
        counts.issued += 1;
    });
    Ok(CertificateRecord {
        kind,
        renews,
        certificate: completion.certificate.clone(),
        receipt: completion.receipt.clone(),
        issued_at: completion.at,
        ..row.record
    })
}

/// A CA's certificate takes the place of the one that it renewed, unless that was revoked meanwhile: then the intent is to be
/// given up, and no renewal takes a revocation back.
fn replace_ca_certificate(connection: &Connection, renewed: i64, by: &CertificateRow) -> Result<(), Fault> {
    let revoked = connection
        .prepare_cached("SELECT 1 FROM revocations WHERE certificate = ?1")?
        .exists([renewed])?;
    let replaced = connection.execute(
        "UPDATE authorities SET certificate = ?2 WHERE certificate = ?1",
        (renewed, by.id),
    )?;
    if revoked || replaced != 1 {
        return Err(LedgerError::NoOpenIntent(by.record.id.clone()).into());
    }
    Ok(())
}

/// Gives an open intent up.
pub(crate) fn mark_lost(writing: &Writing<'_>, intent: &IntentId, at: UnixTime) -> Result<(), Fault> {
    let id: Option<i64> = match writing.known_issuer(&intent.issuer)? {
        Some(issuer) => writing
            .connection
            .prepare_cached("SELECT id FROM certificates WHERE serial = ?1 AND issuer = ?2")?
            .query_row((intent.serial.as_padded(), issuer), |row| row.get(0))
            .optional()?,
        None => None,
    };
    match id {
        Some(id) if lost::give_up_row(writing, id, at)? => Ok(()),
        Some(_) | None => Err(LedgerError::NoOpenIntent(intent.clone()).into()),
    }
}

fn open_row(writing: &Writing<'_>, intent: &IntentId) -> Result<CertificateRow, Fault> {
    let row = match writing.known_issuer(&intent.issuer)? {
        Some(issuer) => row_by_serial(writing.connection, Some(issuer), intent.serial)?,
        None => None,
    };
    row.filter(|row| row.state == IntentState::Open)
        .ok_or_else(|| LedgerError::NoOpenIntent(intent.clone()).into())
}

/// Open intents reserved before `before`, after the position `after`. One that cannot be read is reported beside the
/// others and does not count towards the limit, so that it does not keep the sweep from them.
pub(crate) fn open_intents(
    connection: &Connection,
    after: Option<OpenPosition>,
    before: UnixTime,
    limit: usize,
) -> Result<OpenIntents, Fault> {
    let mut statement = connection.prepare_cached(select_rows!(
        "c.issued_at IS NULL AND c.lost_at IS NULL AND c.reserved_at >= ?1 AND c.reserved_at < ?2
             AND (c.reserved_at > ?1 OR c.serial > ?3) ORDER BY c.reserved_at, c.serial"
    ))?;
    let (since, serial) = match &after {
        Some(after) => (after.reserved_at.0, after.serial.as_padded().as_slice()),
        None => (i64::MIN, [].as_slice()),
    };
    let mut rows = statement.query((since, before.0, serial))?;
    let mut open = OpenIntents::default();
    while open.intents.len() < limit
        && let Some(row) = rows.next()?
    {
        match CertificateRow::read(row).and_then(|row| open_intent(connection, row)) {
            Ok(intent) => open.intents.push(intent),
            Err(Fault::Ledger(error)) => open.add_unreadable(error.to_string()),
            Err(other) => return Err(other),
        }
    }
    Ok(open)
}

/// The attributes as they are recorded; `None` where there are none.
fn attributes_text(attributes: &Attributes) -> Result<Option<String>, Fault> {
    if attributes.is_empty() {
        return Ok(None);
    }
    let text = serde_json::to_string(attributes.by_name());
    text.map(Some).map_err(|error| damaged(error.to_string()))
}

fn open_intent(connection: &Connection, row: CertificateRow) -> Result<OpenIntent, Fault> {
    let kind = row.kind(connection)?;
    let renews = row.renews(connection)?;
    let CertificateRow {
        record,
        token,
        token_origin,
        authentication,
        reserved_at,
        signing_attempts,
        ..
    } = row;
    Ok(OpenIntent {
        id: record.id,
        kind,
        common_name: record.common_name,
        profile: record.profile,
        renews,
        key: record.key,
        tbs: record.certificate,
        not_before: record.not_before,
        not_after: record.not_after,
        shard: record.shard,
        token: token.map(|token| TokenDigest::of(&record.principal.to_string(), &token)),
        token_origin,
        principal: record.principal,
        notify_expiry: record.notify_expiry,
        reserved_at,
        attempts: signing_attempts,
        authentication,
    })
}

#[cfg(test)]
mod tests {
    use chancery_testing::suite;
    use rusqlite::{Connection, StatementStatus};

    use super::super::certificates::FIRST_OF_KEY;
    use super::*;

    /// Reservations run on the single writing thread: the cost of a key's many certificates there delays every write.
    #[test]
    fn a_reservation_does_not_look_at_every_certificate_of_its_key() {
        let connection = Connection::open_in_memory().unwrap();
        for migration in crate::ledger::schema::MIGRATIONS {
            connection.execute_batch(migration).unwrap();
        }
        let intent = CertificateIntent {
            allow_key_reuse: true,
            ..suite::intent(1)
        };
        connection
            .execute_batch("INSERT INTO issuers (id, slug) VALUES (1, 'a-ca')")
            .unwrap();
        connection
            .execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                 INSERT INTO certificates (issuer, serial, key, is_authority, common_name, profile, not_before, not_after,
                     principal, notify_expiry, reserved_at, issued_at, der)
                 SELECT 1, unhex(printf('%040x', i)), ?1, 0, ?2, 'tls', 0, 100, 'p', 0, i, i, x'30' FROM n",
                (intent.key.0, &intent.common_name),
            )
            .unwrap();
        check_key(&connection, &intent).unwrap();
        // SQLite counts the steps in the statement, which the cache returns.
        let statement = connection.prepare_cached(FIRST_OF_KEY).unwrap();
        let steps = statement.get_status(StatementStatus::VmStep);
        assert!((1..100).contains(&steps), "{steps} steps for one of 100,000 rows");
        drop(statement);
        let other = CertificateIntent {
            common_name: "other.example.com".to_owned(),
            ..intent
        };
        assert!(check_key(&connection, &other).is_err());
    }
}
