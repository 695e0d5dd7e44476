//! Notices kept in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::port::{Notice, NoticeError, Notices};

/// Stores every notice.
#[derive(Debug, Default)]
pub struct MemoryNotices(Mutex<Vec<Notice>>);

impl MemoryNotices {
    /// Every notice so far, oldest first.
    pub fn received(&self) -> Vec<Notice> {
        lock(&self.0).clone()
    }
}

#[async_trait]
impl Notices for MemoryNotices {
    async fn notify(&self, notice: Notice) -> Result<(), NoticeError> {
        lock(&self.0).push(notice);
        Ok(())
    }
}
