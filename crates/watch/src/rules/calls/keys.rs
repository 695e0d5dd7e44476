//! Keys, grants, aliases.

use super::calls;
use crate::rules::runbooks;
use crate::rules::{Concern, Doer, Rule, Severity, WatchRule};

pub(super) static KEYS: &[WatchRule] = &[
    WatchRule {
        rule: Rule {
            id: "key-policy-changed",
            severity: Severity::Critical,
            title: "The policy of a CA's key was changed",
            remedy: "If it was no `chancery freeze` or `thaw` of yours: put the policy back as Terraform has it, and stop signing until then (`chancery freeze`).",
            runbook: &runbooks::KEY_CHANGED,
        },
        calls: &[calls("kms.amazonaws.com", &["PutKeyPolicy"])],
        concerns: Concern::Key,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "key-grant-created",
            severity: Severity::Critical,
            title: "Somebody was granted the use of a CA's key, past its policy",
            remedy: "Revoke the grant: `aws kms revoke-grant`, with the grant id that `aws kms list-grants` shows.",
            runbook: &runbooks::KEY_CHANGED,
        },
        calls: &[calls("kms.amazonaws.com", &["CreateGrant"])],
        concerns: Concern::Key,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "key-deletion-scheduled",
            severity: Severity::Critical,
            title: "A CA's key is to be deleted",
            remedy: "See that the key's policy still lets you, then `aws kms cancel-key-deletion` and `aws kms enable-key`.",
            runbook: &runbooks::KEY_CHANGED,
        },
        calls: &[calls(
            "kms.amazonaws.com",
            &["ScheduleKeyDeletion", "DeleteImportedKeyMaterial"],
        )],
        concerns: Concern::Key,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "key-replicated",
            severity: Severity::Critical,
            title: "A CA's key was copied to another region, or its material was changed",
            remedy: "Disable the replica, and stop signing: `chancery freeze`.",
            runbook: &runbooks::KEY_CHANGED,
        },
        calls: &[calls(
            "kms.amazonaws.com",
            &[
                "ReplicateKey",
                "UpdatePrimaryRegion",
                "ImportKeyMaterial",
                "RotateKeyOnDemand",
            ],
        )],
        concerns: Concern::Key,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "key-disabled",
            severity: Severity::High,
            title: "A CA's key was disabled",
            remedy: "If this was no freeze of yours: `aws kms enable-key`. CRLs cannot be signed meanwhile.",
            runbook: &runbooks::KEY_CHANGED,
        },
        calls: &[calls("kms.amazonaws.com", &["DisableKey"])],
        concerns: Concern::Key,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "key-enabled",
            severity: Severity::Medium,
            title: "A CA's key was enabled, or kept from deletion",
            remedy: "If nobody thawed it or woke the root for a run, disable it again.",
            runbook: &runbooks::KEY_CHANGED,
        },
        calls: &[calls("kms.amazonaws.com", &["EnableKey", "CancelKeyDeletion"])],
        concerns: Concern::Key,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "key-alias-changed",
            severity: Severity::High,
            title: "An alias of a CA's key was made, moved or deleted",
            remedy: "Point the alias back to the key of the CA. A key that is not in the CA's certificate signs nothing for the authority.",
            runbook: &runbooks::KEY_CHANGED,
        },
        calls: &[calls(
            "kms.amazonaws.com",
            &["CreateAlias", "UpdateAlias", "DeleteAlias"],
        )],
        concerns: Concern::Key,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "key-verified",
            severity: Severity::Medium,
            title: "Somebody had KMS verify with a CA's key: it hides when the key was last used to sign",
            remedy: "Find out who, and why: anybody can verify with the public key alone.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls("kms.amazonaws.com", &["Verify"])],
        concerns: Concern::Key,
        expected: Doer::Nobody,
    },
];
