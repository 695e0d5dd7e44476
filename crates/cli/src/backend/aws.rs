//! A deployment on AWS. Its functions issue and publish; the ledger is read, and revocations are recorded, in its
//! tables.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, anyhow, bail};
use chancery_api::certificates::{CertificateEntry, CertificatePage, SearchQuery};
use chancery_api::crls::Crls;
use chancery_api::issue::{IssueAnswer, IssueRequest};
use chancery_api::problem::ErrorCode;
use chancery_api::revoke::{RevokeAnswer, RevokeRequest};
use chancery_authority::CaName;
use chancery_authority::config::Config;
use chancery_authority::issue::Refusal;
use chancery_authority::port::ledger::{CertificateRecord, Cursor};
use chancery_authority::port::{Clock as _, Ledger as _, Publication as _};
use chancery_authority::revoke::RevokedCertificate;
use chancery_aws::{SystemClock, SystemEntropy};
use chancery_x509::crl::RevocationList;
use serde_json::{Value, json};

use super::{Backend, BackendRefusal, PublishOutcome, RevokeOutcome, no_such_ca, query};
use crate::arguments::Arguments;
use crate::deployment::{Deployed, DeployedAuthority};
use crate::interrupt;

/// The functions that publish CRLs.
const PUBLISHERS: [&str; 2] = ["root-ca-crl", "issuing-ca-crl"];

/// Works on a deployment with the AWS permissions of the caller.
pub(crate) struct AwsBackend {
    deployed: Deployed,
}

impl AwsBackend {
    pub(crate) fn open(arguments: &Arguments) -> Result<Self> {
        Ok(Self {
            deployed: Deployed::open(arguments)?,
        })
    }

    /// The function that publishes a CA's CRLs.
    fn publisher(&self, ca: &CaName) -> &'static str {
        let [root, issuing] = PUBLISHERS;
        if ca == self.deployed.names.root_ca() {
            root
        } else {
            issuing
        }
    }

    /// Publishes the CRL that must list a revocation, and checks that the published one does.
    fn publish(&self, opened: &DeployedAuthority, record: &CertificateRecord) -> Result<()> {
        self.deployed
            .invoke(self.publisher(&record.id.issuer), &json!({}))
            .context("the CRL's function did not end well")?;
        let scope = record.scope();
        let name = Config::crl_name(&scope);
        let read = self.deployed.runtime.block_on(opened.aws.publication.read(&name));
        let (_, der) = read
            .with_context(|| format!("{name} was made, but cannot be looked at"))?
            .with_context(|| format!("{name} is not in the bucket"))?;
        let crl = RevocationList::parse(&der).with_context(|| format!("{name} cannot be read"))?;
        let listed = crl
            .entries()
            .any(|entry| entry.is_ok_and(|entry| entry.serial == record.id.serial));
        // An expired certificate need not be on the CRL.
        if listed || record.not_after < crl.this_update() {
            return Ok(());
        }
        bail!("{name} was published and does not list it")
    }
}

impl AwsBackend {
    /// The deployment's CAs: those that its functions are configured with, and any other that exists.
    fn cas(&self) -> Result<Vec<CaName>> {
        let authority = self.deployed.authority()?.authority;
        let mut cas: Vec<CaName> = authority.config().cas().iter().map(|ca| ca.name().clone()).collect();
        for ca in authority.cas().iter() {
            if !cas.contains(ca.name()) {
                cas.push(ca.name().clone());
            }
        }
        Ok(cas)
    }

    /// Publishes the CRLs of other CAs that must list what was revoked with it. A CA's function publishes all of its
    /// CRLs.
    fn publish_others(&self, revoked: &RevokedCertificate) -> Result<()> {
        let own = self.publisher(&revoked.record.id.issuer);
        let others: BTreeSet<&str> = revoked
            .others
            .iter()
            .map(|other| self.publisher(&other.id.issuer))
            .filter(|publisher| *publisher != own)
            .collect();
        for publisher in others {
            self.deployed.invoke(publisher, &json!({})).with_context(|| {
                format!("{publisher}, which publishes the CRL of what was revoked with it, did not end well")
            })?;
        }
        Ok(())
    }
}

impl Backend for AwsBackend {
    /// The request goes to `tls-cert` with an idempotency token, so that a repeated call makes no second certificate.
    fn issue(&self, request: &IssueRequest, idempotency_token: Option<&str>) -> Result<IssueAnswer> {
        let mut event = serde_json::to_value(request)?;
        let token = idempotency_token.map_or_else(token, str::to_owned);
        event["idempotency_token"] = json!(token);
        let answer = self
            .deployed
            .invoke("tls-cert", &event)
            .with_context(|| format!("the request's idempotency token is {token}"))?;
        match answer.get("error").and_then(Value::as_str) {
            None => serde_json::from_value(answer)
                .context("the deployment did what was asked, and answered what this version cannot read"),
            Some(reason) => Err(BackendRefusal::at_once(
                code(reason),
                anyhow!("the deployment refused: {reason}"),
            )),
        }
    }

    fn renew(&self, _serial: &str, _base64_csr: Option<&str>, _idempotency_token: &str) -> Result<IssueAnswer> {
        bail!(
            "a deployment on AWS renews by a new request: `chancery --aws … request NAME --out FOLDER --overwrite` makes a \
             new key and certificate; those listed in tls.json are renewed by themselves"
        )
    }

