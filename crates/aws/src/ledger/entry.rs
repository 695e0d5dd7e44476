//! The journal's entry of one certificate: its intent, and afterwards what the drop-in row does not say.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CertificateIntent, CertificateRecord, IntentCode, IntentId, Kind, OpenIntent, TokenDigest, TokenOrigin,
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

/// `TokenOf` of a token that the runtime made.
const INVOCATION: &str = "invocation";

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
    pub(super) token_origin: TokenOrigin,
    /// What it renews, and where that puts it; `None` for one that renews nothing.
    pub(super) renewal: Option<Renewal>,
    pub(super) stage: Stage,
}

/// Where a renewal stands among those that go back to one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Renewal {
    pub(super) predecessor: IntentId,
    /// The certificate that renewed nothing.
    pub(super) root: Serial,
    /// Renewals from there to here.
    pub(super) renewals: u32,
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
pub(super) fn of_intent(intent: &CertificateIntent, renewal: Option<&Renewal>, attempt: &str) -> Item {
    let entry = of_facts(&Entry::from_intent(intent, renewal.cloned()));
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
        .optional_text("Token", entry.token.map(names::token))
        .optional_text("TokenOf", of_invocation(entry.token_origin));
    let item = match &entry.renewal {
        None => item,
        Some(renewal) => item
            .text("Predecessor", renewal.predecessor.serial.to_string())
            .text("PredecessorIssuer", renewal.predecessor.issuer.as_str())
            .text("Line", renewal.root.to_string())
            .number("Renewals", renewal.renewals),
    };
    match &entry.kind {
        Kind::Leaf => item,
        Kind::Authority { ca_name, parent, key } => item
            .text("AuthoritySlug", ca_name.as_str())
            .optional_text("AuthorityParent", parent.as_ref().map(CaName::as_str))
            .text("AuthorityKey", &key.0),
    }
}

fn of_invocation(origin: TokenOrigin) -> Option<&'static str> {
    match origin {
        TokenOrigin::Caller => None,
        TokenOrigin::Invocation => Some(INVOCATION),
    }
}

impl Entry {
    pub(super) fn from_intent(intent: &CertificateIntent, renewal: Option<Renewal>) -> Self {
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
            token_origin: intent.token_origin,
            renewal,
            stage: Stage::Open {
                tbs: intent.tbs.clone(),
            },
        }
    }

    pub(super) fn parse(item: &Item) -> Result<Self, Malformed> {
        let serial: Serial = item.parse("Key", |key| {
            key.strip_prefix("intent#").unwrap_or(key).parse::<Serial>()
        })?;
        let ca_name = |item: &Item, name| item.parse(name, |text| CaName::new(text));
        Ok(Self {
            id: IntentId {
                issuer: ca_name(item, "Issuer")?,
                serial,
            },
            kind: match item.optional("AuthoritySlug", ca_name)? {
                None => Kind::Leaf,
                Some(of) => Kind::Authority {
                    ca_name: of,
                    parent: item.optional("AuthorityParent", ca_name)?,
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
            // Without it the token is a caller's, as all were that earlier versions recorded.
            token_origin: match item.optional("TokenOf", |item, name| item.as_text(name).map(str::to_owned))? {
                Some(of) if of == INVOCATION => TokenOrigin::Invocation,
                Some(_) | None => TokenOrigin::Caller,
            },
            renewal: item.optional("Predecessor", |item, name| {
                Ok(Renewal {
                    predecessor: IntentId {
                        issuer: ca_name(item, "PredecessorIssuer")?,
                        serial: item.parse(name, str::parse)?,
                    },
                    root: item.parse("Line", str::parse)?,
                    renewals: item.as_number("Renewals")?,
                })
            })?,
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
            renews: self.renewal.as_ref().map(|renewal| renewal.predecessor.clone()),
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
            token_origin: self.token_origin,
        })
    }

    /// The partition of its row in the certificate table: the common name, or a CA's name.
    pub(super) fn partition(&self) -> &str {
        match &self.kind {
            Kind::Leaf => row::partition(&self.common_name),
            Kind::Authority { ca_name, .. } => ca_name.as_str(),
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
            renews: self.renewal.map(|renewal| renewal.predecessor),
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
