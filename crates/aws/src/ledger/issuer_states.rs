//! Whether each CA issues.
//!
//! The state of a CA is one item beside the CAs. What a reservation looks at is in items of its own, in several
//! partitions: a transaction that only checks an item conflicts with others on it all the same.

use std::collections::HashMap;

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CertificateIntent, IssuerChange, IssuerState, IssuerStatus, LedgerError};
use chancery_x509::serial::Serial;

use super::item::{Item, Malformed};
use super::tables::{Range, Table, pause, unavailable};
use super::transaction::{Transaction, Write};
use super::{DynamoLedger, damaged, journal_keys};
use crate::world::nonce;

/// Most attempts where others change the same CA.
const TURNS: u32 = 6;

/// The states of CAs, as they are recorded.
#[derive(Debug, Default)]
pub(super) struct IssuerStates {
    states: HashMap<String, (IssuerStatus, String)>,
    default: Option<String>,
}

impl IssuerStates {
    /// Takes an item of the CAs' partition that is no CA; `false`: it is one.
    pub(super) fn take(&mut self, item: &Item) -> Result<bool, Malformed> {
        let sort = item.as_text("Sort")?;
        if sort == journal_keys::DEFAULT_ISSUER {
            self.default = Some(item.as_text("Issuer")?.to_owned());
            return Ok(true);
        }
        let Some(ca) = journal_keys::issuer_with_state(sort) else {
            return Ok(false);
        };
        let state = item.parse("State", |text| {
            IssuerState::from_name(text).ok_or("there is no such state")
        })?;
        let status = IssuerStatus {
            state,
            is_default: false,
            changed: Some((item.as_time("ChangedAt")?, item.as_text("Principal")?.to_owned())),
        };
        self.states
            .insert(ca.to_owned(), (status, item.as_text("Attempt")?.to_owned()));
        Ok(true)
    }

    fn recorded(&self, ca: &CaName) -> Option<IssuerStatus> {
        let (status, _) = self.states.get(ca.as_str())?;
        Some(IssuerStatus {
            is_default: self.default.as_deref() == Some(ca.as_str()),
            ..status.clone()
        })
    }

    /// The state of a CA that exists.
    pub(super) fn of(&self, ca: &CaName) -> IssuerStatus {
        self.recorded(ca).unwrap_or_default()
    }
}

impl DynamoLedger {
    pub(super) async fn change_issuer(&self, change: IssuerChange) -> Result<(), LedgerError> {
        let exists = self
            .read_cas()
            .await?
            .iter()
            .any(|ca| ca.record.ca_name == change.ca_name);
        for round in 0..TURNS {
            let recorded = self.issuer_states().await?;
            let status = recorded
                .recorded(&change.ca_name)
                .or_else(|| exists.then(IssuerStatus::default));
            if !change.check(status.as_ref())? {
                return Ok(());
            }
            let attempt = nonce();
            let former = recorded
                .states
                .get(change.ca_name.as_str())
                .map(|(_, attempt)| attempt.clone());
            match self.tables.transact(&changing(&change, former, &attempt)).await? {
                Transaction::Done => {
                    self.cas.forget();
                    return Ok(());
                }
                // An answer that was lost: this very change was made.
                Transaction::Refused(conditions)
                    if Transaction::failed(&conditions, 0)
                        .is_some_and(|item| item.as_text("Attempt").is_ok_and(|of| of == attempt)) =>
                {
                    self.cas.forget();
                    return Ok(());
                }
                Transaction::Refused(_) => pause(round).await,
            }
        }
        Err(unavailable(format!(
            "the state of {} was changed by other processes in every attempt",
            change.ca_name
        )))
    }

    async fn issuer_states(&self) -> Result<IssuerStates, LedgerError> {
        let mut states = IssuerStates::default();
        for item in self.tables.query(&Range::journal(journal_keys::CAS)).await? {
            states
                .take(&item)
                .map_err(|error| damaged("the state of a CA", &error))?;
        }
        Ok(states)
    }
}

/// The writes of a change, the state first.
fn changing(change: &IssuerChange, former: Option<String>, attempt: &str) -> Vec<Write> {
    let ca = &change.ca_name;
    let state = journal_keys::issuer_state(ca)
        .text("State", change.state.name())
        .time("ChangedAt", change.at)
        .text("Principal", change.principal.to_string())
        .text("Attempt", attempt);
    let (condition, with) = match former {
        None => ("attribute_not_exists(#Key)", Item::default()),
        Some(former) => ("#Attempt = :former", Item::default().text(":former", former)),
    };
    let mut writes = vec![Write::Put {
        table: Table::Journal,
        item: state,
        condition: Some(condition),
        with,
    }];
    let default = Item::journal_key(journal_keys::CAS, journal_keys::DEFAULT_ISSUER);
    if change.becomes_default {
        writes.push(Write::Put {
            table: Table::Journal,
            item: default.text("Issuer", ca.as_str()),
            condition: None,
            with: Item::default(),
        });
    } else if change.state != IssuerState::Active {
        writes.push(Write::Check {
            table: Table::Journal,
            key: default,
            condition: "attribute_not_exists(#Key) OR #Issuer <> :ca",
            with: Item::default().text(":ca", ca.as_str()),
        });
    }
    writes.extend(journal_keys::closed_ca(ca).map(|item| Write::Put {
        table: Table::Journal,
        item: match change.state {
            IssuerState::Active => item,
            closed => item.text("State", closed.name()),
        },
        condition: None,
        with: Item::default(),
    }));
    writes
}

/// The condition that the issuer of an intent issues; `None` for a root's own first certificate.
pub(super) fn issues(intent: &CertificateIntent) -> Option<Write> {
    let check = |ca: &CaName, reserving: Serial| Write::Check {
        table: Table::Journal,
        key: journal_keys::closed_ca_seen_by(ca, reserving),
        condition: "attribute_not_exists(#State)",
        with: Item::default(),
    };
    (!intent.signs_itself()).then(|| check(&intent.id.issuer, intent.id.serial))
}

/// What an item says that did not meet that condition.
pub(super) fn not_active(ca: &CaName, found: &Item) -> LedgerError {
    let state = found.parse("State", |text| {
        IssuerState::from_name(text).ok_or("there is no such state")
    });
    match state {
        Ok(state) => LedgerError::IssuerNotActive { ca: ca.clone(), state },
        Err(error) => damaged("the state of a CA", &error),
    }
}
