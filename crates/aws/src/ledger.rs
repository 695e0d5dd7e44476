//! The ledger in DynamoDB: the drop-in certificate table, and a journal table beside it.
//!
//! The certificate table's rows are byte for byte those of the drop-in contract. Everything else is in the journal:
//! intents, key claims, idempotency tokens, revocations, the order of issuance, CRLs. All reads that decide something
//! are consistent; the two indexes (rows by serial number, open intents) only lead to items, which are then read
//! themselves. Each change is one transaction, whose conditions decide all races.
//! docs/design/decisions/0006-dynamodb.md says why.

mod certificates;
mod chain;
mod crl_entries;
mod crl_uses;
mod crls;
mod entry;
mod expressions;
mod family;
mod former;
mod intents;
mod issuer_states;
mod issuers;
mod item;
mod keys;
mod known_ca;
mod line;
mod lists;
mod marked;
mod monitoring;
mod named;
mod names;
mod open;
mod recent;
mod rejections;
mod relist;
mod reminders;
mod reserve;
mod revocable;
mod revocations;
mod revoke;
mod row;
mod search;
mod server_names;
mod succession;
mod tables;
mod transaction;
mod unfinished;
mod unlisted;
mod unrecorded;
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
use named::Named;
use recent::Recent;
use tables::Tables;

/// The ledger in two tables. Meant to be shared: it keeps CAs and reserved intents in memory.
#[derive(Debug)]
pub struct DynamoLedger {
    tables: Tables,
    deployment: Deployment,
    cas: CaCache,
    adopted: Adopted,
    recent: Recent,
    named: Named,
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
            recent: Recent::default(),
            named: Named::default(),
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
