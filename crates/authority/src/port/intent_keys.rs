//! Keys with which intents are authenticated: known to those alone who may prepare certificates.
//!
//! A ledger is written to by more than those who decide on certificates. An intent carries a code that only they can make,
//! so that what somebody else wrote there is never signed. The key of the code follows from a nonce and from a secret that
//! stays in the key store: a process draws one nonce, asks for its key once, and computes codes without asking again.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use chancery_x509::time::{DAY, UnixTime};

use super::keystore::KeyStoreError;

/// What the key store's secret is used for, before each nonce: no other use of it makes the same keys.
const LABEL: &[u8; 24] = b"chancery intent key v1\0\0";

/// A number that a key is derived from: the day on which it was drawn, and chance. Whoever got hold of a key, once, can make
/// codes with it for as long as codes of that day are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentNonce(pub [u8; 32]);

/// The key of one nonce, wiped from memory when dropped.
pub struct IntentKey(hmac::Key);

/// Derives keys for intents' authentication codes.
#[async_trait]
pub trait IntentKeys: Send + Sync {
    /// The key of that nonce: HMAC-SHA-256 of [`IntentNonce::message`] with the secret. The same for every process of this
    /// authority that may prepare certificates; [`KeyStoreError::Denied`] for everybody else.
    async fn derive(&self, nonce: &IntentNonce) -> Result<IntentKey, KeyStoreError>;
}

impl IntentNonce {
    /// Days for which codes under a nonce are taken: an intent waits for a key store that does not answer, for the sweep, and
    /// for its caller, and for nobody longer.
    pub const DAYS: i64 = 7;

    /// One of that day, of 28 random octets and four that are written over.
    pub fn of_day(at: UnixTime, mut random: [u8; 32]) -> Self {
        let day = u32::try_from(at.0.div_euclid(DAY)).unwrap_or_default();
        random[..4].copy_from_slice(&day.to_be_bytes());
        Self(random)
    }

    /// Whether it was drawn on the day of that time.
    pub fn is_of_day(&self, at: UnixTime) -> bool {
        self.age_in_days(at) == 0
    }

    /// Whether codes under it are taken: not of a day that is long past, nor, but for a clock that is ahead, of one to come.
    pub fn is_taken(&self, at: UnixTime) -> bool {
        (-1..=Self::DAYS).contains(&self.age_in_days(at))
    }

    fn age_in_days(&self, at: UnixTime) -> i64 {
        let [a, b, c, d, ..] = self.0;
        at.0.div_euclid(DAY) - i64::from(u32::from_be_bytes([a, b, c, d]))
    }

    /// What the secret's HMAC is computed over.
    pub fn message(&self) -> Vec<u8> {
        [LABEL.as_slice(), &self.0].concat()
    }
}

impl IntentKey {
    /// The key with these octets, of which the caller wipes its own copy.
    pub fn new(octets: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, octets))
    }

    /// The key of a nonce, where the secret itself is at hand.
    pub fn from_secret(secret: &[u8; 32], nonce: &IntentNonce) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&secret, &nonce.message());
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The code of a message.
    pub fn code(&self, message: &[u8]) -> [u8; 32] {
        let mut code = [0; 32];
        code.copy_from_slice(hmac::sign(&self.0, message).as_ref());
        code
    }

    /// Whether that is the message's code; takes the same time for every wrong one.
    pub fn verifies(&self, message: &[u8], code: &[u8; 32]) -> bool {
        hmac::verify(&self.0, message, code).is_ok()
    }
}

impl fmt::Debug for IntentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntentKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_for_a_week() {
        let drawn = UnixTime(1_795_464_000);
        let nonce = IntentNonce::of_day(drawn, [7; 32]);
        assert_eq!(nonce.0[4..], [7; 28]);
        for (days, taken) in [
            (-2, false),
            (-1, true),
            (0, true),
            (7, true),
            (8, false),
            (9_000, false),
        ] {
            assert_eq!(nonce.is_taken(drawn.plus_days(days)), taken, "after {days} days");
            assert_eq!(nonce.is_of_day(drawn.plus_days(days)), days == 0);
        }
        // As former versions drew them.
        assert!(!IntentNonce([7; 32]).is_taken(drawn));
    }

    #[test]
    fn a_derived_key_is_the_hmac_of_label_and_nonce() {
        let nonce = IntentNonce([7; 32]);
        assert_eq!(nonce.message().len(), 56);
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &[9; 32]);
        let octets: [u8; 32] = hmac::sign(&secret, &nonce.message()).as_ref().try_into().unwrap();
        let code = IntentKey::new(&octets).code(b"message");
        assert_eq!(IntentKey::from_secret(&[9; 32], &nonce).code(b"message"), code);
        assert!(IntentKey::new(&octets).verifies(b"message", &code));
        assert!(!IntentKey::new(&octets).verifies(b"massage", &code));
        let other = IntentKey::from_secret(&[9; 32], &IntentNonce([8; 32]));
        assert_ne!(other.code(b"message"), code);
    }
}
