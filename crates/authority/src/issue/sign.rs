//! Reserve → sign → verify → complete → notify.
//!
//! What a failure or a crash leaves: before `reserve` returns, nothing or an open intent without a signature; from
//! there to the end of `complete`, an open intent whose TBSCertificate is recorded, so that anything signed for it is
//! known; after that, the certificate.

use std::sync::atomic::Ordering;

use chancery_x509::certificate::Certificate;
use chancery_x509::key::KeyFingerprint;

use super::{InternalFault, IssuancePolicy, IssueError, Issued, Prepared, Refusal};
use crate::authority::Authority;
use crate::ca::Ca;
use crate::event::Event;
use crate::port::ledger::{
    CertificateIntent, CertificateRecord, Completion, IntentId, KeyStatus, Kind, OpenIntent, RENEWALS, Reservation,
    Revocation,
};
use crate::port::{LedgerError, Receipt};
use crate::signing::{NotSignable, Signable, Signer, SigningError};
use crate::sweep::GRACE;

/// Most serial numbers drawn for one certificate. Two of 159 random bits never collide; if they do repeatedly, the
/// random generator is broken and drawing more would not help.
const SERIALS: usize = 4;

impl Authority {
    /// Reserves, signs, verifies, completes, and sends notices. Refusals that only the ledger can find (the key is in
    /// use, the token was used for another request) are returned and not recorded: [`issue`](Self::issue) records them.
    pub async fn issue_prepared(&self, mut prepared: Prepared) -> Result<Issued, IssueError> {
        self.check_server_names(&mut prepared)?;
        self.believe(&prepared.ca).await?;
        let (prepared, intent, reservation) = self.reserve(prepared).await?;
        let notify_issued = prepared.notify_issued;
        let (record, replayed) = match reservation {
            Reservation::New => {
                let signable = Signable::prepared(prepared.tbs.clone(), &intent, Signer::of(&prepared.ca));
                let signable = signable.map_err(|error| IssueError::Internal {
                    fault: InternalFault::NotSignable,
                    detail: format!("{}: {error}", intent.id),
                })?;
                (self.sign(intent.id, signable).await?, false)
            }
            Reservation::Completed(record) => {
                self.check_replayed(&record, prepared.key_claim().key)?;
                (*record, true)
            }
            Reservation::Open(intent) => (self.resume(*intent, prepared.key_claim().key).await?, false),
        };
        let decided_now = record.id == prepared.id();
        let (subject, mut warnings) = prepared.into_subject();
        warnings.extend(record.revocation.as_ref().map(revoked_meanwhile));
        let notice_failed =
            notify_issued && !replayed && !self.notify(Event::CertificateIssued(Box::new(record.clone()))).await;
        tracing::info!(
            serial = %record.id.serial,
            issuer = %record.id.issuer,
            common_name = record.common_name,
            principal = %record.principal,
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

    /// Checks a certificate from the ledger before it is returned for a repeated token: it must be for the caller's
    /// key, with that serial number, and signed by the CA. The record is not trusted, since other processes can write
    /// to the store.
    fn check_replayed(&self, record: &CertificateRecord, key: KeyFingerprint) -> Result<(), IssueError> {
        let certificate = Certificate::parse(&record.certificate).ok();
        let ca = self.ca(&record.id.issuer);
        let is_it = certificate.zip(ca).is_some_and(|(certificate, ca)| {
            certificate.serial() == record.id.serial
                && KeyFingerprint::of(certificate.spki_der()) == key
                && is_signed_by(&certificate, &ca)
        });
        if is_it {
            return Ok(());
        }
        let detail = format!(
            "the ledger's certificate of {} is not the one that was issued: somebody has replaced it; restore its row",
            record.id
        );
        tracing::error!(detail);
        Err(IssueError::Internal {
            fault: InternalFault::Ledger,
            detail,
        })
    }

    /// The certificate of an intent that is open although it was signed: the ledger was restored from an older state,
    /// or the intent was reopened by hand. That certificate is as valid as a new one, and must not be given up.
    pub(crate) async fn certificate_of(&self, intent: &OpenIntent) -> Result<Option<Vec<u8>>, IssueError> {
        let Some(ca) = self.ca(&intent.id.issuer).filter(|_| intent.kind == Kind::Leaf) else {
            return Ok(None);
        };
        let serial = intent.id.serial;
        let shown = self
            .ports()
            .ledger
            .certificates()
            .evidence(ca.name(), &[serial])
            .await?
            .remove(&serial);
        for der in shown.unwrap_or_default().certificates {
            let Ok(certificate) = Certificate::parse(&der) else {
                continue;
            };
            if certificate.serial() != serial || !is_signed_by(&certificate, &ca) {
                continue;
            }
            if certificate.tbs_der() == intent.tbs {
                return Ok(Some(der));
            }
            return Err(IssueError::Internal {
                fault: InternalFault::Ledger,
                detail: format!(
                    "the intent {} is open, and its certificate says something else: neither signed nor given up; \
                     restore the journal",
                    intent.id
                ),
            });
        }
        Ok(None)
    }

    /// Completes an intent with its existing certificate.
    pub(crate) async fn complete_with(&self, id: IntentId, certificate: Vec<u8>) -> Result<(), IssueError> {
        let completion = Completion {
            id,
            certificate,
            // The key store's log has the receipt of the signature.
            receipt: Receipt(String::new()),
            attempt: None,
            at: self.ports().clock.now(),
        };
        let id = completion.id.clone();
        match self.ports().ledger.intents().complete(completion).await {
            Ok(_) | Err(LedgerError::NoOpenIntent(_)) => {
                tracing::warn!(intent = %id, "an intent was open whose certificate there is; it is completed with that");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn reserve(&self, mut prepared: Prepared) -> Result<(Prepared, CertificateIntent, Reservation), IssueError> {
        for _ in 0..SERIALS {
            let (scope, url) = prepared.crl();
            self.record_crl_use(scope, url, prepared.template().not_after).await?;
            let intent = self.authenticator.authenticate(prepared.intent()).await?;
            match self.ports().ledger.intents().reserve(intent.clone()).await {
                Ok(reservation) => return Ok((prepared, intent, reservation)),
                Err(LedgerError::SerialTaken(_)) => {
                    prepared = prepared.with_serial(self.draw_serial(), self.config())?;
                }
                Err(LedgerError::KeyInUse { common_name }) => {
                    let refusal = prepared.key_claim().refused_for(&common_name);
                    return Err(refusal.unwrap_or(Refusal::KeyInUse).into());
                }
                Err(LedgerError::IssuerRevoked { ca }) => return Err(Refusal::IssuerRevoked { ca }.into()),
                Err(LedgerError::Frozen(frozen)) => return Err(Refusal::Frozen { since: frozen.at }.into()),
                Err(LedgerError::IssuerNotActive { ca, state }) => {
                    return Err(Refusal::IssuerNotActive { ca, state }.into());
                }
                Err(LedgerError::KeyBlocked) => return Err(Refusal::KeyCompromised.into()),
                Err(LedgerError::NotRenewable { serial, why }) => {
                    return Err(Refusal::not_renewable(serial, why).into());
                }
                Err(LedgerError::TokenReused) => return Err(Refusal::TokenReused.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Err(IssueError::Internal {
            fault: InternalFault::Ledger,
            detail: format!("{SERIALS} serial numbers in a row were taken"),
        })
    }

    /// Resumes an intent that a caller with the same token left open, once it is too old for another process to be
    /// working on it. It signs the same TBSCertificate again, so that either signature completes the same certificate.
    /// An intent that must not be signed is given up together with its token. One whose certificate already exists, as
    /// the sweeper finds them, is completed with that, whatever happened since: a second signature would make a second
    /// certificate, and giving it up would revoke a valid one.
    async fn resume(&self, intent: OpenIntent, key: KeyFingerprint) -> Result<CertificateRecord, IssueError> {
        if let Some(certificate) = self.certificate_of(&intent).await? {
            self.complete_with(intent.id.clone(), certificate).await?;
            let record = self.completed_elsewhere(intent.id).await?;
            self.check_replayed(&record, key)?;
            return Ok(record);
        }
        let now = self.ports().clock.now();
        if let Some(why) = self.completion_obstacle(&intent).await? {
            match self.give_up(&intent.id, now).await {
                Ok(()) | Err(LedgerError::NoOpenIntent(_)) => {}
                Err(error) => return Err(error.into()),
            }
            return Err(IssueError::Unavailable {
                detail: format!(
                    "the token's intent {} was given up: {why}; send the request again",
                    intent.id
                ),
            });
        }
        let age = now.0.saturating_sub(intent.reserved_at.0);
        if age < self.config().intent_grace_seconds() {
            return Err(IssueError::InProgress);
        }
        // The CA may have been revoked since the intent was reserved.
        if let Some(ca) = self.revoked_in_chain(&intent.id.issuer).await? {
            return Err(Refusal::IssuerRevoked { ca }.into());
        }
        match self.signable_again(&intent).await? {
            Ok(signable) => {
                tracing::info!(intent = %intent.id, age, "taking up an interrupted issuance");
                self.sign(intent.id, signable).await
            }
            Err(reason) => {
                self.give_up_unsignable(&intent.id, &reason).await?;
                Err(IssueError::Unavailable {
                    detail: format!("the token's intent {} was not signed but given up: {reason}", intent.id),
                })
            }
        }
    }

    /// Why an intent must not be completed any more, whoever prepared it: the clock was ahead when it was reserved, and
    /// its certificate would have wrong dates; or something that forbids reserving it was recorded afterwards.
    pub(crate) async fn completion_obstacle(&self, intent: &OpenIntent) -> Result<Option<&'static str>, LedgerError> {
        let now = self.ports().clock.now();
        if intent.reserved_at > now.plus_seconds(GRACE.max(self.config().intent_grace_seconds())) {
            return Ok(Some("the clock was ahead when it was reserved"));
        }
        let ledger = &self.ports().ledger;
        if ledger
            .certificates()
            .key_status(intent.key, &intent.common_name)
            .await?
            == KeyStatus::Blocked
        {
            return Ok(Some("its key is compromised"));
        }
        let mut renewed = intent.renews.clone();
        // A longer chain of renewals was not made by this authority.
        for _ in 0..=RENEWALS {
            let Some(id) = renewed.take() else { break };
            match ledger.certificates().get(Some(&id.issuer), id.serial).await? {
                Some(record) if record.revocation.is_none() => renewed = record.renews,
                Some(_) => {
                    return Ok(Some(
                        "the certificate that it renews, or one that leads to that, is revoked",
                    ));
                }
                None => break,
            }
        }
        Ok(None)
    }

    /// Whether a leaf's intent from the ledger may be signed: it must be authenticated and meet the current rules.
    pub(crate) async fn signable_again(
        &self,
        intent: &OpenIntent,
    ) -> Result<Result<Signable, NotSignable>, IssueError> {
        if intent.kind != Kind::Leaf {
            return Ok(Err(NotSignable::WrongKind));
        }
        if let Err(forged) = self.authenticator.verify(intent).await? {
            return Ok(Err(forged));
        }
        let cas = self.cas();
        let Some(ca) = self.ca(&intent.id.issuer) else {
            return Ok(Err(NotSignable::Forbidden(format!(
                "the CA {} does not exist",
                intent.id.issuer
            ))));
        };
        self.believe(&ca).await?;
        let policy = IssuancePolicy {
            config: self.config(),
            profiles: self.profiles(),
            cas: &cas,
        };
        Ok(Signable::resumed(intent, Signer::of(&ca), |recorded| {
            policy.rebuild(intent, recorded, &ca)
        }))
    }

    /// Gives up an intent that must not be signed, and raises an alarm.
    pub(crate) async fn give_up_unsignable(&self, id: &IntentId, reason: &NotSignable) -> Result<(), LedgerError> {
        self.refused_intents.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            intent = %id,
            %reason,
            "an intent in the ledger is not signed but given up: find out who wrote it"
        );
        let now = self.ports().clock.now();
        let outcome = self.ports().ledger.intents().mark_lost(id.clone(), now).await;
        // Also after an error: the write may have succeeded and only its response been lost.
        self.scope_states.issuer_changed(&id.issuer);
        match outcome {
            Ok(()) | Err(LedgerError::NoOpenIntent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Signs an intent and completes it.
    pub(crate) async fn sign(&self, id: IntentId, signable: Signable) -> Result<CertificateRecord, IssueError> {
        let signed = match signable.sign(self.ports().signing()).await {
            Ok(signed) => signed,
            Err(SigningError::KeyStore(error)) => return Err(error.into()),
            Err(SigningError::Journal(LedgerError::AttemptTaken { .. })) => return Err(IssueError::InProgress),
            Err(SigningError::Journal(LedgerError::Frozen(frozen))) => {
                return Err(Refusal::Frozen { since: frozen.at }.into());
            }
            Err(SigningError::Journal(error)) => return Err(error.into()),
            Err(SigningError::BadSignature { receipt, .. }) => {
                let detail = format!(
                    "the key store made a signature for {id} that does not verify with the certificate of {}",
                    id.issuer
                );
                tracing::error!(detail, receipt = receipt.0);
                return Err(IssueError::Internal {
                    fault: InternalFault::BadSignature,
                    detail,
                });
            }
        };
        let completion = Completion {
            id: id.clone(),
            certificate: signed.certificate,
            receipt: signed.receipt,
            attempt: Some(signed.attempt),
            at: self.ports().clock.now(),
        };
        match self.ports().ledger.intents().complete(completion).await {
            Ok(record) => Ok(record),
            Err(LedgerError::NoOpenIntent(_)) => self.completed_elsewhere(id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Another process resumed the intent meanwhile: returns the certificate if that process completed it; an error if
    /// it gave it up.
    async fn completed_elsewhere(&self, id: IntentId) -> Result<CertificateRecord, IssueError> {
        let record = self
            .ports()
            .ledger
            .certificates()
            .get(Some(&id.issuer), id.serial)
            .await?;
        record
            .filter(|record| !record.certificate.is_empty())
            .ok_or_else(|| IssueError::Unavailable {
                detail: format!("the intent {id} was given up before it was complete"),
            })
    }
}

/// The warning for a repeated request: the answer is the first certificate, which was revoked since and is useless.
fn revoked_meanwhile(revocation: &Revocation) -> String {
    format!(
        "this certificate was issued for the same request before, and was revoked at {} ({}): ask for another one with a new \
         idempotency token",
        revocation.at,
        revocation.reason.name()
    )
}

fn is_signed_by(certificate: &Certificate, ca: &Ca) -> bool {
    certificate.issuer() == ca.certificate().subject() && certificate.is_signed_by(ca.issuer.public_key())
}
