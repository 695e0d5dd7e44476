//! API tokens: created once, shown once, stored as a digest.
//!
//! A token is `chy_ID_SECRET`: the id names it in lists, logs and the ledger; the secret is 256 random bits. The ledger
//! has the SHA-256 of the secret. A slow password hash would add nothing: it makes guessing expensive, and 256 random
//! bits cannot be guessed. So a stolen ledger gives no access, and a request costs one fast hash.

mod cache;
mod store;

use std::fmt;

use chancery_authority::port::{Entropy, LedgerError};
use chancery_x509::time::UnixTime;
use data_encoding::{Encoding, Specification};
use std::sync::LazyLock;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use chancery_authority::token_scope::TokenScopes;

use crate::ledger::SqliteLedger;
use cache::Cache;

/// Prefix of every token, by which scanners for leaked secrets recognize it.
const PREFIX: &str = "chy_";

/// Octets of an id: 80 bits do not collide, and encode as 16 characters.
const ID_OCTETS: usize = 10;

/// Octets of a secret.
const SECRET_OCTETS: usize = 32;

/// How long a verified token is accepted without reading the ledger, in seconds. A token revoked through this store is
/// refused at once; one revoked by another process (`chancery token revoke`) within this time.
pub const CACHED_FOR: i64 = 2;

/// The time of last use is written when it is older than this, in seconds: a busy token must not cause a write for each
/// request.
const LAST_USED_STEP: i64 = 300;

/// RFC 4648 section 6 in lower case without padding: a double click selects it, and no shell treats a character
/// specially.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    // The constant specification is valid, so the fallback is never used.
    specification.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
});

/// A token as its holder has it. Only [`TokenSecret::expose`] shows it; wiped from memory when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TokenSecret(String);

impl TokenSecret {
    /// The text, to be given to its holder.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(…)")
    }
}

/// A token to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Name for people to recognize it by; need not be unique.
    pub name: String,
    /// What its holder may do.
    pub scopes: TokenScopes,
    /// When it expires; `None`: never.
    pub expires_at: Option<UnixTime>,
}

/// A token as the ledger has it, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its id, 16 characters.
    pub id: String,
    /// Name for people to recognize it by.
    pub name: String,
    /// What its holder may do.
    pub scopes: TokenScopes,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it expires; `None`: never.
    pub expires_at: Option<UnixTime>,
    /// When it was last used, to within five minutes.
    pub last_used_at: Option<UnixTime>,
    /// When it was revoked; `None`: it is not.
    pub revoked_at: Option<UnixTime>,
}

impl TokenRecord {
    /// Whether it is neither revoked nor expired at that time.
    pub fn is_valid(&self, now: UnixTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// Why a token could not be made or revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// A token without scopes could do nothing.
    #[error("a token needs a scope: issue, revoke, read or admin")]
    NoScope,
    /// Names are for people: 1 to 100 characters, none of them a control character.
    #[error("a token's name has 1 to 100 characters, and no control characters")]
    BadName,
    /// No token of that id.
    #[error("there is no token {id}: `chancery token list` shows those there are")]
    NotFound {
        /// The id given.
        id: String,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The API tokens of one ledger. Every method may be called from any task; programs without an async runtime use
/// [`crate::block_on`].
pub struct Tokens {
    ledger: SqliteLedger,
    cache: Cache,
}

impl Tokens {
    /// The tokens of that ledger. One value should serve the whole process: it caches which tokens it has verified.
    pub fn new(ledger: &SqliteLedger) -> Self {
        Self {
            ledger: ledger.clone(),
            cache: Cache::default(),
        }
    }

    /// Creates a token. The secret is returned here and stored nowhere.
    pub async fn create(
        &self,
        new: NewToken,
        entropy: &dyn Entropy,
        now: UnixTime,
    ) -> Result<(TokenRecord, TokenSecret), TokenError> {
        let len = new.name.chars().count();
        if !(1..=100).contains(&len) || new.name.chars().any(char::is_control) {
            return Err(TokenError::BadName);
        }
        if new.scopes.is_empty() {
            return Err(TokenError::NoScope);
        }
        let (id, secret, text) = draw(entropy);
        let record = TokenRecord {
            id,
            name: new.name,
            scopes: new.scopes,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let (digest, kept) = (store::digest(&secret[..]), record.clone());
        self.ledger
            .write(move |writing| store::insert(writing, &kept, &digest))
            .await?;
        Ok((record, text))
    }

    /// The record of a token that is valid now; `None` for everything else, without the reason.
    pub async fn verify(&self, text: &str, now: UnixTime) -> Result<Option<TokenRecord>, LedgerError> {
        let Some((id, secret)) = parse(text) else {
            return Ok(None);
        };
        let digest = store::digest(&secret[..]);
        if let Some(record) = self.cache.get(&id, &digest, now) {
            return Ok(record.is_valid(now).then_some(record));
        }
        // Taken before the ledger is read: a revocation that comes meanwhile invalidates what was read.
        let generation = self.cache.generation();
        let found = self.ledger.read(move |connection| store::find(connection, &id)).await?;
        let Some((record, kept)) = found else { return Ok(None) };
        if !store::is_same(&kept, &digest) || !record.is_valid(now) {
            return Ok(None);
        }
        self.note_use(&record, now);
        self.cache.insert(&generation, &record, digest, now);
        Ok(Some(record))
    }

    /// Every token, revoked and expired ones included, oldest first.
    pub async fn list(&self) -> Result<Vec<TokenRecord>, LedgerError> {
        self.ledger.read(store::list).await
    }

    /// Revokes a token; one that is revoked stays as it is.
    pub async fn revoke(&self, id: &str, now: UnixTime) -> Result<TokenRecord, TokenError> {
        let theirs = id.to_owned();
        let revoked = self
            .ledger
            .write(move |writing| store::revoke(writing, &theirs, now))
            .await;
        self.cache.forget(id);
        revoked?.ok_or_else(|| TokenError::NotFound { id: id.to_owned() })
    }

    /// Records the time of use at intervals, without waiting for the write: it is informative, and no decision depends
    /// on it.
    fn note_use(&self, record: &TokenRecord, now: UnixTime) {
        if record
            .last_used_at
            .is_none_or(|last| last.plus_seconds(LAST_USED_STEP) <= now)
        {
            let id = record.id.clone();
            drop(self.ledger.write(move |writing| store::note_use(writing, &id, now)));
        }
    }
}

fn draw(entropy: &dyn Entropy) -> (String, Zeroizing<[u8; SECRET_OCTETS]>, TokenSecret) {
    let mut id = [0; ID_OCTETS];
    let mut secret = Zeroizing::new([0; SECRET_OCTETS]);
    entropy.fill(&mut id);
    entropy.fill(&mut secret[..]);
    let id = BASE32.encode(&id);
    let encoded = Zeroizing::new(BASE32.encode(&secret[..]));
    let text = TokenSecret(format!("{PREFIX}{id}_{}", *encoded));
    (id, secret, text)
}

fn parse(text: &str) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let id_is_whole = BASE32
        .decode(id.as_bytes())
        .is_ok_and(|octets| octets.len() == ID_OCTETS);
    let secret = Zeroizing::new(BASE32.decode(secret.as_bytes()).ok()?);
    (id_is_whole && secret.len() == SECRET_OCTETS).then(|| (id.to_owned(), secret))
}

#[cfg(test)]
mod tests;
