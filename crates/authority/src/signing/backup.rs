//! Backups: who took one signs its manifest.
//!
//! What is signed is `Chancery backup manifest, format 1`, a line end, and the octets of the manifest: no certificate and no CRL
//! begins so, and a CA's key never signs a text of others' choosing.

use chancery_x509::algorithm::SigningInput;
use chancery_x509::key::ca::{CaPublicKey, SigningHasher};

use super::{SigningError, attempt};
use crate::ca_name::CaName;
use crate::port::ledger::{Attempt, AttemptSubject, Outcome};
use crate::port::{KeyName, Signed, SigningPorts};

/// What stands before the manifest in the text that is signed.
const STATEMENT: &[u8] = b"Chancery backup manifest, format 1\n";

/// What a signature on that manifest is over.
pub fn statement(key: &CaPublicKey, manifest: &[u8]) -> SigningInput {
    let mut hasher = SigningHasher::new(key);
    hasher.update(STATEMENT);
    hasher.update(manifest);
    hasher.finish()
}

/// Signs a manifest with that CA's key. The caller has recorded the manifest; the attempt is recorded here.
pub async fn sign(
    ports: SigningPorts<'_>,
    ca: &CaName,
    key: &KeyName,
    public: &CaPublicKey,
    manifest: &[u8],
) -> Result<Signed, SigningError> {
    let input = statement(public, manifest);
    let attempt = Attempt {
        origin: attempt::origin(ports, key.clone()),
        subject: AttemptSubject::BackupManifest(ca.clone()),
        number: 1,
        signing_input: input.as_bytes().to_vec(),
        principal: None,
        at: ports.clock.now(),
    };
    ports.attempts.record(attempt.clone()).await?;
    let made = attempt::sign(ports, attempt, &input, public).await?;
    let outcome = Outcome::Signed(made.signed.receipt.clone());
    let now = ports.clock.now();
    ports.attempts.conclude(made.position, outcome, now).await?;
    Ok(made.signed)
}
