//! Published files in memory.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chancery_authority::port::publication::Stat;
use chancery_authority::port::{
    Body, Clock, ETag, Precondition, Publication, PublicationError, PublishedName, Scratch,
};

use super::lock;

/// Stores published files, and the history of every `put`.
pub struct MemoryPublication {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// One successful `put`.
#[derive(Clone, Debug)]
pub struct Put {
    /// The file's name.
    pub name: PublishedName,
    /// Its new content.
    pub content: Arc<[u8]>,
}

#[derive(Default)]
struct State {
    version: u64,
    files: BTreeMap<PublishedName, (Stat, Arc<[u8]>)>,
    story: Vec<Put>,
}

impl MemoryPublication {
    /// An empty publication; modification times come from that clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// A file's content.
    pub fn content(&self, name: &str) -> Option<Arc<[u8]>> {
        let state = lock(&self.state);
        let file = state.files.iter().find(|(known, _)| known.as_str() == name);
        file.map(|(_, (_, content))| content.clone())
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<String> {
        lock(&self.state).files.keys().map(ToString::to_string).collect()
    }

    /// Every successful `put`, oldest first.
    pub fn story(&self) -> Vec<Put> {
        lock(&self.state).story.clone()
    }

    /// Removes a file without the authority's knowledge.
    pub fn remove(&self, name: &str) {
        lock(&self.state).files.retain(|known, _| known.as_str() != name);
    }
}

#[async_trait]
impl Publication for MemoryPublication {
    async fn put(
        &self,
        name: &PublishedName,
        mut body: Body,
        precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        let mut content = Vec::new();
        if let Err(error) = body.read_to_end(&mut content) {
            return Err(PublicationError::Failed {
                name: name.clone(),
                detail: error.to_string(),
            });
        }
        let mut state = lock(&self.state);
        let current = state.files.get(name).map(|(stat, _)| &stat.etag);
        let holds = match &precondition {
            Precondition::None => true,
            Precondition::Absent => current.is_none(),
            Precondition::Match(etag) => current == Some(etag),
        };
        if !holds {
            return Err(PublicationError::PreconditionFailed { name: name.clone() });
        }
        state.version += 1;
        let stat = Stat {
            etag: ETag(format!("v{}", state.version)),
            len: content.len() as u64,
            modified: self.clock.now(),
        };
        let etag = stat.etag.clone();
        let content: Arc<[u8]> = content.into();
        state.story.push(Put {
            name: name.clone(),
            content: content.clone(),
        });
        state.files.insert(name.clone(), (stat, content));
        Ok(etag)
    }

    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        Ok(lock(&self.state).files.get(name).map(|(stat, _)| stat.clone()))
    }

    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        let state = lock(&self.state);
        Ok(state
            .files
            .get(name)
            .map(|(stat, content)| (stat.clone(), content.to_vec())))
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        Ok(Box::new(Cursor::new(Vec::new())))
    }
}
