//! Reserve → sign → verify → complete → tell.
//!
//! What a failure or a crash leaves: before `reserve` returns, nothing or an open intent without a signature; from there to
//! the end of `complete`, an open intent whose TBSCertificate is recorded, so whatever was signed for it is known; after
//! that, the certificate.

use std::sync::Arc;

use chancery_x509::certificate::TbsCertificate;

use super::{IssueError, Issued, Prepared, Refusal};
use crate::authority::{Authority, Ca};
use crate::port::LedgerError;
use crate::port::ledger::{CertificateRecord, Completion, IntentId, Kind, OpenIntent, Reservation};
use crate::wire::notice;

/// Serial numbers drawn for one certificate at most. Two of 159 random bits never meet; if they do again and again, the
/// generator is broken and drawing on would not help.
const SERIALS: usize = 4;

impl Authority {
    /// Reserves, signs, verifies, completes, and tells. Refusals that only the ledger can know of (the key is in use, the
    /// token was used for another request) are returned and not recorded: [`issue`](Self::issue) does that.
    pub async fn issue_prepared(&self, prepared: Prepared) -> Result<Issued, IssueError> {
        let (prepared, reservation) = self.reserve(prepared).await?;
        let notify_issued = prepared.notify_issued;
        let (record, replayed) = match reservation {
            Reservation::New => (self.sign(&prepared.ca, prepared.id(), &prepared.tbs).await?, false),
            Reservation::Completed(record) => (*record, true),
            Reservation::Open(intent) => (self.resume(*intent).await?, false),
        };
        let decided_now = record.id == prepared.id();
        let (subject, warnings) = prepared.into_subject();
        let notice_failed = notify_issued && !replayed && !self.tell(notice::certificate_issued(&record)).await;
        tracing::info!(
            serial = %record.id.serial,
            issuer = %record.id.issuer,
            common_name = record.common_name,
            principal = record.principal,
            replayed,
            "certificate issued"
        );
        let subject = decided_now.then_some(subject);
        Ok(Issued {
            record,
            subject,
            replayed,
            notice_failed,
            warnings,
        })
    }

    async fn reserve(&self, mut prepared: Prepared) -> Result<(Prepared, Reservation), IssueError> {
        for _ in 0..SERIALS {
            match self.ports().ledger.reserve(prepared.intent()).await {
                Ok(reservation) => return Ok((prepared, reservation)),
                Err(LedgerError::SerialTaken(_)) => {
                    prepared = prepared.with_serial(self.draw_serial(), self.config())?;
                }
                Err(LedgerError::KeyInUse { common_name }) => {
                    let refusal = prepared.key_claim().refused_for(&common_name);
                    return Err(refusal.unwrap_or(Refusal::KeyInUse).into());
                }
                Err(LedgerError::TokenReused) => return Err(Refusal::TokenReused.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Err(IssueError::Internal {
            code: "ledger",
            detail: format!("{SERIALS} serial numbers in a row were taken"),
        })
    }

    /// Takes up an intent that a caller with the same token left open, once it is old enough that nobody else is at it.
    /// The same TBSCertificate is signed again: whichever signature is completed, the certificate says the same.
    async fn resume(&self, intent: OpenIntent) -> Result<CertificateRecord, IssueError> {
        let age = self.ports().clock.now().0.saturating_sub(intent.reserved_at.0);
        if age < self.config().intent_grace_seconds() {
            return Err(IssueError::InProgress);
        }
        let internal = |detail: String| IssueError::Internal { code: "ledger", detail };
        if intent.kind != Kind::Leaf {
            return Err(internal(format!(
                "the token's intent {} is for a CA's certificate",
                intent.id
            )));
        }
        let ca = self
            .ca(&intent.id.issuer)
            .ok_or_else(|| internal(format!("the intent {} is of a CA that does not exist", intent.id)))?;
        let tbs = TbsCertificate::from_der(intent.tbs, ca.issuer.public_key().algorithm());
        tracing::info!(intent = %intent.id, age, "taking up an interrupted issuance");
        self.sign(&ca, intent.id, &tbs).await
    }

    /// From an open intent to a certificate.
    pub(crate) async fn sign(
        &self,
        ca: &Arc<Ca>,
        id: IntentId,
        tbs: &TbsCertificate,
    ) -> Result<CertificateRecord, IssueError> {
        let key = ca.issuer.public_key();
        let input = tbs.signing_input(key);
        let signed = self.ports().keys.sign(&ca.record.key, &input).await?;
        // A faulty key store must not get a certificate out that nobody can verify, or that leaks the key.
        if key.verify(&input, &signed.signature).is_err() {
            let detail = format!(
                "the key {} made a signature for {id} that does not verify with the certificate of {}",
                ca.record.key,
                ca.slug()
            );
            tracing::error!(detail, receipt = signed.receipt.0);
            return Err(IssueError::Internal {
                code: "bad_signature",
                detail,
            });
        }
        let completion = Completion {
            id: id.clone(),
            certificate: tbs.assemble(&signed.signature),
            receipt: signed.receipt,
            at: self.ports().clock.now(),
        };
        match self.ports().ledger.complete(completion).await {
            Ok(record) => Ok(record),
            Err(LedgerError::NoOpenIntent(_)) => self.completed_elsewhere(id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Somebody else took the intent up meanwhile: its certificate is as good as ours; if they gave it up, it is gone.
    async fn completed_elsewhere(&self, id: IntentId) -> Result<CertificateRecord, IssueError> {
        let record = self.ports().ledger.certificate(Some(&id.issuer), id.serial).await?;
        record
            .filter(|record| !record.certificate.is_empty())
            .ok_or_else(|| IssueError::Unavailable {
                detail: format!("the intent {id} was given up before it was complete"),
            })
    }
}
