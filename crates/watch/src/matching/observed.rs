//! Signatures and invocations, as they were recorded.

use std::collections::HashMap;

use chancery_authority::port::{KeyName, Receipt};
use chancery_x509::time::UnixTime;

use super::tables::{Fault, Invoke, Sign, beginning};
use crate::cloudtrail::{Category, Identity, Record};
use crate::coverage::widen;
use crate::expected::{Expected, ExpectedKey, key_id};
use crate::finding::Evidence;
use crate::id::Id;

/// Signatures with a fault of which it is kept who made them.
const DETAILS: usize = 10_000;

/// What was observed, before it is compared.
pub struct Observed<'a> {
    pub(super) expected: &'a Expected,
    /// Places of keys, by every name of theirs.
    keys: HashMap<&'a str, u16>,
    /// The same by the id that is one in every region.
    ids: HashMap<&'a str, u16>,
    /// Places of functions, by their ARNs.
    functions: HashMap<&'a str, u8>,
    pub(super) signs: Vec<Sign>,
    pub(super) invokes: Vec<Invoke>,
    pub(super) details: HashMap<Id, Evidence>,
    pub(super) last: Option<UnixTime>,
    pub(super) first: Option<UnixTime>,
    /// Whether anything was given at all.
    pub(super) given: bool,
}

/// A signature in the log of a key store that is no service: it is named by its receipt, and nothing is known of who asked.
#[derive(Clone, Debug)]
pub struct Signature<'a> {
    /// The store's name of it.
    pub receipt: &'a Receipt,
    /// The key that signed.
    pub key: &'a KeyName,
    /// The digest that was signed, or µ.
    pub input: &'a [u8],
    /// When.
    pub time: UnixTime,
}

impl<'a> Observed<'a> {
    /// Nothing yet. Of more than 65,535 keys and 254 functions the others are not told apart.
    pub fn new(expected: &'a Expected) -> Self {
        let mut keys = HashMap::new();
        let mut ids = HashMap::new();
        for (place, key) in (0_u16..).zip(&expected.keys) {
            for name in &key.names {
                keys.entry(name.as_str()).or_insert(place);
                if name.contains(":key/") {
                    ids.entry(key_id(name)).or_insert(place);
                }
            }
        }
        let functions = (0_u8..254).zip(&expected.functions);
        Self {
            expected,
            keys,
            ids,
            functions: functions
                .map(|(place, function)| (function.arn.as_str(), place))
                .collect(),
            signs: Vec::new(),
            invokes: Vec::new(),
            details: HashMap::new(),
            last: None,
            first: None,
            given: false,
        }
    }

    /// Takes a record; any that is neither signature nor invocation only says how far the records reach.
    pub fn record(&mut self, record: &Record) {
        self.given = true;
        widen(&mut self.first, &mut self.last, record.time);
        match (record.source.as_str(), record.name.as_str()) {
            ("kms.amazonaws.com", "Sign") => self.sign(record),
            ("lambda.amazonaws.com", "Invoke" | "InvokeExecution") if record.category == Category::Data => {
                self.invoke(record);
            }
            _ => {}
        }
    }

    /// Says that the log of a key store is read from its beginning until a time, even if there is nothing in it.
    pub fn whole_log(&mut self, until: UnixTime) {
        self.given = true;
        widen(&mut self.first, &mut self.last, UnixTime(0));
        widen(&mut self.first, &mut self.last, until);
    }

    /// Takes an entry of the log of a key store.
    pub fn signature(&mut self, signature: &Signature<'_>) {
        self.given = true;
        widen(&mut self.first, &mut self.last, signature.time);
        let Some(&key) = self.keys.get(signature.key.0.as_str()) else {
            return;
        };
        let id = Id::of(&signature.receipt.0);
        let mut sign = Sign::new(id, id, signature.time, key);
        sign.legible = Id::read(&signature.receipt.0).is_some();
        sign.input = beginning(signature.input);
        self.signs.push(sign);
    }

