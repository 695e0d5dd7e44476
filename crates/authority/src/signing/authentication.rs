//! Authentication codes of intents: made by processes that may prepare certificates, verified before an intent is
//! signed again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::lock::Mutex as AsyncMutex;

use super::NotSignable;
use crate::port::ledger::{CertificateIntent, IntentCode, Kind, OpenIntent, TokenOrigin};
use crate::port::{Clock, Entropy, IntentKey, IntentKeys, IntentNonce, KeyStoreError};

/// Most cached keys of other processes' nonces. Each costs a call to the key store.
const KEPT: usize = 256;

/// Makes codes under a nonce of its own, and verifies those of every process.
pub(crate) struct Authenticator {
    keys: Arc<dyn IntentKeys>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    /// The nonce and key of the day on which they were last used.
    own: Mutex<Option<(IntentNonce, Arc<IntentKey>)>>,
    /// Held during the call to the key store for the own key, so that concurrent callers make one call.
    asking: AsyncMutex<()>,
    others: Mutex<BTreeMap<IntentNonce, Arc<IntentKey>>>,
}

impl Authenticator {
    pub(crate) fn new(keys: Arc<dyn IntentKeys>, entropy: Arc<dyn Entropy>, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            entropy,
            clock,
            own: Mutex::default(),
            asking: AsyncMutex::new(()),
            others: Mutex::default(),
        }
    }

    /// Derives the own key: the only call to the key store that making codes needs, once a day per process.
    pub(crate) async fn make_ready(&self) -> Result<(), KeyStoreError> {
        self.own().await.map(|_| ())
    }

    /// Adds its code to an intent.
    pub(crate) async fn authenticate(&self, mut intent: CertificateIntent) -> Result<CertificateIntent, KeyStoreError> {
        let (nonce, key) = self.own().await?;
        intent.authentication = Some(IntentCode {
            nonce,
            code: key.code(&message(&intent.as_open())),
        });
        Ok(intent)
    }

    /// Whether an intent was made by an authorised process; an error of the key store leaves that undecided.
    pub(crate) async fn verify(&self, intent: &OpenIntent) -> Result<Result<(), NotSignable>, KeyStoreError> {
        let Some(IntentCode { nonce, code }) = intent.authentication else {
            return Ok(Err(NotSignable::NoCode));
        };
        // Before the call to the key store: an attacker who plants nonces of other days causes no such calls.
        if !nonce.is_taken(self.clock.now()) {
            return Ok(Err(NotSignable::OldCode));
        }
        let key = self.key_of(nonce).await?;
        if key.verifies(&message(intent), &code) {
            Ok(Ok(()))
        } else {
            Ok(Err(NotSignable::WrongCode))
        }
    }

    /// Whether verification under that nonce needs no call to the key store.
    pub(crate) fn knows(&self, nonce: &IntentNonce) -> bool {
        !nonce.is_taken(self.clock.now())
            || self.own_now().is_some_and(|(own, _)| own == *nonce)
            || self.others().contains_key(nonce)
    }

    async fn own(&self) -> Result<(IntentNonce, Arc<IntentKey>), KeyStoreError> {
        let of_today = |own: &(IntentNonce, Arc<IntentKey>)| own.0.is_of_day(self.clock.now());
        if let Some(own) = self.own_now().filter(of_today) {
            return Ok(own);
        }
        let _one_at_a_time = self.asking.lock().await;
        if let Some(own) = self.own_now().filter(of_today) {
            return Ok(own);
        }
        let mut random = [0; 32];
        self.entropy.fill(&mut random);
        let nonce = IntentNonce::of_day(self.clock.now(), random);
        let own = (nonce, Arc::new(self.keys.derive(&nonce).await?));
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(own.clone());
        Ok(own)
    }

    fn own_now(&self) -> Option<(IntentNonce, Arc<IntentKey>)> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn key_of(&self, nonce: IntentNonce) -> Result<Arc<IntentKey>, KeyStoreError> {
        if let Some((_, key)) = self.own_now().filter(|(own, _)| *own == nonce) {
            return Ok(key);
        }
        if let Some(key) = self.others().get(&nonce) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(self.keys.derive(&nonce).await?);
        let mut others = self.others();
        if others.len() >= KEPT {
            others.clear();
        }
        others.insert(nonce, Arc::clone(&key));
        Ok(key)
    }

    fn others(&self) -> std::sync::MutexGuard<'_, BTreeMap<IntentNonce, Arc<IntentKey>>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that decides an intent, each value prefixed with its length, so that no two intents give the same octets.
