//! Reads CloudTrail's records, one at a time, from every form in which AWS hands them out:
//!
//! - trail files, `{"Records": […]}`, plain or gzip;
//! - answers of `LookupEvents`, `{"Events": [{"CloudTrailEvent": "…"}]}`, or the strings alone;
//! - events of `EventBridge`, `{"source": "aws.kms", "detail": {…}}`, also as bodies of SQS messages;
//! - bare records, in an array or one after another.
//!
//! What is no record is reported and does not stop the others. Only the fields that something here uses are looked at; any other may
//! have any form. Records come in no order, and several times: whoever counts goes by [`Record::event_id`].
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

mod entry;
mod parameters;
mod parse;
mod reader;
mod record;
mod source;
mod split;

pub use entry::{Entry, Fault, Limits, Unreadable};
pub use parameters::{Leaf, Parameters};
pub use reader::Records;
pub use record::{Category, FunctionScope, Identity, Record};