    /// Where a key stands, by any name of its.
    pub(super) fn key(&self, name: &str) -> Option<u16> {
        self.keys.get(name).copied()
    }

    fn sign(&mut self, record: &Record) {
        let Some(place) = self.key_of(record) else { return };
        let key = &self.expected.keys[usize::from(place)];
        let request = record.request_id.as_deref();
        let id = request.map_or(record.event_id, Id::of);
        let mut sign = Sign::new(id, record.event_id, record.time, place);
        sign.legible = request.is_some_and(|request| Id::read(request).is_some());
        sign.marker = record.user_agent.as_deref().and_then(marker).unwrap_or(0);
        let (fault, function, detail) = self.judge(record, key);
        if let Some(code) = &record.error_code {
            // Throttling and the like of who may sign: asked again, or refused in the journal.
            if matches!(fault, Fault::Nothing) && !is_denial(code) {
                return;
            }
            sign.fault = Fault::Denied;
            self.detail(record, format!("{code} {detail}").trim_end().to_owned());
        } else {
            sign.fault = fault;
            if fault != Fault::Nothing {
                self.detail(record, detail);
            }
        }
        sign.set_function(function);
        self.signs.push(sign);
    }

    /// Which key a record is about: by its ARN, which KMS writes; by what the caller wrote where that is missing, as in calls that
    /// were refused.
    fn key_of(&self, record: &Record) -> Option<u16> {
        let mut arns = record.resources.iter().filter(|arn| arn.contains(":key/")).peekable();
        if arns.peek().is_some() && !self.ids.is_empty() {
            return arns.find_map(|arn| self.ids.get(key_id(arn)).copied());
        }
        let name = record.parameters.text("keyId")?;
        let bare = name.rsplit_once(":alias/").map(|(_, alias)| format!("alias/{alias}"));
        let known = self.keys.get(name).or_else(|| self.ids.get(key_id(name)));
        known.or_else(|| self.keys.get(bare?.as_str())).copied()
    }

    /// What is wrong with a signature by itself, which function made it, and what shows that.
    fn judge(&self, record: &Record, key: &ExpectedKey) -> (Fault, Option<usize>, String) {
        let identity = &record.identity;
        let function = match self.signer(identity, key) {
            Ok(function) => function,
            Err((fault, detail)) => return (fault, None, detail),
        };
        let algorithm = record.parameters.text("signingAlgorithm").unwrap_or_default();
        let message = record.parameters.text("messageType").unwrap_or_default();
        if key.algorithm.as_deref().is_some_and(|expected| expected != algorithm) || message == "RAW" {
            return (
                Fault::Algorithm,
                function,
                format!("{algorithm}, message type {message}"),
            );
        }
        let mut regions = key.names.iter().filter_map(|name| region_of(name)).peekable();
        if regions.peek().is_some() && !regions.any(|region| region == record.region) {
            return (Fault::Region, function, format!("in {}", record.region));
        }
        (Fault::Nothing, function, String::new())
    }

    /// The function that signed; `None` where nobody is told apart.
    fn signer(&self, identity: &Identity, key: &ExpectedKey) -> Result<Option<usize>, (Fault, String)> {
        if key.signers.is_empty() {
            return Ok(None);
        }
        let role = identity.role.as_deref();
        let functions = key
            .signers
            .iter()
            .map(|signer| (signer.function, &self.expected.functions[signer.function]));
        let candidates: Vec<_> = functions
            .filter(|(_, function)| role == Some(function.role.as_str()))
            .collect();
        if candidates.is_empty() {
            return Err((
                Fault::Role,
                "no function that may sign with this key has this role".to_owned(),
            ));
        }
        let id = identity.principal_id.as_deref().and_then(|id| id.split(':').next());
        let is_same = |known: &Option<String>| known.is_none() || known.as_deref() == id;
        if !candidates.iter().any(|(_, function)| is_same(&function.role_id)) {
            return Err((Fault::Role, "a role of this name that was made again".to_owned()));
        }
        let scope = identity.function.as_ref().map(|function| function.arn.as_str());
        let session = identity.session();
        let found = candidates.iter().find(|(_, function)| match scope {
            Some(arn) => unqualified(arn) == function.arn,
            // Lambda names a function's sessions after it.
            None => session.is_some() && session == function.arn.rsplit(':').next(),
        });
        let Some((place, _)) = found else {
            let detail = format!("credentials of {}", scope.or(session).unwrap_or("nobody known"));
            return Err((Fault::Function, detail));
        };
        Ok(Some(*place))
    }