    fn certificate(&self, serial: &str) -> Result<CertificateEntry> {
        let serial = query::serial(serial)?;
        let ledger = self.deployed.ledger();
        let record = self
            .deployed
            .runtime
            .block_on(ledger.certificates().get(None, serial))?;
        let record = record.with_context(|| {
            format!(
                "there is no certificate with serial number {serial} in {}; `chancery --aws … list` shows those there are",
                self.deployed.names.table()
            )
        })?;
        Ok(CertificateEntry::new(&record, SystemClock.now()))
    }

    fn search(&self, query: &SearchQuery) -> Result<CertificatePage> {
        let (search, after) = (query.search()?, query.after.clone().map(Cursor));
        let limit = query.limit.unwrap_or(super::PAGE);
        let ledger = self.deployed.ledger();
        let page = self
            .deployed
            .runtime
            .block_on(ledger.certificates().search(&search, after.as_ref(), limit))?;
        Ok(CertificatePage::new(page, SystemClock.now()))
    }

    /// Recorded in both tables by the same transaction that the functions use; then the CA's function publishes.
    fn revoke(&self, serial: &str, request: &RevokeRequest) -> Result<RevokeOutcome> {
        let reason = query::reason(request.reason.as_deref())?;
        let invalidity_date = query::invalidity_date(request.invalidity_date.as_deref())?;
        let serial = query::serial(serial)?;
        let opened = self.deployed.authority()?;
        let principal = self.deployed.principal();
        interrupt::finish_what_is_begun();
        let reach = query::reach(request.only);
        let revoking = opened
            .authority
            .revoke_reaching(serial, reason, invalidity_date, &principal, reach);
        let revoked = self.deployed.runtime.block_on(revoking)?;
        let mut answer = RevokeAnswer::new(&revoked, SystemClock.now(), ToString::to_string);
        // The functions publish, and the published CRLs decide the answer, not what this process did.
        let published = self
            .publish(&opened, &revoked.record)
            .and_then(|()| self.publish_others(&revoked));
        answer.crl_problem = published.err().map(|error| format!("{error:#}"));
        let notice_problem = revoked
            .notice_failed
            .then(|| "the notice of it could not be published to the topic".to_owned());
        Ok(RevokeOutcome { answer, notice_problem })
    }

    fn publish_crls(&self, ca: Option<&str>) -> Result<PublishOutcome> {
        let ca_name = ca.map(CaName::new).transpose()?;
        let cas = self.cas()?;
        if let Some(ca_name) = ca_name.as_ref().filter(|ca_name| !cas.contains(ca_name)) {
            return Err(no_such_ca(ca_name.as_str(), &self.ca_names()?));
        }
        // A function publishes the CRLs of all CAs of its kind.
        let mut outcomes: BTreeMap<&str, Option<String>> = BTreeMap::new();
        for publisher in cas
            .iter()
            .filter(|of| ca_name.as_ref().is_none_or(|ca_name| ca_name == *of))
            .map(|of| self.publisher(of))
        {
            outcomes.entry(publisher).or_insert_with(|| {
                let outcome = self.deployed.invoke(publisher, &json!({}));
                outcome.err().map(|error| format!("{error:#}"))
            });
        }
        let Crls { mut crls } = self.crl_status()?;
        crls.retain(|crl| ca_name.as_ref().is_none_or(|ca_name| crl.authority == ca_name.as_str()));
        for crl in &mut crls {
            let publisher = CaName::new(crl.authority.as_str()).map(|of| self.publisher(&of));
            if let Some(Some(problem)) = publisher.ok().and_then(|publisher| outcomes.get(publisher)) {
                crl.problem = Some(problem.clone());
            }
        }
        Ok(PublishOutcome::Crls(Crls { crls }))
    }

    fn crl_status(&self) -> Result<Crls> {
        let opened = self.deployed.authority()?;
        let statuses = self.deployed.runtime.block_on(opened.authority.crl_status());
        Ok(Crls::from_status(&statuses))
    }

    fn ca_names(&self) -> Result<Vec<String>> {
        Ok(self.cas()?.iter().map(CaName::to_string).collect())
    }
}

/// The kind of a refusal. The contract's answer has only its text; the one that a command acts on is recognized by it.
fn code(reason: &str) -> Option<ErrorCode> {
    (reason == Refusal::KeyInUse.to_string()).then_some(ErrorCode::KeyInUse)
}

/// A random token of 128 bits.
fn token() -> String {
    use chancery_authority::port::Entropy as _;
    use std::fmt::Write as _;
    let mut octets = [0; 16];
    SystemEntropy.fill(&mut octets);
    octets.iter().fold(String::new(), |mut token, octet| {
        // Writing to a String never fails.
        let _ = write!(token, "{octet:02x}");
        token
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_use_is_recognized_in_the_contracts_answer() {
        assert_eq!(code(&Refusal::KeyInUse.to_string()), Some(ErrorCode::KeyInUse));
        assert_eq!(code(&Refusal::TokenReused.to_string()), None);
        assert_eq!(
            code("the name \"Private key has already been used for a certificate\" is taken"),
            None
        );
    }
}
