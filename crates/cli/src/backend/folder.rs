//! An authority in a data folder of this machine.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_api::certificates::{CertificateEntry, CertificatePage, SearchQuery};
use chancery_api::crls::Crls;
use chancery_api::issue::{IssueAnswer, IssueRequest};
use chancery_api::problem::ErrorCode;
use chancery_api::revoke::{RevokeAnswer, RevokeRequest};
use chancery_authority::issue::{IssueError, Issued};
use chancery_authority::port::ledger::{Cursor, IdempotencyToken};
use chancery_authority::{CaName, Principal};
use chancery_contract::{self as contract, IssueTlsCert as _};
use chancery_x509::time::UnixTime;

use super::{Backend, BackendRefusal, PublishOutcome, RevokeOutcome, no_such_ca, query};
use crate::arguments::Arguments;
use crate::interrupt;
use crate::local_authority::LocalAuthority;

/// Works on the folder itself: read and write permission replaces a token.
pub(crate) struct FolderBackend {
    local: LocalAuthority,
    principal: Principal,
}

impl FolderBackend {
    pub(crate) fn open(arguments: &Arguments) -> Result<Self> {
        Ok(Self::new(LocalAuthority::open(arguments)?.print_warnings()))
    }

    /// For commands that change nothing.
    pub(crate) fn open_to_read(arguments: &Arguments) -> Result<Self> {
        Ok(Self::new(LocalAuthority::open_to_read(arguments)?.print_warnings()))
    }

    fn new(local: LocalAuthority) -> Self {
        Self {
            local,
            principal: super::user(),
        }
    }

    /// Opens the key of the CA that a profile issues from before anything is reserved, so that a wrong passphrase
    /// leaves nothing behind.
    fn make_key_ready(&self, profile: Option<&str>) -> Result<()> {
        self.local.refuse_broken_profile(profile)?;
        match self.local.authority.issuer_of(profile) {
            Some(ca) => self.local.make_key_ready(&ca),
            None => bail!("{}", self.local.not_created("the CA that issues was not created yet")),
        }
    }

    /// Completes or gives up what an earlier command left unfinished, as a server would: its keys and tokens become
    /// usable again.
    fn sweep(&self) {
        // An intent of a broken profile would be given up as one that no profile allows.
        if !self.local.has_broken_profiles()
            && let Err(error) = self.local.runtime.block_on(self.local.authority.sweep())
        {
            tracing::warn!(%error, "open intents cannot be swept");
        }
        let finishing = self.local.authority.finish_revocations(None);
        if let Err(error) = self.local.runtime.block_on(finishing) {
            tracing::warn!(%error, "the revocation of a compromised key's family was interrupted, and cannot go on");
        }
    }

    fn now(&self) -> UnixTime {
        self.local.authority.ports().clock.now()
    }

    fn answer(&self, issued: Result<Issued, IssueError>, request: &contract::TlsCertRequest) -> Result<IssueAnswer> {
        // A user who runs the command on the folder is its operator, and may see internal details.
        let issued = issued.map_err(|error| match (&error, error.detail()) {
            (IssueError::Refused(refusal), _) => {
                BackendRefusal::at_once(Some(ErrorCode::from(refusal.code())), anyhow!("{error}"))
            }
            (_, Some(detail)) => anyhow!("{detail}").context(error.to_string()),
            (_, None) => anyhow!("{error}"),
        })?;
        let answer = contract::TlsCertAnswer::new(&self.local.authority, &issued, request);
        Ok(serde_json::from_value(serde_json::to_value(answer)?)?)
    }
}

