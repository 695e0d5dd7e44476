//! One certificate of a CA, the first one or one that renews it: intent → sign → verify → complete.

use chancery_x509::time::UnixTime;

use super::HierarchyError;
use super::build::{self, CaCertificateRequest};
use crate::authority::Authority;
use crate::ca_name::CaName;
use crate::port::LedgerError;
use crate::port::ledger::{Completion, CrlScope, IntentId, Kind, OpenIntent, Reservation};
use crate::signing::{NotSignable, Signable, SignedCertificate, SigningError};
use crate::sweep::GRACE;

/// Attempts to make one certificate: for serials that are taken, and for intents that other runs left.
const TURNS: usize = 4;

/// Most open intents that are searched for those of a CA.
const OPEN_INTENTS: usize = 10_000;

impl Authority {
    /// Makes and records the certificate. Publishes nothing.
    pub(super) async fn certify(&self, request: &CaCertificateRequest<'_>) -> Result<(), HierarchyError> {
        let ca_name = request.ca_name();
        let mut last = None;
        for _ in 0..TURNS {
            let (intent, tbs) = build::intent(self, request)?;
            let intent = self.authenticator.authenticate(intent).await?;
            if let Some(parent) = request.parent {
                let scope = CrlScope {
                    issuer: parent.name().clone(),
                    shard: None,
                };
                let url = self.config().crl_url(&scope);
                self.record_crl_use(scope, url.as_deref(), intent.not_after).await?;
            }
            match self.ports().ledger.intents().reserve(intent.clone()).await {
                Ok(Reservation::New) => {
                    let signable = Signable::prepared(tbs, &intent, request.signer());
                    let signable = signable.map_err(|error| HierarchyError::NotSignable {
                        ca_name: ca_name.clone(),
                        error,
                    })?;
                    return self.sign_ca(request, &intent.id, signable).await;
                }
                // An earlier run was interrupted, or a concurrent one is about to complete the same.
                Ok(Reservation::Open(open)) => match self.signable_ca(request, &open).await? {
                    Ok(signable) => return self.sign_ca(request, &open.id, signable).await,
                    Err(reason) => {
                        self.give_up_unsignable(&open.id, &reason).await?;
                        last = Some(LedgerError::NoOpenIntent(open.id));
                    }
                },
                Ok(Reservation::Completed(_)) => return Ok(()),
                Err(LedgerError::SerialTaken(serial)) => last = Some(LedgerError::SerialTaken(serial)),
                // An interrupted run reserved something else: the configuration has changed since.
                Err(
                    error @ (LedgerError::TokenReused | LedgerError::CaExists(_) | LedgerError::NotRenewable { .. }),
                ) => {
                    if self.is_made_meanwhile(request).await? {
                        return Ok(());
                    }
                    if self.give_up_intents_for(request).await? == 0 && request.renews.is_some() {
                        return Err(error.into());
                    }
                    last = Some(error);
                }
                Err(LedgerError::KeyInUse { common_name }) => {
                    return Err(HierarchyError::KeyInUse {
                        ca_name: ca_name.clone(),
                        key: request.config.key().clone(),
                        common_name,
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.unwrap_or_else(|| LedgerError::CaExists(ca_name.clone())).into())
    }

    /// What an earlier run reserved, if it equals what this one would reserve apart from serial and time. If the key
    /// has changed, that certificate cannot be made any more.
    async fn signable_ca(
        &self,
        request: &CaCertificateRequest<'_>,
        open: &OpenIntent,
    ) -> Result<Result<Signable, NotSignable>, HierarchyError> {
        if let Err(forged) = self.authenticator.verify(open).await? {
            return Ok(Err(forged));
        }
        tracing::info!(intent = %open.id, ca = %request.ca_name(), "taking up the interrupted making of a CA's certificate");
        Ok(Signable::resumed(open, request.signer(), |_| {
            build::again(self.config(), request, open).map_err(|error| NotSignable::Forbidden(error.to_string()))
        }))
    }

    /// Signs an open intent and completes it, which makes the CA or replaces its certificate.
    async fn sign_ca(
        &self,
        request: &CaCertificateRequest<'_>,
        id: &IntentId,
        signable: Signable,
    ) -> Result<(), HierarchyError> {
        let SignedCertificate {
            certificate,
            receipt,
            attempt,
        } = match signable.sign(self.ports().signing()).await {
            Ok(signed) => signed,
            Err(SigningError::KeyStore(error)) => return Err(error.into()),
            Err(SigningError::Journal(error)) => return Err(error.into()),
            Err(SigningError::BadSignature { receipt, .. }) => {
                return Err(HierarchyError::BadSignature {
                    ca_name: request.ca_name().clone(),
                    issuer: id.issuer.clone(),
                    receipt,
                });
            }
        };
        build::check(request.config, &certificate, request.key)?;
        let completion = Completion {
            id: id.clone(),
            certificate,
            receipt,
            attempt: Some(attempt),
            at: self.ports().clock.now(),
        };
        match self.ports().ledger.intents().complete(completion).await {
            Ok(_) => Ok(()),
            Err(LedgerError::NoOpenIntent(id)) => {
                // Another run resumed it meanwhile: if that run completed it, its certificate is the same as ours.
                if self.is_made_meanwhile(request).await? {
                    Ok(())
                } else {
                    Err(LedgerError::NoOpenIntent(id).into())
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether another run made the CA, or renewed its certificate.
    async fn is_made_meanwhile(&self, request: &CaCertificateRequest<'_>) -> Result<bool, HierarchyError> {
        self.reload().await?;
        let Some(ca) = self.ca(request.ca_name()) else {
            return Ok(false);
        };
        Ok(request
            .renews
            .is_none_or(|former| former.record.certificate != ca.record.certificate))
    }

    /// Gives up open intents for a CA's certificate; their serials are then listed on their issuer's CRL. Returns how many
    /// there were. Those of a CA that is being renewed are left alone for a while: another principal may be at it.
    async fn give_up_intents_for(&self, request: &CaCertificateRequest<'_>) -> Result<usize, HierarchyError> {
        let ca_name = request.ca_name();
        let now = self.ports().clock.now();
        let is_left = |intent: &OpenIntent| {
            request.renews.is_none() || intent.reserved_at.0.abs_diff(now.0) >= GRACE.unsigned_abs()
        };
        let intents = self.ports().ledger.intents();
        let open = intents.list_open(None, UnixTime(i64::MAX), OPEN_INTENTS).await?.intents;
        let mut given_up = 0;
        for intent in open
            .into_iter()
            .filter(|intent| is_for(&intent.kind, ca_name) && is_left(intent))
        {
            tracing::warn!(intent = %intent.id, ca = %ca_name, "giving up an intent of an earlier configuration");
            match intents.mark_lost(intent.id.clone(), self.ports().clock.now()).await {
                Ok(()) | Err(LedgerError::NoOpenIntent(_)) => self.scope_states.issuer_changed(&intent.id.issuer),
                Err(error) => return Err(error.into()),
            }
            given_up += 1;
        }
        Ok(given_up)
    }
}

fn is_for(kind: &Kind, ca_name: &CaName) -> bool {
    matches!(kind, Kind::Ca { ca_name: of, .. } if of == ca_name)
}
