//! The ledger in DynamoDB: the drop-in certificate table, and a journal table beside it.
//!
//! The certificate table's rows are byte for byte those of the drop-in contract. Everything else is in the journal:
//! intents, key claims, idempotency tokens, revocations, the order of issuance, CRLs. All reads that decide something
//! are consistent; the two indexes (rows by serial number, open intents) only lead to items, which are then read
//! themselves. Each change is one transaction, whose conditions decide all races.
//! docs/design/decisions/0006-dynamodb.md says why.

mod attempts;
mod certificate_lists;
mod certificates;
mod certified_keys;
mod chain;
mod crl_entries;
mod crl_uses;
mod crls;
mod expressions;
mod family;
mod former;
mod freezes;
mod intents;
mod issuer_states;
mod issuers;
mod item;
mod journal_entry;
mod journal_keys;
mod known_ca;
mod line;
mod listed_cas;
mod monitoring;
mod name_hints;
mod open_index;
mod rejections;
mod relist;
mod reminders;
mod reserve;
mod reserved_intents;
mod revocable;
mod revocations;
mod revoke;
mod row;
mod rows_without_entry;
mod search;
mod server_names;
mod succession;
mod tables;
mod transaction;
mod unfinished;
mod unlisted_revocations;
mod verified;

use std::sync::Mutex;

use aws_config::SdkConfig;
use chancery_authority::port::ledger::{CertificateRecord, LedgerError};

pub use former::{Adoption, AdoptionMode};

use crate::call_budget::CallBudget;
use crate::deployment::Deployment;
use former::Adopted;
use issuers::CaCache;
use item::Item;
use name_hints::NameHints;
use reserved_intents::ReservedIntents;
use tables::Tables;

/// The ledger in two tables. Meant to be shared: it keeps CAs and reserved intents in memory.
#[derive(Debug)]
pub struct DynamoLedger {
    tables: Tables,
    deployment: Deployment,
    cas: CaCache,
    adopted: Adopted,
    reserved_intents: ReservedIntents,
    name_hints: NameHints,
    /// The last day that this process recorded as one with rejections.
    rejection_day: Mutex<String>,
}

/// A certificate and the key of its row.
struct StoredCertificate {
    record: CertificateRecord,
    row_key: Item,
}

impl DynamoLedger {
    /// The ledger of that deployment. Sends nothing yet.
    pub fn new(config: &SdkConfig, deployment: &Deployment, budget: CallBudget) -> Self {
        Self {
            tables: Tables::new(config, deployment.table(), deployment.journal_table(), budget),
            deployment: deployment.clone(),
            cas: CaCache::default(),
            adopted: Adopted::default(),
            reserved_intents: ReservedIntents::default(),
            name_hints: NameHints::default(),
            rejection_day: Mutex::default(),
        }
    }
}

fn damaged(what: &str, error: &dyn std::fmt::Display) -> LedgerError {
    LedgerError::Damaged {
        detail: format!("{what}: {error}"),
    }
}

/// An item as messages name it: by its key.
fn called(item: &Item) -> String {
    let text = |name| item.as_text(name).unwrap_or("?");
    if item.has("Key") {
        format!("item {} {}", text("Key"), text("Sort"))
    } else {
        format!("row {} {}", text("CommonName"), text("SerialNumber"))
    }
}

/// Logs an item that cannot be read and is left out: it never stops the others.
fn skip(what: &str, item: &Item, error: &dyn std::fmt::Display) {
    tracing::error!(item = called(item), %error, "{what} cannot be read and is left out");
}
