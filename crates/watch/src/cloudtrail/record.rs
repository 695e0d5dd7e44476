//! A record, as far as it is used.

use chancery_x509::time::UnixTime;

use super::parameters::Parameters;
use crate::id::Id;

/// What a record is about: CloudTrail's `eventCategory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// A call that manages something, and calls of KMS. Records without a category are of this one: older ones have none.
    Management,
    /// A call on what is stored or run: an object, an item, an invocation.
    Data,
    /// Anything else, for example `Insight` and `NetworkActivity`.
    Other,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The record's own id: the same however often it is delivered.
    pub event_id: Id,
    /// The service, for example `kms.amazonaws.com`.
    pub source: String,
    /// The call, for example `Sign`. It may carry an API's date, as in `UpdateFunctionCode20150331v2`.
    pub name: String,
    /// When the call was completed, by the clock of the host that served it.
    pub time: UnixTime,
    /// The region that served it.
    pub region: String,
    /// The account whose record it is.
    pub account: Option<String>,
    /// What the caller's SDK calls this request.
    pub request_id: Option<String>,
    /// Why the call failed; `None`: it did not.
    pub error_code: Option<String>,
    /// Whether it changes nothing.
    pub read_only: Option<bool>,
    /// What kind of call it was.
    pub category: Category,
    /// Who called.
    pub identity: Identity,
    /// From where; for a call on somebody's behalf, the name of the service.
    pub source_ip: Option<String>,
    /// What the caller calls itself: anybody can write anything here.
    pub user_agent: Option<String>,
    /// The endpoint that it came through, where it came through one.
    pub vpc_endpoint_id: Option<String>,
    /// ARNs of what it was about; of a refused call, what its message says.
    pub resources: Vec<String>,
    /// What the caller asked for.
    pub parameters: Parameters,
    /// The version that ran, of an invocation: its ARN.
    pub function_version: Option<String>,
}

/// Who called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `AssumedRole`, `IAMUser`, `Root`, `AWSService` and so on.
    pub kind: Option<String>,
    /// For a role's session, `AROA…:SESSION`.
    pub principal_id: Option<String>,
    /// For a role's session, `arn:…:assumed-role/ROLE/SESSION`.
    pub arn: Option<String>,
    /// The ARN of the role that the session is of.
    pub role: Option<String>,
    /// The function that the credentials were given to.
    pub function: Option<FunctionScope>,
    /// The service that called on the caller's behalf.
    pub invoked_by: Option<String>,
}

/// The function that a session's credentials were given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionScope {
    /// Its ARN.
    pub arn: String,
    /// The ARN with its version, in records since 2026.
    pub version: Option<String>,
}

impl Identity {
    /// The last part of a session's ARN: a function's own sessions have the function's name.
    pub fn session(&self) -> Option<&str> {
        let arn = self.arn.as_deref()?;
        let (_, rest) = arn.split_once(":assumed-role/")?;
        Some(rest.rsplit_once('/')?.1)
    }

    /// Who it was, for people: the ARN, else the service, else the kind.
    pub fn name(&self) -> &str {
        let known = [&self.arn, &self.invoked_by, &self.principal_id, &self.kind];
        known.into_iter().flatten().map(String::as_str).next().unwrap_or("")
    }
}
