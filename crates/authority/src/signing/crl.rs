//! CRLs: a TBSCertList is held against the intent that was recorded for it.

use std::io::{Read, Seek};

use chancery_x509::algorithm::SigningInput;
use chancery_x509::crl::{Coverage, IssuingDistributionPoint, facts_of_tbs};

use super::attempt::{self, SignedAttempt};
use super::{NotSignable, SigningError};
use crate::ca::Ca;
use crate::port::SigningPorts;
use crate::port::ledger::{Attempt, AttemptOrigin, CrlIntent};

/// A TBSCertList that may be signed.
#[derive(Debug)]
pub(crate) struct SignableCrl<'a> {
    ca: &'a Ca,
    input: SigningInput,
    attempt: Attempt,
}

impl<'a> SignableCrl<'a> {
    /// Checks the octets that are about to be published against the recorded intent: a TBSCertList of that CA and number, which
    /// claims to cover what `coverage` says and no more. Its entries are not read again: `input` was made of all octets while
    /// they were written.
    pub(crate) fn against(
        tbs: &mut (impl Read + Seek),
        input: &SigningInput,
        intent: &CrlIntent,
        origin: AttemptOrigin,
        coverage: &Coverage,
        ca: &'a Ca,
    ) -> std::io::Result<Result<Self, NotSignable>> {
        let Some(facts) = facts_of_tbs(tbs)? else {
            return Ok(Err(NotSignable::NotATbsCertList));
        };
        let point = match coverage {
            // A shard's CRL that names no distribution point would pass for a complete one.
            Coverage::Full if intent.scope.shard.is_some() => {
                return Ok(Err(NotSignable::Differs { what: "coverage" }));
            }
            Coverage::Full => None,
            Coverage::Shard { distribution_points } => Some(IssuingDistributionPoint {
                urls: distribution_points.clone(),
                ..IssuingDistributionPoint::default()
            }),
        };
        let differs = [
            (intent.scope.issuer != *ca.name(), "CA"),
            (facts.issuer() != ca.certificate().subject(), "issuer"),
            (facts.number() != Some(intent.number), "CRL number"),
            (
                facts.issuing_distribution_point() != point.as_ref(),
                "distribution point",
            ),
            (input.as_bytes() != intent.signing_input, "signing input"),
            (origin.key != ca.record.key, "key"),
        ];
        if let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) {
            return Ok(Err(NotSignable::Differs { what }));
        }
        Ok(Ok(Self {
            ca,
            input: input.clone(),
            attempt: intent.first_attempt(origin),
        }))
    }

    /// Has it signed. Its first attempt is recorded with its intent.
    pub(crate) async fn sign(self, ports: SigningPorts<'_>) -> Result<SignedAttempt, SigningError> {
        attempt::sign(ports, self.attempt, &self.input, self.ca.issuer.public_key()).await
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use chancery_x509::crl::CrlWriter;

    use super::*;
    use crate::ca_name::CaName;
    use crate::port::Purpose;
    use crate::port::ledger::{AttemptId, CrlScope};
    use crate::publish::testing::{NOW, Root, header};

    /// Whatever stands in scratch space, and whatever the intent says: only a CRL of that CA, number and scope is signed.
    #[tokio::test]
    async fn only_the_crl_that_was_recorded_may_be_signed() {
        let root = Root::new();
        let ca = &root.ca;
        let (tbs, input, _) = CrlWriter::new(&header(ca), 0, Vec::new())
            .unwrap()
            .finish_tbs()
            .unwrap();
        let intent = CrlIntent {
            scope: CrlScope {
                issuer: ca.name().clone(),
                shard: None,
            },
            number: 1,
            signing_input: input.as_bytes().to_vec(),
            at: NOW,
        };
        let origin = || AttemptOrigin {
            id: AttemptId([1; 16]),
            key: ca.record.key.clone(),
            request_id: None,
        };
        let refusal = |tbs: &[u8], intent: &CrlIntent| {
            let outcome =
                SignableCrl::against(&mut Cursor::new(tbs), &input, intent, origin(), &Coverage::Full, ca).unwrap();
            outcome.err()
        };
        assert_eq!(refusal(&tbs, &intent), None);
        let signable =
            SignableCrl::against(&mut Cursor::new(&tbs), &input, &intent, origin(), &Coverage::Full, ca).unwrap();
        signable.unwrap().sign(root.signing()).await.unwrap();
        let asked = root.asked();
        assert_eq!(asked.len(), 1);
        assert_eq!((asked[0].purpose(), asked[0].input()), (Purpose::Crl, &input));

        let differs = |what| Some(NotSignable::Differs { what });
        let of = |change: &dyn Fn(&mut CrlIntent)| {
            let mut intent = intent.clone();
            change(&mut intent);
            refusal(&tbs, &intent)
        };
        assert_eq!(of(&|intent| intent.number = 2), differs("CRL number"));
        assert_eq!(of(&|intent| intent.scope.shard = Some(3)), differs("coverage"));
        let shard = Coverage::Shard {
            distribution_points: vec!["http://pki.example.com/3.crl".to_owned()],
        };
        let outcome = SignableCrl::against(&mut Cursor::new(&tbs), &input, &intent, origin(), &shard, ca).unwrap();
        assert_eq!(outcome.err(), differs("distribution point"));
        assert_eq!(of(&|intent| intent.signing_input[0] ^= 1), differs("signing input"));
        let other = CaName::new("another-ca").unwrap();
        assert_eq!(of(&|intent| intent.scope.issuer = other.clone()), differs("CA"));

        // A certificate's TBS, something behind, two octets, nothing.
        let certificate = ca.certificate().tbs_der();
        for tbs in [certificate, &[&tbs[..], &[0]].concat(), &[0x30, 0x00], &[]] {
            assert_eq!(refusal(tbs, &intent), Some(NotSignable::NotATbsCertList));
        }
    }
}
