//! Every rule: how bad, what was found, and what to do. `docs/aws/guard.md` is written from this table, and a test holds it to it.

mod calls;
mod runbooks;

use serde::Serialize;

pub use calls::watch;
pub(crate) use calls::{ROOT_SIGN_IN, ROOT_USER};
pub use runbooks::{RUNBOOKS, Runbook};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For the report of the day.
    Low,
    /// To be looked at today.
    Medium,
    /// To be looked at now.
    High,
    /// A CA's key was used, or can be used, by somebody else: act now.
    Critical,
}

impl Severity {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The one below.
    pub(crate) fn lower(self) -> Self {
        match self {
            Self::Low | Self::Medium => Self::Low,
            Self::High => Self::Medium,
            Self::Critical => Self::High,
        }
    }
}

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, which programs go by.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub title: &'static str,
    /// What to do in the first minute.
    pub remedy: &'static str,
    /// What to do then.
    pub runbook: &'static Runbook,
}

/// A rule over the account: which calls it is about, whose, and who is expected to make them.
#[derive(Debug, PartialEq, Eq)]
pub struct WatchRule {
    /// The rule.
    pub rule: Rule,
    /// The calls.
    pub calls: &'static [Call],
    /// What they have to be about.
    pub concerns: Concern,
    /// Who is expected to make them.
    pub expected: Doer,
}

/// Calls of one service.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// CloudTrail's `eventSource`.
    pub source: &'static str,
    /// Their names in CloudTrail, which can differ from the operation's. A final `*` stands for an API's date, or anything else.
    pub names: &'static [&'static str],
    /// Only those with this parameter, whatever it holds.
    pub with: Option<&'static str>,
}

/// What a call has to be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Concern {
    /// A CA's key, or an alias of one.
    Key,
    /// A function.
    Function,
    /// A role.
    Role,
    /// A table.
    Table,
    /// A bucket.
    Bucket,
    /// A file that the authority publishes.
    File,
    /// A list or a request that the authority reads.
    List,
    /// A topic.
    Topic,
    /// A queue.
    Queue,
    /// A log group.
    LogGroup,
    /// A schedule.
    Schedule,
    /// A state machine.
    StateMachine,
    /// A rule of `EventBridge`.
    EventRule,
    /// An alarm.
    Alarm,
    /// The whole account: anything.
    Account,
}

/// Who is expected to make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doer {
    /// Nobody: it is reported, whoever it was.
    Nobody,
    /// Who changes the deployment as their task: then it is reported as low.
    Deployer,
    /// The authority's own functions: then it is not reported.
    Functions,
    /// A service of AWS's, on its own behalf: then it is not reported.
    Service,
}

impl Concern {
    /// What it is, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "a CA's key or its alias",
            Self::Function => "a function of the authority",
            Self::Role => "a role of the authority",
            Self::Table => "a table of the authority",
            Self::Bucket => "a bucket of the authority",
            Self::File => "a file that the authority publishes",
            Self::List => "a list or request that the authority reads",
            Self::Topic => "a topic of the authority",
            Self::Queue => "a queue of the authority",
            Self::LogGroup => "a log group of the authority",
            Self::Schedule => "the schedule",
            Self::StateMachine => "the state machine",
            Self::EventRule => "a rule of EventBridge of the authority",
            Self::Alarm => "an alarm of the authority",
            Self::Account => "the account",
        }
    }
}

impl Doer {
    /// Who it is, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Deployer => "who deploys: low then",
            Self::Functions => "the authority's functions: not reported then",
            Self::Service => "AWS's own services: not reported then",
        }
    }
}

impl Call {
    /// Whether a call of that name is meant.
    pub fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *known == name,
        })
    }
}

/// Every rule of the comparison.
pub const MATCHING: [&Rule; 15] = [
    &UNACCOUNTED_SIGNATURE,
    &WRONG_ROLE,
    &WRONG_FUNCTION,
    &WRONG_ALGORITHM,
    &WRONG_REGION,
    &COUNT_EXCEEDED,
    &UNKNOWN_SERIAL,
    &UNREADABLE_CERTIFICATE,
    &SIGNATURE_MISSING,
    &DENIED_SIGNATURE,
    &INVOKE_MISSING,
    &GUARD_SILENT,
    &ATTEMPT_UNREADABLE,
    &UNREADABLE_RECORDS,
    &LOST_ATTEMPTS,
];

/// A signature that nothing accounts for.
pub static UNACCOUNTED_SIGNATURE: Rule = Rule {
    id: "unaccounted-signature",
    severity: Severity::Critical,
    title: "A signature by a CA's key that the authority did not ask for, or for which no function was invoked",
    remedy: "Stop all signing: `chancery freeze`, or disable the key in KMS. Then end the sessions of the role in `evidence`.",
    runbook: &runbooks::KEY_USED,
};

/// A signature by somebody who may not sign.
pub static WRONG_ROLE: Rule = Rule {
    id: "wrong-role",
    severity: Severity::Critical,
    title: "A CA's key signed for a role or user that may not sign with it",
    remedy: "Stop all signing: `chancery freeze`, or disable the key in KMS. Take the principal in `evidence` its credentials.",
    runbook: &runbooks::KEY_USED,
};