impl Backend for FolderBackend {
    fn issue(&self, request: &IssueRequest, idempotency_token: Option<&str>) -> Result<IssueAnswer> {
        let request = contract::TlsCertRequest::from_value(&serde_json::to_value(request)?)
            .map_err(|malformed| BackendRefusal::at_once(Some(ErrorCode::from(malformed.code())), malformed))?;
        let token = idempotency_token.map(|token| IdempotencyToken(token.to_owned()));
        self.make_key_ready(request.profile.as_deref())
            .map_err(|error| BackendRefusal::at_once(None, error))?;
        interrupt::finish_what_is_begun();
        self.sweep();
        let authority = Arc::clone(&self.local.authority);
        self.answer(
            self.local
                .runtime
                .block_on(authority.issue_tls_cert(&request, &self.principal, token)),
            &request,
        )
    }

    fn renew(&self, serial: &str, base64_csr: Option<&str>, idempotency_token: &str) -> Result<IssueAnswer> {
        let serial = query::serial(serial)?;
        let renewed = self.local.runtime.block_on(self.local.authority.certificate(serial))?;
        self.make_key_ready(renewed.as_ref().map(|record| record.profile.as_str()))?;
        interrupt::finish_what_is_begun();
        self.sweep();
        let csr = base64_csr.map(|text| BASE64_STANDARD.decode(text)).transpose()?;
        let token = IdempotencyToken(idempotency_token.to_owned());
        let renewed = self
            .local
            .authority
            .renew(serial, csr.as_deref(), &self.principal, Some(token));
        self.answer(
            self.local.runtime.block_on(renewed),
            &contract::TlsCertRequest::default(),
        )
    }

    fn certificate(&self, serial: &str) -> Result<CertificateEntry> {
        let serial = query::serial(serial)?;
        let record = self.local.runtime.block_on(self.local.authority.certificate(serial))?;
        let record = record.with_context(|| {
            format!("there is no certificate with serial number {serial}; `chancery list` shows those there are")
        })?;
        Ok(CertificateEntry::new(&record, self.now()))
    }

    fn search(&self, query: &SearchQuery) -> Result<CertificatePage> {
        let (search, after) = (query.search()?, query.after.clone().map(Cursor));
        let limit = query.limit.unwrap_or(super::PAGE);
        let page = self
            .local
            .runtime
            .block_on(self.local.authority.search(&search, after.as_ref(), limit))?;
        Ok(CertificatePage::new(page, self.now()))
    }

    fn revoke(&self, serial: &str, request: &RevokeRequest) -> Result<RevokeOutcome> {
        let reason = query::reason(request.reason.as_deref())?;
        let invalidity_date = query::invalidity_date(request.invalidity_date.as_deref())?;
        interrupt::finish_what_is_begun();
        let revoked = self.local.authority.revoke_reaching(
            query::serial(serial)?,
            reason,
            invalidity_date,
            &self.principal,
            query::reach(request.only),
        );
        let revoked = self.local.runtime.block_on(revoked)?;
        Ok(RevokeOutcome {
            answer: RevokeAnswer::new(&revoked, self.now(), ToString::to_string),
            notice_problem: None,
        })
    }

    fn publish_crls(&self, ca: Option<&str>) -> Result<PublishOutcome> {
        let ca_name = ca.map(CaName::new).transpose()?;
        if let Some(ca_name) = ca_name
            .as_ref()
            .filter(|ca_name| self.local.authority.ca(ca_name).is_none())
        {
            return Err(no_such_ca(ca_name.as_str(), &self.ca_names()?));
        }
        interrupt::finish_what_is_begun();
        let outcomes = self
            .local
            .runtime
            .block_on(self.local.authority.publish_crls(ca_name.as_ref()));
        Ok(PublishOutcome::Crls(Crls::published(&outcomes, ToString::to_string)))
    }

    fn crl_status(&self) -> Result<Crls> {
        let statuses = self.local.runtime.block_on(self.local.authority.crl_status());
        Ok(Crls::from_status(&statuses))
    }

    fn ca_names(&self) -> Result<Vec<String>> {
        let cas = self.local.authority.cas();
        Ok(cas.iter().map(|ca| ca.name().to_string()).collect())
    }
}
