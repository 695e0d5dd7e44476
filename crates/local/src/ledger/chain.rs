//! The condition, in a reserving transaction, that no CA of the issuer's chain is revoked, and that the recorded chain is
//! the one that signed the certificates: otherwise whoever takes a CA's parent out of its row takes that parent's
//! revocation with it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::ca::CaPublicKey;
use rusqlite::{Connection, OptionalExtension};

use super::fault::{Fault, damaged};

thread_local! {
    /// For each issuer, the certificates of its chain as they were found to be right last: each reservation would verify the
    /// same signatures.
    static RIGHT: RefCell<BTreeMap<CaName, Vec<Vec<u8>>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Refuses where the issuer or a CA above it is revoked or not recorded, or was not signed by the CA recorded above it.
pub(crate) fn check(connection: &Connection, issuer: &CaName) -> Result<(), Fault> {
    refuse_revoked(connection, issuer)?;
    refuse_other_signers(connection, issuer)
}

/// A certificate that cannot be parsed is left to whoever opens the CAs, which fails there.
fn refuse_other_signers(connection: &Connection, issuer: &CaName) -> Result<(), Fault> {
    let (mut names, mut certificates) = (Vec::new(), Vec::new());
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE chain (slug, certificate, parent, level) AS (
             SELECT slug, certificate, parent, 1 FROM authorities WHERE slug = ?1
             UNION ALL
             SELECT above.slug, above.certificate, above.parent, level + 1
             FROM chain JOIN authorities AS above ON above.slug = chain.parent WHERE level < ?2)
         SELECT slug, own.der FROM chain JOIN certificates AS own ON own.id = chain.certificate ORDER BY level",
    )?;
    let mut rows = statement.query((issuer.as_str(), LEVELS))?;
    while let Some(row) = rows.next()? {
        names.push(row.get::<_, String>(0)?);
        certificates.push(row.get::<_, Vec<u8>>(1)?);
    }
    if RIGHT.with_borrow(|right| right.get(issuer) == Some(&certificates)) {
        return Ok(());
    }
    let parsed: Result<Vec<_>, _> = certificates.iter().map(|der| Certificate::parse(der)).collect();
    let Ok(parsed) = parsed else { return Ok(()) };
    for (name, (own, level)) in names.iter().zip(parsed.iter().zip(1..)) {
        if !is_signed(own, parsed.get(level).unwrap_or(own)) {
            let above = names.get(level).map_or("no CA", String::as_str);
            return Err(damaged(format!(
                "the record of CA {name} has {above} above it, and {} signed its certificate; somebody has changed the record: \
                 restore it",
                own.issuer().to_rfc4514()
            )));
        }
    }
    RIGHT.with_borrow_mut(|right| right.insert(issuer.clone(), certificates));
    Ok(())
}

fn is_signed(certificate: &Certificate, signer: &Certificate) -> bool {
    certificate.issuer() == signer.subject()
        && CaPublicKey::from_der(signer.spki_der()).is_ok_and(|key| certificate.is_signed_by(&key))
}

/// Most levels of a hierarchy that are followed: parents in a cycle are damage, and the query must end all the same.
const LEVELS: i64 = 100;

/// Refuses where the issuer or a CA above it is revoked, or where the row of one of their certificates is missing. A CA is
/// revoked if any of its own certificates is, but for a former one that was superseded; or if its key is compromised.
fn refuse_revoked(connection: &Connection, issuer: &CaName) -> Result<(), Fault> {
    let Some((ca, is_revoked)) = first_revoked(connection, issuer, LEVELS)? else {
        return Ok(());
    };
    let ca = CaName::new(ca).map_err(|error| damaged(format!("a row of authorities: {error}")))?;
    Err(if is_revoked {
        LedgerError::IssuerRevoked { ca }.into()
    } else {
        LedgerError::no_record_of_ca(&ca).into()
    })
}

/// Whether one CA is revoked, by the same rule.
pub(crate) fn is_revoked(connection: &Connection, ca: &CaName) -> Result<bool, Fault> {
    Ok(first_revoked(connection, ca, 1)?.is_some_and(|(_, is_revoked)| is_revoked))
}

/// The first CA among so many levels that is revoked (`true`), or whose certificate's row is missing (`false`).
fn first_revoked(connection: &Connection, issuer: &CaName, levels: i64) -> Result<Option<(String, bool)>, Fault> {
    let found = connection
        .prepare_cached(
            "WITH RECURSIVE chain (slug, certificate, parent, level) AS (
                 SELECT slug, certificate, parent, 1 FROM authorities WHERE slug = ?1
                 UNION ALL
                 SELECT above.slug, above.certificate, above.parent, level + 1
                 FROM chain JOIN authorities AS above ON above.slug = chain.parent WHERE level < ?2),
             found (slug, level, is_revoked, has_row) AS (
                 SELECT slug, level,
                     EXISTS (SELECT 1 FROM revocations WHERE revocations.certificate = chain.certificate)
                         OR EXISTS (SELECT 1 FROM ca_certificates AS former
                             JOIN certificates AS issued ON issued.id = former.certificate AND issued.lost_at IS NULL
                             JOIN revocations ON revocations.certificate = former.certificate
                             WHERE former.ca = chain.slug AND revocations.reason <> ?3)
                         OR EXISTS (SELECT 1 FROM certificates AS own JOIN blocked_keys ON blocked_keys.key = own.key
                             WHERE own.id = chain.certificate),
                     EXISTS (SELECT 1 FROM certificates AS own WHERE own.id = chain.certificate)
                 FROM chain)
             SELECT slug, is_revoked FROM found WHERE is_revoked OR NOT has_row ORDER BY level LIMIT 1",
        )?
        .query_row((issuer.as_str(), levels, RevocationReason::Superseded.code()), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(found)
}
