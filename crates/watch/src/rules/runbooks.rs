//! What to do in the first hour and on the first day. The first minute is each rule's own.

/// What to do about findings of a kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Runbook {
    /// Its heading.
    pub name: &'static str,
    /// In the first hour.
    pub first_hour: &'static str,
    /// On the first day.
    pub first_day: &'static str,
}

/// Every runbook, in the order of the documentation.
pub const RUNBOOKS: [&Runbook; 9] = [
    &KEY_USED,
    &KEY_STOLEN,
    &KEY_CHANGED,
    &CODE,
    &ACCESS,
    &JOURNAL,
    &FILES,
    &WATCHING,
    &ACCOUNT,
];

pub(super) static KEY_USED: Runbook = Runbook {
    name: "A key was used",
    first_hour: "Keep the evidence: copy the trail's files of the last day and the journal to another account. End all sessions of the signing \
                 roles (an inline policy that denies everything to tokens issued before now: `AWSRevokeOlderSessions`). Compare the code of every \
                 function with the zip that was deployed (`CodeSha256`). Find what was signed: certificates of this CA that relying parties \
                 have seen go to `chancery guard seen`. CRLs must go on: do not delete the key.",
    first_day: "Nobody can tell from KMS what was signed, only that something was. Unless every signature is explained, treat the CA as \
                compromised: make a new issuing CA, move clients to it, and revoke the old one. Find the way in (code, role, trust policy, \
                pipeline, a person's credentials), close it, and run the guard over the whole time since.",
};

pub(super) static KEY_STOLEN: Runbook = Runbook {
    name: "A certificate that nobody issued",
    first_hour: "Find out whether the ledger was changed or whether the key signed elsewhere: run `chancery guard` over the time of the \
                 certificate's notBefore. With a signature that is accounted for to no attempt, KMS signed it; with none, the key is outside (a key in \
                 KMS cannot leave it: then it was imported, or the CA was adopted). Put the serial number on the CRL by hand: `revoked.json`.",
    first_day: "A key in other hands cannot be called back. Make a new CA with a new key, distribute its certificate, revoke the old CA (its \
                parent's CRL), and have relying parties remove it. Read their logs for every certificate of it that the ledger does not know.",
};

pub(super) static KEY_CHANGED: Runbook = Runbook {
    name: "A key was changed",
    first_hour: "Undo it: put the key's policy back as Terraform has it (`terraform plan` shows the difference), revoke grants, cancel a deletion \
                 and enable the key again. The order matters: a policy that lacks the owner's `kms:CancelKeyDeletion` is put back first. Then run \
                 `chancery guard` over the time since.",
    first_day: "Find out with whose credentials it was done, and what else they did. If any signature since is not accounted for, follow \"A key \
                was used\".",
};

pub(super) static CODE: Runbook = Runbook {
    name: "Code or configuration was changed",
    first_hour: "Compare `CodeSha256`, layers, handler, role, environment and URL with what Terraform has; deploy the known zip again. Bad code signs \
                 in the authority's name and journals it: look through every certificate that was issued since (`chancery list`), and \
                 revoke what nobody asked for.",
    first_day: "Find out how the change came in: the pipeline, its credentials, its dependencies. Require code signing \
                (`code_signing_config_arn`) and approvals in the pipeline.",
};

pub(super) static ACCESS: Runbook = Runbook {
    name: "Somebody got, or sought, access",
    first_hour: "Undo it: trust policy, permissions, boundary, trust anchor, identity provider as Terraform has them. End the sessions that were \
                 opened meanwhile. Run `chancery guard` over the time since.",
    first_day: "Find out with whose credentials it was done and what else they did; rotate them. See whether the account's own protection (SCP, \
                boundary) should have refused it.",
};

pub(super) static JOURNAL: Runbook = Runbook {
    name: "The journal and the log disagree",
    first_hour: "Run the guard again over the same time with all files of the trail, also of the days around it: records come late. What remains \
                 was written by somebody, or its record was taken away: validate the trail's digests (`aws cloudtrail validate-logs`).",
    first_day: "Find out who can write to the table and to the trail's bucket, and who did. Restore rows from a point-in-time backup beside the table, \
                compare, and put back what was changed.",
};

pub(super) static FILES: Runbook = Runbook {
    name: "Tables, buckets or messages were changed",
    first_hour: "Undo it as Terraform has it. Publish the CRLs again (`chancery --aws crl publish`) and see that each is the newest and verifies \
                 (`chancery --aws crl status`, `chancery verify`). Restore deleted versions of objects.",
    first_day: "Find out who did it. If rows could be written or restored meanwhile, compare the ledger with published CRLs and certificates: a \
                revocation may be missing.",
};

pub(super) static WATCHING: Runbook = Runbook {
    name: "Somebody switched off the light",
    first_hour: "Switch it on again: trail, selectors, rules, targets, alarms, subscriptions. What happened meanwhile is in CloudTrail's event \
                 history of 90 days, which nobody can switch off: `aws cloudtrail lookup-events`, at home and in us-east-1; give its answers to \
                 `chancery guard --records`. Signatures are there; invocations of functions are not.",
    first_day: "Whoever does this has something to hide: look for it with the other rules, over the whole time of darkness. Have the guard run from \
                another account over a central trail.",
};

pub(super) static ACCOUNT: Runbook = Runbook {
    name: "Something unusual in the account",
    first_hour: "Ask the person. If nobody knows of it, end the session, disable the credentials, and read everything that they did \
                 (`aws cloudtrail lookup-events`).",
    first_day: "An authority belongs in an account of its own, where nobody signs in on ordinary days: see who has access, and why.",
};
