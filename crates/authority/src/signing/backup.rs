//! Backups: who took one signs its manifest.
//!
//! What is signed is `Chancery backup manifest, format 1`, a line end, and the octets of the manifest: no certificate and no CRL
//! begins so, and a CA's key never signs a text of others' choosing.

use chancery_x509::algorithm::SigningInput;
use chancery_x509::key::ca::{CaPublicKey, SigningHasher};

use super::SigningError;
use crate::port::{KeyName, KeyStore, Purpose, Signed, SigningRequest};

/// What stands before the manifest in the text that is signed.
const STATEMENT: &[u8] = b"Chancery backup manifest, format 1\n";

/// What a signature on that manifest is over.
pub fn statement(key: &CaPublicKey, manifest: &[u8]) -> SigningInput {
    let mut hasher = SigningHasher::new(key);
    hasher.update(STATEMENT);
    hasher.update(manifest);
    hasher.finish()
}

/// Signs a manifest with that CA's key. The caller has recorded it.
pub async fn sign(
    keys: &dyn KeyStore,
    key: &KeyName,
    public: &CaPublicKey,
    manifest: &[u8],
) -> Result<Signed, SigningError> {
    let request = SigningRequest::new(Purpose::BackupManifest, key.clone(), statement(public, manifest));
    super::sign(keys, &request, public).await
}
