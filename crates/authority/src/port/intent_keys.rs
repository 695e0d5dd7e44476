//! Keys that authenticate intents. Only processes that may prepare certificates can derive them.
//!
//! More processes can write to a ledger than may decide on certificates. An intent therefore carries a code that only
//! the latter can compute, so that an intent written by any other is never signed. The code's key is derived from a
//! nonce and a secret that stays in the key store: a process draws one nonce, derives its key once, and computes codes
//! without asking again.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use chancery_x509::time::{DAY, UnixTime};

use super::keystore::KeyStoreError;

/// Prefix of the HMAC input, before the nonce: separates these keys from any other use of the secret.
const LABEL: &[u8; 24] = b"chancery intent key v1\0\0";

/// The number that a key is derived from: the day on which it was drawn, followed by random octets. An attacker who
/// obtains a derived key can compute codes with it for as long as codes of that day are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentNonce(pub [u8; 32]);

/// The key of one nonce, wiped from memory when dropped.
pub struct IntentKey(hmac::Key);

/// Derives keys for intents' authentication codes.
#[async_trait]
pub trait IntentKeys: Send + Sync {
    /// Derives the nonce's key: HMAC-SHA-256 of [`IntentNonce::message`] under the secret. The same for every process
    /// of this authority that may prepare certificates; every other process gets [`KeyStoreError::Denied`].
    async fn derive(&self, nonce: &IntentNonce) -> Result<IntentKey, KeyStoreError>;
}

impl IntentNonce {
    /// Days for which codes under a nonce are accepted: long enough for an intent to wait for an unavailable key store,
    /// for the sweep, and for its caller to repeat the request.
    pub const DAYS: i64 = 7;

    /// A nonce of that day: 28 random octets, after four that are overwritten with the day number.
    pub fn of_day(at: UnixTime, mut random: [u8; 32]) -> Self {
        let day = u32::try_from(at.0.div_euclid(DAY)).unwrap_or_default();
        random[..4].copy_from_slice(&day.to_be_bytes());
        Self(random)
    }

    /// Whether the nonce was drawn on the (UTC) day of `at`.
    pub fn is_of_day(&self, at: UnixTime) -> bool {
        self.age_in_days(at) == 0
    }

    /// Whether codes under this nonce are accepted at `at`: it is at most [`DAYS`](Self::DAYS) days old. A nonce of
    /// tomorrow is accepted too, since the clock that drew it may be ahead.
    pub fn is_taken(&self, at: UnixTime) -> bool {
        (-1..=Self::DAYS).contains(&self.age_in_days(at))
    }

    fn age_in_days(&self, at: UnixTime) -> i64 {
        let [a, b, c, d, ..] = self.0;
        at.0.div_euclid(DAY) - i64::from(u32::from_be_bytes([a, b, c, d]))
    }

    /// The input of the HMAC under the secret: label and nonce.
    pub fn message(&self) -> Vec<u8> {
        [LABEL.as_slice(), &self.0].concat()
    }
}

impl IntentKey {
    /// The key with these octets. The caller must wipe its own copy.
    pub fn new(octets: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, octets))
    }

    /// Derives a nonce's key in a process that holds the secret itself.
    pub fn from_secret(secret: &[u8; 32], nonce: &IntentNonce) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&secret, &nonce.message());
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// HMAC-SHA-256 of a message.
    pub fn code(&self, message: &[u8]) -> [u8; 32] {
        let mut code = [0; 32];
        code.copy_from_slice(hmac::sign(&self.0, message).as_ref());
        code
    }

    /// Whether `code` is the message's code; compares in constant time.
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
        // A nonce without a day, as former versions drew it.
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
