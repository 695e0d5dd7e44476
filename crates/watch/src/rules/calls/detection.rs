//! What everything else is seen by: trails, rules, alarms; and the console.

use super::calls;
use crate::rules::runbooks;
use crate::rules::{Concern, Doer, Rule, Severity, WatchRule};

pub(super) static DETECTION: &[WatchRule] = &[
    WatchRule {
        rule: Rule {
            id: "trail-stopped",
            severity: Severity::Critical,
            title: "A trail was stopped or deleted",
            remedy: "Start it again: `aws cloudtrail start-logging`.",
            runbook: &runbooks::WATCHING,
        },
        calls: &[calls(
            "cloudtrail.amazonaws.com",
            &[
                "StopLogging",
                "DeleteTrail",
                "StopEventDataStoreIngestion",
                "DeleteEventDataStore",
            ],
        )],
        concerns: Concern::Account,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "trail-selectors-changed",
            severity: Severity::Critical,
            title: "Which events a trail records was changed: KMS or invocations may be left out",
            remedy: "Compare with `aws cloudtrail get-event-selectors`: KMS must not be excluded, and Lambda's data events must be on.",
            runbook: &runbooks::WATCHING,
        },
        calls: &[calls("cloudtrail.amazonaws.com", &["PutEventSelectors"])],
        concerns: Concern::Account,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "trail-changed",
            severity: Severity::High,
            title: "A trail was changed: regions, bucket, validation",
            remedy: "Compare with `aws cloudtrail get-trail`: all regions, and validation of files on.",
            runbook: &runbooks::WATCHING,
        },
        calls: &[calls(
            "cloudtrail.amazonaws.com",
            &[
                "UpdateTrail",
                "PutInsightSelectors",
                "DeregisterOrganizationDelegatedAdmin",
            ],
        )],
        concerns: Concern::Account,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "event-rule-changed",
            severity: Severity::High,
            title: "A rule that the guard hears through was disabled, changed, or lost its target",
            remedy: "Put it back as Terraform has it: in the state `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`, with its target.",
            runbook: &runbooks::WATCHING,
        },
        calls: &[calls(
            "events.amazonaws.com",
            &[
                "DisableRule",
                "EnableRule",
                "DeleteRule",
                "PutRule",
                "PutTargets",
                "RemoveTargets",
            ],
        )],
        concerns: Concern::EventRule,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "alarm-changed",
            severity: Severity::High,
            title: "An alarm was deleted, silenced or changed",
            remedy: "Put it back as Terraform has it.",
            runbook: &runbooks::WATCHING,
        },
        calls: &[calls(
            "monitoring.amazonaws.com",
            &[
                "DeleteAlarms",
                "DisableAlarmActions",
                "PutMetricAlarm",
                "PutCompositeAlarm",
                "SetAlarmState",
                "PutAlarmMuteRule",
            ],
        )],
        concerns: Concern::Alarm,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "detection-disabled",
            severity: Severity::High,
            title: "Another detector of the account was switched off",
            remedy: "Switch it on again.",
            runbook: &runbooks::WATCHING,
        },
        calls: &[
            calls(
                "guardduty.amazonaws.com",
                &[
                    "DeleteDetector",
                    "UpdateDetector",
                    "StopMonitoringMembers",
                    "DisassociateFromAdministratorAccount",
                ],
            ),
            calls(
                "config.amazonaws.com",
                &[
                    "StopConfigurationRecorder",
                    "DeleteConfigurationRecorder",
                    "DeleteDeliveryChannel",
                ],
            ),
            calls("securityhub.amazonaws.com", &["DisableSecurityHub"]),
            calls("access-analyzer.amazonaws.com", &["DeleteAnalyzer"]),
        ],
        concerns: Concern::Account,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "console-sign-in",
            severity: Severity::Medium,
            title: "Somebody signed in to the console of the CA's account",
            remedy: "Ask the person. Nobody has anything to do there on ordinary days.",
            runbook: &runbooks::ACCOUNT,
        },
        calls: &[calls("signin.amazonaws.com", &["ConsoleLogin", "SwitchRole"])],
        concerns: Concern::Account,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "root-user-used",
            severity: Severity::Low,
            title: "The account's root user, whom no policy binds, changed something",
            remedy: "See that somebody meant to. Take away the root user's access keys, and give administrators roles.",
            runbook: &runbooks::ACCOUNT,
        },
        // Told by who it is, whatever the call.
        calls: &[],
        concerns: Concern::Account,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "root-user-signed-in",
            severity: Severity::Critical,
            title: "The account's root user, whom no policy binds, signed in to the console",
            remedy: "Ask who has its password. If nobody used it: change it, take away its access keys, and stop signing (`chancery freeze`).",
            runbook: &runbooks::ACCOUNT,
        },
        // Told by who it is, as `console-sign-in` is of others.
        calls: &[],
        concerns: Concern::Account,
        expected: Doer::Nobody,
    },
];
