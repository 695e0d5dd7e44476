//! The journal's entry of one certificate: its intent, and afterwards what the drop-in row does not say.

use chancery_authority::Slug;
use chancery_authority::port::ledger::{
    CertificateIntent, CertificateRecord, IntentCode, IntentId, Kind, OpenIntent, TokenDigest,
};
use chancery_authority::port::{KeyName, Receipt};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::{Item, Malformed};
use super::names;
use super::row::{self, Row};

/// `Open` of intents that are open; the attribute is what makes them appear in the index of that name.
pub(super) const OPEN: &str = "intent";

/// An entry, parsed.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: IntentId,
    pub(super) kind: Kind,
    pub(super) common_name: String,
    pub(super) profile: String,
    pub(super) key: KeyFingerprint,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) shard: Option<u16>,
    pub(super) principal: String,
    pub(super) notify_expiry: bool,
    pub(super) reserved_at: UnixTime,
    /// Its idempotency token.
    pub(super) token: Option<TokenDigest>,
    pub(super) authentication: Option<IntentCode>,
    pub(super) stage: Stage,
}

/// What became of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Reserved; the TBSCertificate.
    Open { tbs: Vec<u8> },
    /// A certificate.
    Complete { receipt: Receipt, issued_at: UnixTime },
    /// Given up.
    Lost,
}

/// The entry of an intent that is being reserved. `attempt` tells this write from everybody else's.
pub(super) fn of_intent(intent: &CertificateIntent, attempt: &str) -> Item {
    let entry = of_facts(&Entry::from_intent(intent));
    entry
        .text("Stage", "open")
        .text("Open", OPEN)
        .time("Since", intent.at)
        .octets("Tbs", intent.tbs.clone())
        .optional_octets("Authentication", intent.authentication.map(|code| code.to_octets()))
        .text("Attempt", attempt)
}

/// What does not change with the stage.
pub(super) fn of_facts(entry: &Entry) -> Item {
    let item = names::intent(entry.id.serial)
        .text("Issuer", entry.id.issuer.as_str())
        .text("CommonName", &entry.common_name)
        .text("Profile", &entry.profile)
        .text("KeyFingerprint", entry.key.to_string())
        .time("NotBefore", entry.not_before)
        .time("NotAfter", entry.not_after)
        .optional_number("Shard", entry.shard)
        .text("Principal", &entry.principal)
        .flag("NotifyExpiry", entry.notify_expiry)
        .time("ReservedAt", entry.reserved_at)
        .optional_text("Token", entry.token.map(names::token));
    match &entry.kind {
        Kind::Leaf => item,
        Kind::Authority { slug, parent, key } => item
            .text("AuthoritySlug", slug.as_str())
            .optional_text("AuthorityParent", parent.as_ref().map(Slug::as_str))
            .text("AuthorityKey", &key.0),
    }
}

impl Entry {
    pub(super) fn from_intent(intent: &CertificateIntent) -> Self {
        Self {
            id: intent.id.clone(),
            kind: intent.kind.clone(),
            common_name: intent.common_name.clone(),
            profile: intent.profile.clone(),
            key: intent.key,
            not_before: intent.not_before,
            not_after: intent.not_after,
            shard: intent.shard,
            principal: intent.principal.to_string(),
            token: intent.token_digest(),
            authentication: intent.authentication,
            notify_expiry: intent.notify_expiry,
            reserved_at: intent.at,
            stage: Stage::Open {
                tbs: intent.tbs.clone(),
            },
        }
    }

    pub(super) fn parse(item: &Item) -> Result<Self, Malformed> {
        let serial: Serial = item.parse("Key", |key| {
            key.strip_prefix("intent#").unwrap_or(key).parse::<Serial>()
        })?;
        let slug = |item: &Item, name| item.parse(name, |text| Slug::new(text));
        Ok(Self {
            id: IntentId {
                issuer: slug(item, "Issuer")?,
                serial,
            },
            kind: match item.optional("AuthoritySlug", slug)? {
                None => Kind::Leaf,
                Some(of) => Kind::Authority {
                    slug: of,
                    parent: item.optional("AuthorityParent", slug)?,
                    key: KeyName(item.as_text("AuthorityKey")?.to_owned()),
                },
            },
            common_name: item.as_text("CommonName")?.to_owned(),
            profile: item.as_text("Profile")?.to_owned(),
            key: item.parse("KeyFingerprint", |digits| {
                KeyFingerprint::from_hex(digits).ok_or("it is not 64 hexadecimal digits")
            })?,
            not_before: item.as_time("NotBefore")?,
            not_after: item.as_time("NotAfter")?,
            shard: item.optional("Shard", Item::as_number)?,
            principal: item.as_text("Principal")?.to_owned(),
            notify_expiry: item.as_flag("NotifyExpiry")?,
            reserved_at: item.as_time("ReservedAt")?,
            token: item.optional("Token", |item, name| {
                item.parse(name, |text| {
                    names::token_of(text).ok_or("it is not token# and 64 hexadecimal digits")
                })
            })?,
            // One that cannot be read is none.
            authentication: item.as_octets("Authentication").ok().and_then(IntentCode::from_octets),
            stage: match item.as_text("Stage")? {
                "open" => Stage::Open {
                    tbs: item.as_octets("Tbs")?.to_vec(),
                },
                "complete" => Stage::Complete {
                    receipt: Receipt(item.as_text("Receipt")?.to_owned()),
                    issued_at: item.as_time("IssuedAt")?,
                },
                "lost" => Stage::Lost,
                other => {
                    return Err(Malformed {
                        attribute: "Stage",
                        wrong: format!("is {other:?}, which this version does not know"),
                    });
                }
            },
        })
    }

    /// `None` unless it is open.
    pub(super) fn as_open(&self) -> Option<OpenIntent> {
        let Stage::Open { tbs } = &self.stage else {
            return None;
        };
        Some(OpenIntent {
            id: self.id.clone(),
            kind: self.kind.clone(),
            common_name: self.common_name.clone(),
            profile: self.profile.clone(),
            key: self.key,
            tbs: tbs.clone(),
            not_before: self.not_before,
            not_after: self.not_after,
            shard: self.shard,
            principal: self.principal.clone(),
            token: self.token,
            notify_expiry: self.notify_expiry,
            reserved_at: self.reserved_at,
            authentication: self.authentication,
        })
    }

    /// The partition of its row in the certificate table: the common name, or a CA's name.
    pub(super) fn partition(&self) -> &str {
        match &self.kind {
            Kind::Leaf => row::partition(&self.common_name),
            Kind::Authority { slug, .. } => slug.as_str(),
        }
    }

    /// The key of that row.
    pub(super) fn row_key(&self) -> Item {
        Item::row_key(self.partition(), self.id.serial.to_string())
    }

    /// The whole record; `None` unless the entry is complete.
    pub(super) fn record(self, row: Row) -> Option<CertificateRecord> {
        let Stage::Complete { receipt, issued_at } = self.stage else {
            return None;
        };
        Some(CertificateRecord {
            id: self.id,
            kind: self.kind,
            common_name: self.common_name,
            profile: self.profile,
            certificate: row.certificate,
            key: self.key,
            not_before: self.not_before,
            not_after: self.not_after,
            shard: self.shard,
            principal: self.principal,
            receipt,
            issued_at,
            revocation: row.revocation,
            // The row is where people switch reminders on and off.
            notify_expiry: row.notify_expiry.unwrap_or(self.notify_expiry),
            reminders: row.reminders,
        })
    }
}
