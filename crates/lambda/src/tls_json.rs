//! The cached `tls.json`.

use std::sync::Arc;

use chancery_contract::{TLS_JSON, TlsList};
use tokio::sync::Mutex;

use crate::files::{Files, FilesError, Read};

/// The file as it was read last. S3 sends it again only if its version has changed.
#[derive(Default)]
pub struct TlsJson(Mutex<Cached>);

#[derive(Default)]
struct Cached {
    version: Option<String>,
    list: Arc<TlsList>,
}

impl TlsJson {
    /// The current list; empty if there is no file. A malformed file is logged and counts as empty: the operators learn
    /// of it from the state machine, which issues from it.
    pub async fn current(&self, files: &dyn Files) -> Result<Arc<TlsList>, FilesError> {
        let mut cached = self.0.lock().await;
        match files.read_if_changed(TLS_JSON, cached.version.as_deref()).await? {
            Read::Unchanged => {}
            Read::Missing => *cached = Cached::default(),
            Read::Changed { version, octets } => {
                let list = TlsList::parse(&octets).unwrap_or_else(|error| {
                    tracing::error!(%error, "tls.json is malformed; until it is corrected, no notices are sent by default");
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

    /// The cached list, without checking for a newer version.
    pub async fn last(&self) -> Arc<TlsList> {
        self.0.lock().await.list.clone()
    }
}
