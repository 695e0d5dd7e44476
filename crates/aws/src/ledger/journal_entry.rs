//! The journal's entry of one certificate: its intent, and after completion what the drop-in row does not contain.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CertificateIntent, CertificateRecord, IntentCode, IntentId, Kind, OpenIntent, TokenDigest, TokenOrigin,
};
use chancery_authority::port::{KeyName, Receipt};
use chancery_authority::principal::{Attributes, Principal};
use chancery_contract::contract_time;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::pem;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::{Item, Malformed};
use super::journal_keys;
use super::row::{self, Row};

/// The value of `Open` in open intents; an item with that attribute appears in the index of that name.
pub(super) const OPEN: &str = "intent";

/// The value of `TokenOf` for a token that comes from the Lambda invocation, not from the caller.
const INVOCATION: &str = "invocation";

/// A parsed entry.
#[derive(Clone, Debug)]
pub(super) struct JournalEntry {
    pub(super) id: IntentId,
    pub(super) kind: Kind,
    pub(super) common_name: String,
    pub(super) profile: String,
    pub(super) key: KeyFingerprint,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) shard: Option<u16>,
    pub(super) principal: Principal,
    pub(super) notify_expiry: bool,
    pub(super) reserved_at: UnixTime,
    /// The digest of its idempotency token.
    pub(super) token: Option<TokenDigest>,
    pub(super) authentication: Option<IntentCode>,
    pub(super) token_origin: TokenOrigin,
    /// Its place in a line of renewals; `None` for one that renews nothing.
    pub(super) renewal: Option<Renewal>,
    pub(super) state: IntentState,
}

/// The place of a renewal among all that go back to one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Renewal {
    pub(super) predecessor: IntentId,
    /// The certificate at the start, which renewed nothing.
    pub(super) root: Serial,
    /// Number of renewals from the root to this one.
    pub(super) renewals: u32,
}

/// The stage of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IntentState {
    /// Reserved, with the TBSCertificate to sign.
    Open {
        tbs: Vec<u8>,
        /// How many attempts to sign it are recorded.
        attempts: u32,
    },
    /// Completed: the certificate is in its row.
    Complete { receipt: Receipt, issued_at: UnixTime },
    /// Given up: its serial number is listed as revoked.
    Lost,
}

/// The item of an intent that is being reserved. `attempt` is a nonce that identifies this write.
pub(super) fn of_intent(intent: &CertificateIntent, renewal: Option<&Renewal>, attempt: &str) -> Item {
    let entry = of_facts(&JournalEntry::from_intent(intent, renewal.cloned()));
    entry
        .text("Stage", "open")
        .text("Open", OPEN)
        .time("Since", intent.at)
        .octets("Tbs", intent.tbs.clone())
        .number("SigningAttempts", 1)
        .optional_octets("Authentication", intent.authentication.map(|code| code.to_octets()))
        .text("Attempt", attempt)
}

/// The attributes that do not change with the stage.
pub(super) fn of_facts(entry: &JournalEntry) -> Item {
    let item = journal_keys::intent(entry.id.serial)
        .text("Issuer", entry.id.issuer.as_str())
        .text("CommonName", &entry.common_name)
        .text("Profile", &entry.profile)
        .text("KeyFingerprint", entry.key.to_string())
        .time("NotBefore", entry.not_before)
        .time("NotAfter", entry.not_after)
        .optional_number("Shard", entry.shard)
        .text("Principal", entry.principal.to_string())
        .optional_texts("PrincipalAttributes", entry.principal.attributes().by_name())
        .flag("NotifyExpiry", entry.notify_expiry)
        .time("ReservedAt", entry.reserved_at)
        .optional_text("Token", entry.token.map(journal_keys::token))
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
        Kind::Ca { ca_name, parent, key } => item
            .text("AuthoritySlug", ca_name.as_str())
            .optional_text("AuthorityParent", parent.as_ref().map(CaName::as_str))
            .text("AuthorityKey", &key.0),
        Kind::CrossCertificate => item.flag("CrossCertificate", true),
    }
}

