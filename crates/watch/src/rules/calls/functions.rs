//! Functions: code, configuration, who may invoke them.

use super::calls;
use crate::rules::runbooks;
use crate::rules::{Call, Concern, Doer, Rule, Severity, WatchRule};

pub(super) static FUNCTIONS: &[WatchRule] = &[
    WatchRule {
        rule: Rule {
            id: "function-code-changed",
            severity: Severity::Critical,
            title: "The code of a function was changed, or an alias leads to other code",
            remedy: "Compare `CodeSha256` with your zip. If it differs, stop signing (`chancery freeze`) and deploy the known zip.",
            runbook: &runbooks::CODE,
        },
        calls: &[calls(
            "lambda.amazonaws.com",
            &[
                "UpdateFunctionCode*",
                "PublishVersion*",
                "CreateAlias*",
                "UpdateAlias*",
                "DeleteAlias*",
            ],
        )],
        concerns: Concern::Function,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "function-layer-changed",
            severity: Severity::Critical,
            title: "Layers, handler or role of a function were changed: other code runs in its name",
            remedy: "Stop signing (`chancery freeze`) and put the configuration back as Terraform has it.",
            runbook: &runbooks::CODE,
        },
        calls: &[
            Call {
                source: "lambda.amazonaws.com",
                names: &["UpdateFunctionConfiguration*"],
                with: Some("layers"),
            },
            Call {
                source: "lambda.amazonaws.com",
                names: &["UpdateFunctionConfiguration*"],
                with: Some("handler"),
            },
            Call {
                source: "lambda.amazonaws.com",
                names: &["UpdateFunctionConfiguration*"],
                with: Some("role"),
            },
        ],
        concerns: Concern::Function,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "function-configuration-changed",
            severity: Severity::High,
            title: "The configuration of a function was changed",
            remedy: "Compare environment and settings with what Terraform has, and apply it again.",
            runbook: &runbooks::CODE,
        },
        calls: &[calls(
            "lambda.amazonaws.com",
            &[
                "UpdateFunctionConfiguration*",
                "PutRuntimeManagementConfig*",
                "PutFunctionCodeSigningConfig*",
                "DeleteFunctionCodeSigningConfig*",
                "PutFunctionEventInvokeConfig*",
                "UpdateFunctionEventInvokeConfig*",
                "CreateEventSourceMapping*",
                "UpdateEventSourceMapping*",
                "PutFunctionConcurrency*",
            ],
        )],
        concerns: Concern::Function,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "function-replaced",
            severity: Severity::Critical,
            title: "A function of this name was made, or deleted",
            remedy: "Compare it with what Terraform has. A function that was made with a signing role runs anybody's code in its name.",
            runbook: &runbooks::CODE,
        },
        calls: &[calls(
            "lambda.amazonaws.com",
            &[
                "CreateFunction",
                "CreateFunction20*",
                "DeleteFunction",
                "DeleteFunction20*",
            ],
        )],
        concerns: Concern::Function,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "function-url-made",
            severity: Severity::Critical,
            title: "A function got a URL",
            remedy: "Delete it: `aws lambda delete-function-url-config`. Then look through what was issued since.",
            runbook: &runbooks::CODE,
        },
        calls: &[calls(
            "lambda.amazonaws.com",
            &["CreateFunctionUrlConfig*", "UpdateFunctionUrlConfig*"],
        )],
        concerns: Concern::Function,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "function-policy-changed",
            severity: Severity::Critical,
            title: "Who may invoke a function was changed",
            remedy: "Take the permission away again (`aws lambda remove-permission`), and look through what was issued since.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls(
            "lambda.amazonaws.com",
            &[
                "AddPermission*",
                "RemovePermission*",
                "PutResourcePolicy*",
                "DeleteResourcePolicy*",
            ],
        )],
        concerns: Concern::Function,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "role-passed",
            severity: Severity::Critical,
            title: "A signing role was given to something new that runs code",
            remedy: "Delete what it was given to, and end the role's sessions.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[
            calls(
                "lambda.amazonaws.com",
                &[
                    "CreateFunction*",
                    "UpdateFunctionConfiguration*",
                    "RunMicrovm*",
                    "CreateMicrovm*",
                ],
            ),
            calls("ec2.amazonaws.com", &["RunInstances", "AssociateIamInstanceProfile"]),
            calls("states.amazonaws.com", &["CreateStateMachine", "UpdateStateMachine"]),
            calls("ecs.amazonaws.com", &["RegisterTaskDefinition", "RunTask"]),
        ],
        concerns: Concern::Role,
        expected: Doer::Deployer,
    },
];
