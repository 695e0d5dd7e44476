//! Intents and certificates for the suites of the ledger, and the calls that each of them makes.

use std::sync::atomic::{AtomicU64, Ordering};

use chancery_authority::ca_name::CaName;
use chancery_authority::port::ledger::{
    AttemptId, AttemptOrigin, AttemptPosition, CertificateIntent, CertificateRecord, Completion, IntentCode, IntentId,
    Kind, Ledger, Reservation, Revocation, TokenOrigin,
};
use chancery_authority::port::{IntentNonce, KeyName, Receipt};
use chancery_authority::principal::{Principal, attribute};
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::ok;

/// The time at which the suite runs.
pub(super) const NOW: UnixTime = UnixTime(1_800_000_000);

/// An intent for a leaf of `a-ca` whose serial, key and name follow from `number`; the caller may change fields.
///
/// # Panics
/// If `number` is zero, which is not a serial number.
pub fn intent(number: u32) -> CertificateIntent {
    let octets = number.to_be_bytes();
    let mut key = [0; 32];
    key[..4].copy_from_slice(&octets);
    CertificateIntent {
        id: IntentId {
            issuer: ca_name("a-ca"),
            serial: serial(number),
        },
        kind: Kind::Leaf,
        common_name: format!("host{number}.example.com"),
        profile: "tls-server".to_owned(),
        renews: None,
        key: KeyFingerprint(key),
        allow_key_reuse: false,
        tbs: [b"tbs ", &octets[..]].concat(),
        signing_input: [b"digest ", &octets[..]].concat(),
        attempt: attempt_origin(number),
        not_before: NOW.plus_seconds(-300),
        not_after: NOW.plus_days(30),
        shard: None,
        principal: Principal::token("contract")
            .with(attribute::TOKEN_NAME, "ci")
            .with(attribute::TOKEN_SCOPES, "issue")
            .with(attribute::TOKEN_SCOPES, "revoke"),
        token: None,
        token_origin: TokenOrigin::Caller,
        request_digest: [7; 32],
        notify_expiry: false,
        at: NOW,
        authentication: Some(IntentCode {
            nonce: IntentNonce([number.to_be_bytes()[3]; 32]),
            code: key,
        }),
    }
}

/// The origin of an attempt, whose id begins with that number and is never made again.
pub fn attempt_origin(number: u32) -> AttemptOrigin {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let mut id = AttemptId([0x40; 16]);
    id.0[..4].copy_from_slice(&number.to_be_bytes());
    id.0[8..].copy_from_slice(&MADE.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    AttemptOrigin {
        id,
        key: KeyName("key of a-ca".to_owned()),
        request_id: Some(format!("request {number}")),
    }
}

/// The position of an attempt that nobody recorded.
pub fn attempt_position(number: u32, at: UnixTime) -> AttemptPosition {
    AttemptPosition {
        at,
        id: attempt_origin(number).id,
    }
}

pub(super) fn ca_name(text: &str) -> CaName {
    CaName::new(text).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn serial(number: u32) -> Serial {
    Serial::from_octets(&number.to_be_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// The completion of that intent.
pub(super) fn completion(intent: &CertificateIntent) -> Completion {
    Completion {
        id: intent.id.clone(),
        certificate: [b"certificate ", &intent.tbs[..]].concat(),
        receipt: Receipt(format!("receipt of {}", intent.id)),
        attempt: Some(intent.first_attempt().position()),
        at: intent.at.plus_seconds(1),
    }
}

pub(super) async fn reserve(ledger: &dyn Ledger, intent: &CertificateIntent) {
    let reservation = ok(ledger.intents().reserve(intent.clone()).await);
    assert!(
        matches!(reservation, Reservation::New),
        "a new intent is reserved: {reservation:?}"
    );
}

/// Reserves and completes.
pub(super) async fn issue(ledger: &dyn Ledger, intent: &CertificateIntent) -> CertificateRecord {
    reserve(ledger, intent).await;
    ok(ledger.intents().complete(completion(intent)).await)
}

/// An intent for a CA's own certificate.
pub(super) fn authority(number: u32, name: &str, parent: Option<&str>) -> CertificateIntent {
    CertificateIntent {
        id: IntentId {
            issuer: ca_name(parent.unwrap_or(name)),
            serial: serial(number),
        },
        kind: Kind::Ca {
            ca_name: ca_name(name),
            parent: parent.map(ca_name),
            key: KeyName(format!("key of {name}")),
        },
        principal: Principal::AUTHORITY,
        ..intent(number)
    }
}

pub(super) fn revocation(at: UnixTime, reason: RevocationReason) -> Revocation {
    Revocation {
        at,
        reason,
        invalidity_date: None,
        principal: "local:contract".to_owned(),
    }
}

/// More than the number of places in which any ledger stores whether a CA is revoked, or issues.
pub(super) const MORE_THAN_PARTITIONS: u32 = 32;

/// An intent under that CA.
pub(super) fn intent_under(issuer: &str, number: u32) -> CertificateIntent {
    let intent = intent(number);
    CertificateIntent {
        id: IntentId {
            issuer: ca_name(issuer),
            ..intent.id
        },
        ..intent
    }
}
