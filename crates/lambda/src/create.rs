//! `create_root_ca`, `create_issuing_ca`: create CAs with the KMS keys that Terraform made, and let those end whose last
//! certificate has ended.

use chancery_authority::port::KeyStoreError;
use chancery_authority::port::ledger::IssuerState;
use chancery_authority::profile::Profiles;
use chancery_authority::{Authority, CaName};
use chancery_deployment::failure::FailureKind;
use chancery_deployment::settings::CaRole;

use crate::failure::Failure;
use crate::state::{FunctionState, Invocation};

/// Creates every CA of that role unless it exists, and publishes its certificate and the bundle. If it exists, only files
/// that differ from what they should be are written: an interrupted run did not publish them, or they were replaced. A CA
/// that fails does not stop the others: the first failure is returned.
///
/// An issuing CA besides the contract's is announced as pending before it is created: it issues nothing until an operator
/// activates it.
pub async fn handle(state: &FunctionState, role: CaRole, invocation: &Invocation) -> Result<(), Failure> {
    let mut outcome = Ok(());
    for (index, ca_name) in state.configured(role).iter().enumerate() {
        let is_contracts = index == 0;
        let made = make(state, role, ca_name, is_contracts, invocation).await;
        if let Err(failure) = &made {
            tracing::error!(%failure, ca = %ca_name, "a CA was not made, or not published");
        }
        outcome = outcome.and(made);
    }
    match role {
        CaRole::Root => outcome,
        CaRole::Issuing => outcome.and(end_retired(state).await),
    }
}

async fn make(
    state: &FunctionState,
    role: CaRole,
    ca_name: &CaName,
    is_contracts: bool,
    invocation: &Invocation,
) -> Result<(), Failure> {
    if state.ca(ca_name).await?.is_some() {
        tracing::info!(ca = %ca_name, "the CA exists already");
        return publish(state, ca_name).await;
    }
    if role == CaRole::Issuing {
        for root in state.configured(CaRole::Root) {
            if state.ca(&root).await?.is_none() {
                let message = format!("CA {root} not found: create it first");
                return Err(Failure::new(FailureKind::Internal, message));
            }
        }
    }
    let Some(configured) = state.authority.config().ca(ca_name) else {
        return Ok(());
    };
    let ports = state.authority.ports();
    let algorithm = match ports.keys.public_key(configured.key()).await {
        Ok(public_key) => public_key.algorithm(),
        Err(error @ KeyStoreError::NotFound(_)) => {
            let message = format!("{error}: CA {ca_name} cannot be created without it; apply the Terraform module");
            return Err(Failure::new(FailureKind::Internal, message));
        }
        Err(error) => return Err(error.into()),
    };
    if !is_contracts {
        state
            .authority
            .announce_issuer(ca_name, &invocation.principal())
            .await?;
    }
    let config = state.settings.config_for(ca_name, algorithm)?;
    let founder = Authority::open(ports.clone(), config, Profiles::built_in()).await?;
    let created = founder.create_ca(ca_name, &|line| tracing::info!(line)).await?;
    tracing::info!(ca = %ca_name, algorithm = algorithm.name(), created = created.is_some(), "CA created");
    state.reload_cas_next_time().await;
    publish(state, ca_name).await
}

/// Publishes the CA's certificate file and the bundle, where their content differs. Fails if the record of any CA is
/// wrong: a certificate that fails its check is not published.
async fn publish(state: &FunctionState, ca_name: &CaName) -> Result<(), Failure> {
    let Some(ca) = state.ca(ca_name).await? else {
        return Ok(());
    };
    let mut failed = None;
    for (_, outcome) in state.authority.publish_certificate(ca.name()).await {
        failed = failed.or(outcome.err());
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Ends the retiring CAs that no certificate is left of: this function writes the CAs anyway, and runs with every schedule
/// before their CRLs are published.
async fn end_retired(state: &FunctionState) -> Result<(), Failure> {
    let cas = state.authority.cas();
    if !cas.iter().any(|ca| ca.record.status.state == IssuerState::Retiring) {
        return Ok(());
    }
    for ca_name in state.authority.end_retired_issuers().await? {
        tracing::warn!(ca = %ca_name, "the last certificate of a retiring CA has ended: no CRL is published for it any more");
    }
    Ok(())
}
