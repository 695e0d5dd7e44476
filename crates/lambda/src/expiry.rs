//! `expiry`: sends reminders of certificates that expire.

use chancery_authority::port::ledger::CertificateRecord;
use chancery_authority::remind::RemindError;
use chancery_contract::TlsEntry;
use chancery_deployment::failure::FailureKind;
use chancery_x509::certificate::Certificate;
use chancery_x509::csr::{CertificationRequest, CsrBudget};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::name::Name;
use futures_util::{StreamExt, stream};

use crate::failure::Failure;
use crate::files::{CSR_LIMIT, FilesError};
use crate::rows::Row;
use crate::state::FunctionState;

/// Common names of `tls.json` that are in progress at a time.
const AT_ONCE: usize = 16;

/// The outcome of an entry.
type Outcome = Result<(), Failure>;

/// Sends reminders for every certificate whose row asks for them, and for the newest certificate of each entry of
/// `tls.json` unless its row declines them.
pub async fn handle(state: &FunctionState) -> Result<(), Failure> {
    if state.authority.config().expiry_reminders().is_empty() {
        tracing::info!("no reminders are wanted");
        return Ok(());
    }
    let rows = remind_by_row(state).await;
    let entries = remind_by_entry(state).await;
    rows.and(entries)
}

async fn remind_by_row(state: &FunctionState) -> Outcome {
    let reminded = state.authority.remind().await.map_err(|error| match error {
        RemindError::Ledger(error) => Failure::from(error),
        other => Failure::new(FailureKind::Internal, other.to_string()),
    })?;
    tracing::info!(sent = reminded.sent, failed = reminded.failed, "reminders by row");
    match reminded.failed {
        0 => Ok(()),
        failed => Err(undelivered(failed)),
    }
}

fn undelivered(failed: usize) -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        format!("{failed} reminders were not delivered or not recorded"),
    )
}

/// Reminders for certificates whose rows are older than the attribute that asks for them.
async fn remind_by_entry(state: &FunctionState) -> Outcome {
    let list = state.tls_json.current(state.files.as_ref()).await?;
    // Entries of one name are handled together, so that their certificates are read once.
    let by_name = list
        .entries()
        .chunk_by(|one, other| one.common_name == other.common_name);
    let names = stream::iter(by_name).map(|entries| remind_of_name(state, &entries[0].common_name, entries));
    names
        .buffer_unordered(AT_ONCE)
        .fold(Ok(()), async |all: Outcome, left| all.and(left))
        .await
}

async fn remind_of_name(state: &FunctionState, name: &str, entries: &[TlsEntry]) -> Outcome {
    let rows = state.rows.named(name).await.inspect_err(
        |error| tracing::error!(%error, common_name = name, "the certificates of an entry could not be read"),
    )?;
    // Rows that ask for reminders were handled above; those that decline get none.
    let silent = |row: &Row| row.notify_expiry.is_none() && state.authority.is_reminder_due(&row.record);
    if !rows.iter().any(silent) {
        return Ok(());
    }
    let certificates: Vec<Read> = rows.iter().filter_map(Read::of).collect();
    let mut reminded = Vec::new();
    let mut failed = 0;
    for entry in entries {
        let Some(key) = key_of(state, entry).await? else {
            continue;
        };
        let Some(newest) = newest(&certificates, key) else {
            tracing::info!(common_name = name, "no certificate was issued for the entry's CSR yet");
            continue;
        };
        let serial = newest.row.record.id.serial;
        if !silent(newest.row) || reminded.contains(&serial) {
            continue;
        }
        reminded.push(serial);
        if state.authority.remind_about(&newest.row.record).await == Some(false) {
            failed += 1;
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(undelivered(failed)),
    }
}

/// A row with its parsed certificate.
struct Read<'a> {
    row: &'a Row,
    key: KeyFingerprint,
    subject: Name,
}

impl<'a> Read<'a> {
    /// `None` if it cannot be parsed: that is logged, and stops no other row.
    fn of(row: &'a Row) -> Option<Self> {
        let CertificateRecord { id, certificate, .. } = &row.record;
        let parsed = Certificate::parse(certificate)
            .inspect_err(|error| tracing::error!(%error, certificate = %id, "a row's certificate cannot be read"))
            .ok()?;
        let key = parsed
            .public_key()
            .inspect_err(|error| tracing::error!(%error, certificate = %id, "a row's key cannot be read"))
            .ok()?;
        Some(Self {
            row,
            key: key.fingerprint(),
            subject: parsed.subject().clone(),
        })
    }
}

/// The certificate that expires last among those with the same subject as the one that certifies the key.
fn newest<'a, 'b>(certificates: &'b [Read<'a>], key: KeyFingerprint) -> Option<&'b Read<'a>> {
    let subject = &certificates.iter().find(|read| read.key == key)?.subject;
    let same = certificates.iter().filter(|read| read.subject == *subject);
    same.max_by_key(|read| read.row.record.not_after)
}

/// The key of an entry's CSR; `None`, after logging why, if the entry names no CSR that can be read.
async fn key_of(state: &FunctionState, entry: &TlsEntry) -> Result<Option<KeyFingerprint>, Failure> {
    const BUDGET: CsrBudget = CsrBudget {
        octets: CSR_LIMIT,
        subject_attributes: 32,
        extensions: 32,
        alt_names: 1024,
    };
    let name = entry.csr_file.as_deref().unwrap_or_default();
    let Ok(name) = chancery_authority::issue::CsrFileName::new(name) else {
        tracing::error!(
            common_name = entry.common_name,
            "an entry of tls.json names no CSR file"
        );
        return Ok(None);
    };
    let octets = match state.files.read(&format!("csrs/{name}"), CSR_LIMIT).await {
        Err(error @ FilesError::TooLong { .. }) => {
            tracing::error!(%error, common_name = entry.common_name, "the CSR file of an entry cannot be used");
            return Ok(None);
        }
        outcome => outcome?,
    };
    let Some(octets) = octets else {
        tracing::error!(common_name = entry.common_name, file = %name, "the CSR file of an entry is missing");
        return Ok(None);
    };
    match CertificationRequest::parse(&octets, &BUDGET) {
        Ok(csr) => Ok(Some(csr.public_key().fingerprint())),
        Err(error) => {
            tracing::error!(%error, common_name = entry.common_name, file = %name, "the CSR file of an entry cannot be used");
            Ok(None)
        }
    }
}