    fn detail(&mut self, record: &Record, detail: String) {
        if self.details.len() < DETAILS {
            self.details.insert(record.event_id, evidence(record, detail));
        }
    }

    fn invoke(&mut self, record: &Record) {
        let Some(request) = record.request_id.as_deref().filter(|_| record.error_code.is_none()) else {
            return;
        };
        let named = record.resources.iter().chain(&record.function_version);
        let mut places = named.filter_map(|arn| self.functions.get(unqualified(arn)));
        if let Some(&function) = places.next() {
            let runs = u8::from(record.name == "InvokeExecution");
            let invoke = Invoke::new(Id::of(request), record.event_id, record.time, function, runs);
            self.invokes.push(invoke);
        }
    }
}

/// Evidence of a record.
pub(crate) fn evidence(record: &Record, detail: String) -> Evidence {
    Evidence {
        time: Some(record.time),
        event_id: record.event_id.to_string(),
        request_id: record.request_id.clone().unwrap_or_default(),
        call: format!(
            "{}:{}",
            record.source.split('.').next().unwrap_or_default(),
            record.name
        ),
        principal: record.identity.name().to_owned(),
        source_ip: record.source_ip.clone().unwrap_or_default(),
        region: record.region.clone(),
        detail,
        ..Evidence::default()
    }
}

/// Whether a call was refused because its caller may not make it.
fn is_denial(code: &str) -> bool {
    code.contains("AccessDenied") || code.contains("Unauthorized") || code.contains("NotAuthorized")
}

/// A function's ARN without its version or alias.
pub(crate) fn unqualified(arn: &str) -> &str {
    let end = arn.match_indices(':').nth(6).map_or(arn.len(), |(end, _)| end);
    &arn[..end]
}

/// The region in an ARN.
fn region_of(arn: &str) -> Option<&str> {
    arn.starts_with("arn:").then(|| arn.split(':').nth(3)).flatten()
}

/// The attempt that a user agent names: the first 32 hexadecimal digits in a row.
fn marker(agent: &str) -> Option<u32> {
    let mut words = agent.split(|letter: char| !letter.is_ascii_hexdigit());
    let id = words.find(|word| word.len() == 32)?;
    Id::read(id).map(Id::short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_found_in_a_user_agent() {
        let id = "00ff00ff00112233445566778899aabb";
        let agent = format!("aws-sdk-rust/1.3 ua/2.1 app/chancery/{id} os/linux");
        assert_eq!(marker(&agent), Some(Id::of(id).short()));
        assert_eq!(marker("aws-sdk-rust/1.3.14 os/linux lang/rust/1.94.1"), None);
        assert_eq!(marker(&format!("{id}0")), None);
    }

    #[test]
    fn a_function_is_the_same_by_any_version() {
        let arn = "arn:aws:lambda:eu-west-2:111122223333:function:serverless-tls-cert-dev";
        assert_eq!(unqualified(arn), arn);
        assert_eq!(unqualified(&format!("{arn}:$LATEST")), arn);
        assert_eq!(region_of(arn), Some("eu-west-2"));
        assert_eq!(region_of("alias/a"), None);
    }
}