/// Left out: when it was reserved, which only determines its age, how often it was tried, which grows, and the code itself.
pub fn message(intent: &OpenIntent) -> Vec<u8> {
    // Destructured by name, so that anyone who adds a field has to decide whether it belongs here.
    let OpenIntent {
        id,
        kind,
        common_name,
        profile,
        renews,
        key,
        tbs,
        not_before,
        not_after,
        shard,
        principal,
        token,
        token_origin,
        notify_expiry,
        reserved_at: _,
        attempts: _,
        authentication: _,
    } = intent;
    let mut message = Message(Vec::with_capacity(tbs.len() + 512));
    // Intents of former versions, and of principals of whom nothing else is known, have no attributes.
    let attributes = principal.attributes();
    message.value(if attributes.is_empty() {
        b"intent v1"
    } else {
        b"intent v2"
    });
    message.value(id.issuer.as_str().as_bytes());
    message.value(id.serial.as_padded());
    match kind {
        Kind::Leaf => message.value(b"leaf"),
        Kind::Ca { ca_name, parent, key } => {
            message.value(b"authority");
            message.value(ca_name.as_str().as_bytes());
            message.optional(parent.as_ref().map(|parent| parent.as_str().as_bytes()));
            message.value(key.0.as_bytes());
        }
        Kind::CrossCertificate => message.value(b"cross-certificate"),
    }
    message.value(common_name.as_bytes());
    message.value(profile.as_bytes());
    message.optional(renews.as_ref().map(|renewed| renewed.issuer.as_str().as_bytes()));
    message.optional(renews.as_ref().map(|renewed| renewed.serial.as_padded().as_slice()));
    message.value(&key.0);
    message.value(&not_before.0.to_be_bytes());
    message.value(&not_after.0.to_be_bytes());
    message.optional(shard.map(u16::to_be_bytes).as_ref().map(<[u8; 2]>::as_slice));
    message.value(principal.to_string().as_bytes());
    message.optional(token.as_ref().map(|token| token.0.as_slice()));
    message.value(match token_origin {
        TokenOrigin::Caller => b"caller",
        TokenOrigin::Invocation => b"invocation",
    });
    message.value(&[u8::from(*notify_expiry)]);
    message.value(tbs);
    for (name, values) in attributes.by_name() {
        message.value(name.as_bytes());
        message.value(&(values.len() as u64).to_be_bytes());
        for value in values {
            message.value(value.as_bytes());
        }
    }
    message.0
}

struct Message(Vec<u8>);

impl Message {
    fn value(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(&(octets.len() as u64).to_be_bytes());
        self.0.extend_from_slice(octets);
    }

    fn optional(&mut self, octets: Option<&[u8]>) {
        self.0.push(u8::from(octets.is_some()));
        self.value(octets.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use chancery_x509::key::KeyFingerprint;
    use chancery_x509::serial::Serial;
    use chancery_x509::time::UnixTime;

    use super::*;
    use crate::ca_name::CaName;
    use crate::port::ledger::IntentId;
    use crate::principal::{Principal, attribute};

    fn intent(principal: Principal) -> OpenIntent {
        OpenIntent {
            id: IntentId {
                issuer: CaName::new("a-ca").unwrap(),
                serial: Serial::from_octets(&[1]).unwrap(),
            },
            kind: Kind::Leaf,
            common_name: "a".to_owned(),
            profile: "p".to_owned(),
            renews: None,
            key: KeyFingerprint([7; 32]),
            tbs: b"tbs".to_vec(),
            not_before: UnixTime(1),
            not_after: UnixTime(2),
            shard: None,
            principal,
            token: None,
            token_origin: TokenOrigin::Caller,
            notify_expiry: false,
            reserved_at: UnixTime(3),
            attempts: 1,
            authentication: None,
        }
    }

    /// Codes of open intents that a former version recorded go on verifying.
    #[test]
    fn intents_without_attributes_are_authenticated_as_before() {
        let former = message(&intent(Principal::token("t")));
        assert_eq!(&former[..17], b"\0\0\0\0\0\0\0\x09intent v1");
        assert_eq!(&former[former.len() - 11..], b"\0\0\0\0\0\0\0\x03tbs");
        assert_eq!(former.len(), 244, "as in the release before attributes");
    }

    #[test]
    fn every_attribute_is_authenticated() {
        let principal = Principal::token("t").with(attribute::TOKEN_SCOPES, "issue");
        let with = |name, value| message(&intent(principal.clone().with(name, value)));
        let messages = [
            message(&intent(Principal::token("t"))),
            message(&intent(principal.clone())),
            with(attribute::TOKEN_SCOPES, "revoke"),
            with(attribute::TOKEN_NAME, "revoke"),
            with(attribute::TOKEN_NAME, "ci"),
        ];
        assert!(messages[1].starts_with(b"\0\0\0\0\0\0\0\x09intent v2"));
        for (index, one) in messages.iter().enumerate() {
            assert!(messages[..index].iter().all(|other| other != one), "{index}");
        }
    }
}