/// A signature by another function, or for another invocation.
pub static WRONG_FUNCTION: Rule = Rule {
    id: "wrong-function",
    severity: Severity::Critical,
    title: "A CA's key signed with credentials of another function than expected, or something that this function never signs",
    remedy: "Stop all signing: `chancery freeze`, or disable the key in KMS. End the sessions of the role in `evidence`.",
    runbook: &runbooks::KEY_USED,
};

/// A signature with another algorithm.
pub static WRONG_ALGORITHM: Rule = Rule {
    id: "wrong-algorithm",
    severity: Severity::Critical,
    title: "A CA's key signed with an algorithm, or over a kind of message, that the authority never asks for",
    remedy: "Stop all signing: `chancery freeze`, or disable the key in KMS. End the sessions of the role in `evidence`.",
    runbook: &runbooks::KEY_USED,
};

/// A signature in another region.
pub static WRONG_REGION: Rule = Rule {
    id: "wrong-region",
    severity: Severity::Critical,
    title: "A CA's key signed in a region where the authority has none",
    remedy: "Disable the replica of the key in that region, then stop all signing: `chancery freeze`.",
    runbook: &runbooks::KEY_USED,
};

/// More signatures than attempts, or than a function ever makes.
pub static COUNT_EXCEEDED: Rule = Rule {
    id: "count-exceeded",
    severity: Severity::Critical,
    title: "More signatures than the journal has attempts, or than one invocation of this function ever makes",
    remedy: "Stop all signing: `chancery freeze`, or disable the key in KMS. Compare the function's code with what was deployed.",
    runbook: &runbooks::KEY_USED,
};

/// A serial number that the ledger does not know.
pub static UNKNOWN_SERIAL: Rule = Rule {
    id: "unknown-serial",
    severity: Severity::Critical,
    title: "Somebody has seen a certificate of a CA that its ledger does not know",
    remedy: "Stop all signing: `chancery freeze`. The key itself may be in other hands: tell relying parties not to trust this CA.",
    runbook: &runbooks::KEY_STOLEN,
};

/// Something that others have seen, and that is no certificate to us.
pub static UNREADABLE_CERTIFICATE: Rule = Rule {
    id: "unreadable-certificate",
    severity: Severity::Medium,
    title: "Somebody has seen a certificate that cannot be read",
    remedy: "Look at it with `openssl x509`: whoever accepted it reads more than Chancery does, and it may be of one of your CAs.",
    runbook: &runbooks::KEY_STOLEN,
};

/// A receipt without a signature.
pub static SIGNATURE_MISSING: Rule = Rule {
    id: "signature-missing",
    severity: Severity::High,
    title: "The journal has the receipt of a signature that the key store's log does not have",
    remedy: "See whether the trail still records KMS and reaches this bucket. If it does, somebody wrote to the journal.",
    runbook: &runbooks::JOURNAL,
};

/// A refused signature.
pub static DENIED_SIGNATURE: Rule = Rule {
    id: "denied-signature",
    severity: Severity::High,
    title: "Somebody asked a CA's key to sign, and was refused",
    remedy: "Find out who the principal in `evidence` is and take away its credentials, unless it is a role of yours that lost a right.",
    runbook: &runbooks::ACCESS,
};

/// No invocations are recorded.
pub static INVOKE_MISSING: Rule = Rule {
    id: "invoke-missing",
    severity: Severity::High,
    title: "Functions signed, and no invocation is recorded: data events were switched off",
    remedy: "Look at the trail's event selectors, and switch data events for the functions on again.",
    runbook: &runbooks::WATCHING,
};

/// No records.
pub static GUARD_SILENT: Rule = Rule {
    id: "guard-silent",
    severity: Severity::High,
    title: "The records end, and the authority went on signing",
    remedy: "See whether the trail is logging (`aws cloudtrail get-trail-status`), and whether all files were given.",
    runbook: &runbooks::WATCHING,
};

/// A row of the journal that cannot be read.
pub static ATTEMPT_UNREADABLE: Rule = Rule {
    id: "attempt-unreadable",
    severity: Severity::High,
    title: "The journal has attempts that cannot be read",
    remedy: "Keep the rows as they are, and find out who wrote to the table.",
    runbook: &runbooks::JOURNAL,
};

/// Records that cannot be read.
pub static UNREADABLE_RECORDS: Rule = Rule {
    id: "unreadable-records",
    severity: Severity::Medium,
    title: "Records that cannot be read, and so were held against nothing",
    remedy: "Give whole files, as CloudTrail delivered them; look into the file that `evidence` names.",
    runbook: &runbooks::WATCHING,
};

/// Lost answers.
pub static LOST_ATTEMPTS: Rule = Rule {
    id: "lost-attempts",
    severity: Severity::Low,
    title: "Signatures whose answers were lost: each is of an attempt in the journal, and its serial number is listed as revoked",
    remedy: "Nothing, while they are few. Many are an outage of KMS or of the network, or hide something: compare with the functions' logs.",
    runbook: &runbooks::JOURNAL,
};