fn of_invocation(origin: TokenOrigin) -> Option<&'static str> {
    match origin {
        TokenOrigin::Caller => None,
        TokenOrigin::Invocation => Some(INVOCATION),
    }
}

impl JournalEntry {
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
            principal: intent.principal.clone(),
            token: intent.token_digest(),
            authentication: intent.authentication,
            notify_expiry: intent.notify_expiry,
            reserved_at: intent.at,
            token_origin: intent.token_origin,
            renewal,
            state: IntentState::Open {
                tbs: intent.tbs.clone(),
                attempts: 1,
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
                None if item.optional("CrossCertificate", Item::as_flag)? == Some(true) => Kind::CrossCertificate,
                None => Kind::Leaf,
                Some(of) => Kind::Ca {
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
            principal: Principal::recorded(
                item.as_text("Principal")?,
                Attributes::recorded(
                    item.optional("PrincipalAttributes", Item::as_texts)?
                        .unwrap_or_default(),
                ),
            ),
            notify_expiry: item.as_flag("NotifyExpiry")?,
            reserved_at: item.as_time("ReservedAt")?,
            token: item.optional("Token", |item, name| {
                item.parse(name, |text| {
                    journal_keys::token_of(text).ok_or("it is not token# and 64 hexadecimal digits")
                })
            })?,
            // A code that cannot be read counts as missing.
            authentication: item.as_octets("Authentication").ok().and_then(IntentCode::from_octets),
            // Without the attribute the token is a caller's, as all tokens were in earlier versions.
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
            state: match item.as_text("Stage")? {
                "open" => IntentState::Open {
                    tbs: item.as_octets("Tbs")?.to_vec(),
                    // Former versions recorded none.
                    attempts: item.optional("SigningAttempts", Item::as_number)?.unwrap_or(0),
                },
                "complete" => IntentState::Complete {
                    receipt: Receipt(item.as_text("Receipt")?.to_owned()),
                    issued_at: item.as_time("IssuedAt")?,
                },
                "lost" => IntentState::Lost,
                other => {
                    return Err(Malformed {
                        attribute: "Stage",
                        wrong: format!("is {other:?}, which this version does not know"),
                    });
                }
            },
        })
    }

    /// The open intent; `None` unless the entry is open.
    pub(super) fn as_open(&self) -> Option<OpenIntent> {
        let IntentState::Open { tbs, attempts } = &self.state else {
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
            attempts: *attempts,
            authentication: self.authentication,
            token_origin: self.token_origin,
        })
    }

    /// The partition of its row in the certificate table: the common name, or a CA's name.
    pub(super) fn partition(&self) -> &str {
        match &self.kind {
            Kind::Leaf | Kind::CrossCertificate => row::partition(&self.common_name),
            Kind::Ca { ca_name, .. } => ca_name.as_str(),
        }
    }

    /// Whether it is the certificate that makes a CA, or is to make it.
    pub(super) fn makes_ca(&self) -> bool {
        self.renewal.is_none() && matches!(self.kind, Kind::Ca { .. })
    }

    /// The key of that row.
    pub(super) fn row_key(&self) -> Item {
        Item::row_key(self.partition(), self.id.serial.to_string())
    }

    /// Its row in the certificate table, once it is complete.
    pub(super) fn new_row(&self, certificate: &[u8]) -> Item {
        let row = self
            .row_key()
            .text("Issued", contract_time(self.not_before))
            .text("Expires", contract_time(self.not_after))
            .octets("Certificate", STANDARD.encode(pem::encode("CERTIFICATE", certificate)));
        match self.kind {
            Kind::Leaf | Kind::CrossCertificate => row.flag("NotifyExpiry", self.notify_expiry),
            Kind::Ca { .. } => row.number("CRLNumber", 0),
        }
    }

    /// The complete record, with what the row adds; `None` unless the entry is complete.
    pub(super) fn record(self, row: Row) -> Option<CertificateRecord> {
        let IntentState::Complete { receipt, issued_at } = self.state else {
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
            // Operators switch reminders on and off in the row.
            notify_expiry: row.notify_expiry.unwrap_or(self.notify_expiry),
            reminders: row.reminders,
        })
    }
}
