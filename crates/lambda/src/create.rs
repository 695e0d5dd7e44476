//! `create_root_ca`, `create_issuing_ca`: create a CA with the KMS key that Terraform made.

use chancery_authority::Authority;
use chancery_authority::port::KeyStoreError;
use chancery_authority::profile::Profiles;
use chancery_deployment::failure::FailureKind;
use chancery_deployment::settings::CaRole;

use crate::failure::Failure;
use crate::state::FunctionState;

/// Creates the CA unless it exists, and publishes its certificate and the bundle. If it exists, only files that differ
/// from what they should be are written: an interrupted run did not publish them, or they were replaced.
pub async fn handle(state: &FunctionState, role: CaRole) -> Result<(), Failure> {
    let ca_name = state.ca_config(role).name().clone();
    if state.ca(role).await?.is_some() {
        tracing::info!(ca = %ca_name, "the CA exists already");
        return publish(state, role).await;
    }
    if role == CaRole::Issuing && state.ca(CaRole::Root).await?.is_none() {
        let root = state.ca_config(CaRole::Root).name();
        let message = format!("CA {root} not found: create it first");
        return Err(Failure::new(FailureKind::Internal, message));
    }
    let key = state.ca_config(role).key();
    let ports = state.authority.ports();
    let algorithm = match ports.keys.public_key(key).await {
        Ok(public_key) => public_key.algorithm(),
        Err(error @ KeyStoreError::NotFound(_)) => {
            let message = format!("{error}: CA {ca_name} cannot be created without it; apply the Terraform module");
            return Err(Failure::new(FailureKind::Internal, message));
        }
        Err(error) => return Err(error.into()),
    };
    let config = state.settings.config_for(role, algorithm)?;
    let founder = Authority::open(ports.clone(), config, Profiles::built_in()).await?;
    let created = founder.create_ca(&ca_name, &|line| tracing::info!(line)).await?;
    tracing::info!(ca = %ca_name, algorithm = algorithm.name(), created = created.is_some(), "CA created");
    state.reload_cas_next_time().await;
    publish(state, role).await
}

/// Publishes the CA's certificate file and the bundle, where their content differs. Fails if either CA's record is
/// wrong: a certificate that fails its check is not published.
async fn publish(state: &FunctionState, role: CaRole) -> Result<(), Failure> {
    let Some(ca) = state.ca(role).await? else {
        return Ok(());
    };
    let mut failed = None;
    for (_, outcome) in state.authority.publish_certificate(ca.name()).await {
        failed = failed.or(outcome.err());
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}
