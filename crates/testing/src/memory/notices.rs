//! Events kept in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use chancery_authority::event::Event;
use chancery_authority::port::{NoticeError, Notices};

use super::lock;

/// Stores every event.
#[derive(Debug, Default)]
pub struct MemoryNotices(Mutex<Vec<Event>>);

impl MemoryNotices {
    /// Every event so far, oldest first.
    pub fn received(&self) -> Vec<Event> {
        lock(&self.0).clone()
    }
}

#[async_trait]
impl Notices for MemoryNotices {
    async fn notify(&self, event: Event) -> Result<(), NoticeError> {
        lock(&self.0).push(event);
        Ok(())
    }
}
