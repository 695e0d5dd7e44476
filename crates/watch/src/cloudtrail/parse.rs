//! From an element's octets to a record.

use chancery_x509::time::UnixTime;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::entry::{Entry, Fault};
use super::parameters::Parameters;
use super::record::{Category, FunctionScope, Identity, Record};
use crate::id::Id;

/// Any of the forms of an element: a record, what carries one, or neither.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Element<'a> {
    event_source: Option<String>,
    event_name: Option<String>,
    event_time: Option<String>,
    aws_region: Option<String>,
    recipient_account_id: Option<String>,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    read_only: Option<bool>,
    event_category: Option<String>,
    user_identity: Option<UserIdentity>,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: Option<String>,
    user_agent: Option<String>,
    vpc_endpoint_id: Option<String>,
    resources: Option<Resources>,
    request_parameters: Option<Parameters>,
    additional_event_data: Option<Additional>,

    /// Of an event of `EventBridge`.
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    /// Of an answer of `LookupEvents`.
    #[serde(rename = "CloudTrailEvent")]
    cloud_trail_event: Option<String>,
    /// Of a message of SQS.
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserIdentity {
    r#type: Option<String>,
    principal_id: Option<String>,
    arn: Option<String>,
    invoked_by: Option<String>,
    session_context: Option<SessionContext>,
    in_scope_of: Option<InScopeOf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext {
    session_issuer: Option<SessionIssuer>,
}

#[derive(Deserialize)]
struct SessionIssuer {
    arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InScopeOf {
    issuer_type: Option<String>,
    credentials_issued_to: Option<String>,
    credentials_issued_to_version: Option<String>,
}

/// Of records, objects with an ARN; of events of `EventBridge`, texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Resources {
    Described(Vec<Resource>),
    Named(Vec<String>),
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "ARN")]
    arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Additional {
    function_version: Option<String>,
}

/// How often one thing may carry another: a message, an event, a record.
const NESTING: u8 = 3;

/// What deliveries of CloudTrail's records through `EventBridge` have in their `detail-type`.
const VIA_CLOUDTRAIL: &str = " via CloudTrail";

/// Reads an element.
pub(super) fn entry(octets: &[u8]) -> Result<Entry, Fault> {
    nested(octets, NESTING)
}

fn nested(octets: &[u8], left: u8) -> Result<Entry, Fault> {
    let Some(left) = left.checked_sub(1) else {
        return Err(Fault::NoRecord);
    };
    if octets.first() == Some(&b'"') {
        let text: String = serde_json::from_slice(octets).map_err(|error| Fault::Form(error.to_string()))?;
        return nested(text.trim_start().as_bytes(), left);
    }
    let element: Element<'_> = serde_json::from_slice(octets).map_err(|error| Fault::Form(error.to_string()))?;
    // AWS's own services alone can send events with such a source: `PutEvents` refuses it.
    if let Some(detail) = element.detail {
        let source = element.source.unwrap_or_default();
        let kind = element.detail_type.unwrap_or_default();
        if !source.starts_with("aws.") || !kind.ends_with(VIA_CLOUDTRAIL) {
            return Ok(Entry::Foreign { source, kind });
        }
        return match nested(detail.get().as_bytes(), left)? {
            Entry::Record(record) if !is_of(&source, &record.source) => Ok(Entry::Foreign { source, kind }),
            entry => Ok(entry),
        };
    }
    if let Some(text) = element.cloud_trail_event.as_ref().or(element.body.as_ref()) {
        return nested(text.trim_start().as_bytes(), left);
    }
    record(element).map(|record| Entry::Record(Box::new(record)))
}

/// Whether events of that source carry records of that service: `aws.kms` those of `kms.amazonaws.com`.
fn is_of(source: &str, service: &str) -> bool {
    let service = service.split('.').next().unwrap_or_default();
    source.strip_prefix("aws.") == Some(service)
}

fn record(element: Element<'_>) -> Result<Record, Fault> {
    let missing = |name| Fault::Missing(name);
    let Some(source) = element.event_source else {
        return Err(Fault::NoRecord);
    };
    let time = element.event_time.ok_or(missing("eventTime"))?;
    let identity = element.user_identity.map(identity).unwrap_or_default();
    let told = element.error_message.as_deref().and_then(resource_of);
    let mut resources: Vec<String> = match element.resources {
        None => Vec::new(),
        Some(Resources::Named(names)) => names,
        Some(Resources::Described(resources)) => resources.into_iter().filter_map(|resource| resource.arn).collect(),
    };
    if resources.is_empty() {
        resources.extend(told);
    }
    Ok(Record {
        event_id: Id::of(&element.event_id.ok_or(missing("eventID"))?),
        source,
        name: element.event_name.ok_or(missing("eventName"))?,
        time: UnixTime::from_rfc3339(&time).ok_or(Fault::Time)?,
        region: element.aws_region.ok_or(missing("awsRegion"))?,
        account: element.recipient_account_id,
        request_id: element.request_id,
        error_code: element.error_code,
        read_only: element.read_only,
        category: match element.event_category.as_deref() {
            None | Some("Management") => Category::Management,
            Some("Data") => Category::Data,
            Some(_) => Category::Other,
        },
        identity,
        source_ip: element.source_ip_address,
        user_agent: element.user_agent,
        vpc_endpoint_id: element.vpc_endpoint_id,
        resources,
        parameters: element.request_parameters.unwrap_or_default(),
        function_version: element.additional_event_data.and_then(|more| more.function_version),
    })
}

/// What a refused call was about, as IAM's message says: its record has neither parameters nor resources.
fn resource_of(message: &str) -> Option<String> {
    let (_, after) = message.split_once(" on resource: ")?;
    let arn = after.split_whitespace().next()?.trim_matches(['"', '\'', '.', ',']);
    arn.starts_with("arn:").then(|| arn.to_owned())
}

fn identity(identity: UserIdentity) -> Identity {
    let issuer = identity.session_context.and_then(|context| context.session_issuer);
    let function = identity.in_scope_of.and_then(|scope| {
        let of_function = scope.issuer_type.as_deref() == Some("AWS::Lambda::Function");
        Some(FunctionScope {
            arn: scope.credentials_issued_to.filter(|_| of_function)?,
            version: scope.credentials_issued_to_version,
        })
    });
    Identity {
        kind: identity.r#type,
        principal_id: identity.principal_id,
        arn: identity.arn,
        role: issuer.and_then(|issuer| issuer.arn),
        function,
        invoked_by: identity.invoked_by,
    }
}
