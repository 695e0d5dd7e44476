//! The state of the ledger in memory, and its changes by each call.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use chancery_authority::ca_name::CaName;
use chancery_authority::port::ledger::{
    AttemptPosition, AttemptRecord, CaRecord, CertificateIntent, CertificateRecord, ChangeMark, CrlIntent, CrlRecord,
    CrlScope, Frozen, IdempotencyToken, IntentId, IssuerStatus, LedgerError, OpenIntent, Rejection, UnfinishedFamily,
};
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::san::AltName;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

#[derive(Default)]
pub(super) struct State {
    /// Every intent in any stage.
    pub(super) rows: BTreeMap<(Serial, CaName), Row>,
    /// Open intents in order of reservation.
    pub(super) open: BTreeMap<u64, IntentId>,
    /// Certificates in order of completion.
    pub(super) issued: BTreeMap<u64, IntentId>,
    pub(super) sequence: u64,
    pub(super) claims: HashMap<KeyFingerprint, Claim>,
    /// Compromised keys.
    pub(super) blocked: HashSet<KeyFingerprint>,
    /// Families that a call has not finished.
    pub(super) unfinished: HashMap<KeyFingerprint, UnfinishedFamily>,
    /// Certificates whose intents were reopened.
    pub(super) reopened: HashMap<(Serial, CaName), Vec<u8>>,
    /// By the principal's text: what else is known of it may change between two requests.
    pub(super) tokens: HashMap<(String, IdempotencyToken), IntentId>,
    pub(super) ca_names: HashSet<CaName>,
    pub(super) cas: Vec<CaRecord>,
    /// Recorded states, also of CAs that do not exist yet.
    pub(super) issuer_status: HashMap<CaName, IssuerStatus>,
    pub(super) unreadable_intents: Vec<String>,
    /// Each CA's own certificate.
    pub(super) ca_certificates: HashMap<CaName, IntentId>,
    pub(super) revoked: HashMap<CrlScope, BTreeMap<Serial, RevokedRow>>,
    pub(super) crls: HashMap<CrlScope, CrlRecords>,
    pub(super) damaged: HashMap<CrlScope, Vec<String>>,
    pub(super) rejections: VecDeque<Rejection>,
    pub(super) forgets_next: bool,
    pub(super) crl_uses: HashMap<(CrlScope, Option<String>), UnixTime>,
    pub(super) frozen: Option<Frozen>,
    /// The journal of attempts.
    pub(super) attempts: BTreeMap<AttemptPosition, AttemptRecord>,
    /// Names of servers, and until when.
    pub(super) server_names: HashMap<AltName, UnixTime>,
}

pub(super) struct Row {
    pub(super) intent: CertificateIntent,
    pub(super) stage: IntentState,
    /// How many attempts to sign it are recorded.
    pub(super) attempts: u32,
}

pub(super) enum IntentState {
    Open { sequence: u64 },
    Complete(Box<CertificateRecord>),
    Lost,
}

/// Who holds a key. All holders have the same common name, since reuse is only allowed for that.
pub(super) struct Claim {
    pub(super) common_name: String,
    pub(super) holders: u32,
}

#[derive(Clone, Copy)]
pub(super) struct RevokedRow {
    pub(super) entry: RevokedEntry,
    pub(super) not_after: UnixTime,
}

#[derive(Default)]
pub(super) struct CrlRecords {
    pub(super) reserved: u64,
    /// Number of revocations and given-up intents.
    pub(super) changes: u64,
    /// When the oldest change was made that the newest published CRL does not cover.
    pub(super) changed_at: Option<UnixTime>,
    pub(super) intents: BTreeMap<u64, CrlIntent>,
    pub(super) completed: BTreeMap<u64, CrlRecord>,
}

impl State {
    /// Puts a serial number on its scope's list: the only function that adds to a CRL.
    pub(super) fn list(&mut self, scope: CrlScope, serial: Serial, row: RevokedRow) {
        let crls = self.crls.entry(scope.clone()).or_default();
        crls.changes += 1;
        crls.changed_at.get_or_insert(row.entry.revoked_at);
        self.revoked.entry(scope).or_default().insert(serial, row);
    }

    pub(super) fn record_mut(
        &mut self,
        issuer: &CaName,
        serial: Serial,
    ) -> Result<&mut CertificateRecord, LedgerError> {
        match self.rows.get_mut(&(serial, issuer.clone())).map(|row| &mut row.stage) {
            Some(IntentState::Complete(record)) => Ok(record),
            Some(IntentState::Open { .. } | IntentState::Lost) | None => Err(LedgerError::NotFound(serial)),
        }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

impl CrlRecords {
    pub(super) fn mark(&self) -> ChangeMark {
        ChangeMark(self.changes.to_string())
    }
}

impl Row {
    pub(super) fn record(&self) -> Option<&CertificateRecord> {
        match &self.stage {
            IntentState::Complete(record) => Some(record),
            IntentState::Open { .. } | IntentState::Lost => None,
        }
    }

    pub(super) fn as_open(&self) -> OpenIntent {
        OpenIntent {
            attempts: self.attempts,
            ..self.intent.as_open()
        }
    }
}

pub(super) fn position(id: &IntentId) -> (Serial, CaName) {
    (id.serial, id.issuer.clone())
}
