//! `tls.json` as it was read last.

use std::sync::Arc;

use chancery_authority::wire::{TLS_JSON, TlsList};
use tokio::sync::Mutex;

use crate::files::{Files, FilesError, Read};

/// The file as it was read last. A version that was read is not transferred again.
#[derive(Default)]
pub struct TlsJson(Mutex<Cached>);

#[derive(Default)]
struct Cached {
    version: Option<String>,
    list: Arc<TlsList>,
}

impl TlsJson {
    /// The list as it is now; empty where there is no file. A file that is no list is logged and counts as empty: who
    /// issues by it learns of it from the state machine.
    pub async fn current(&self, files: &dyn Files) -> Result<Arc<TlsList>, FilesError> {
        let mut cached = self.0.lock().await;
        match files.read_if_changed(TLS_JSON, cached.version.as_deref()).await? {
            Read::Unchanged => {}
            Read::Missing => *cached = Cached::default(),
            Read::Changed { version, octets } => {
                let list = TlsList::parse(&octets).unwrap_or_else(|error| {
                    tracing::error!(%error, "notices are off by default for every certificate");
                    TlsList::default()
                });
                for entry in &list.damaged {
                    tracing::error!(entry, "an entry was left out");
                }
                *cached = Cached {
                    version: Some(version),
                    list: Arc::new(list),
                };
            }
        }
        Ok(cached.list.clone())
    }

    /// The list as it was read last, without looking whether there is a newer one.
    pub async fn last(&self) -> Arc<TlsList> {
        self.0.lock().await.list.clone()
    }
}
