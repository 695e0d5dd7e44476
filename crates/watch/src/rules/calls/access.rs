//! Roles, trust, credentials, the organization.

use super::calls;
use crate::rules::runbooks;
use crate::rules::{Concern, Doer, Rule, Severity, WatchRule};

pub(super) static ACCESS: &[WatchRule] = &[
    WatchRule {
        rule: Rule {
            id: "role-trust-changed",
            severity: Severity::Critical,
            title: "Who may take on a role of the authority was changed",
            remedy: "Put the trust policy back as Terraform has it, and end the role's sessions.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls("iam.amazonaws.com", &["UpdateAssumeRolePolicy"])],
        concerns: Concern::Role,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "role-assumed",
            severity: Severity::Critical,
            title: "Somebody but Lambda took on a role of the authority",
            remedy: "End the role's sessions, and put its trust policy back.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls(
            "sts.amazonaws.com",
            &["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"],
        )],
        concerns: Concern::Role,
        expected: Doer::Service,
    },
    WatchRule {
        rule: Rule {
            id: "role-policy-changed",
            severity: Severity::High,
            title: "What a role of the authority may do was changed",
            remedy: "Put its policies back as Terraform has them.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls(
            "iam.amazonaws.com",
            &[
                "PutRolePolicy",
                "DeleteRolePolicy",
                "AttachRolePolicy",
                "DetachRolePolicy",
            ],
        )],
        concerns: Concern::Role,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "role-boundary-changed",
            severity: Severity::High,
            title: "The permissions boundary of a role was changed",
            remedy: "Put it back as Terraform has it.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls(
            "iam.amazonaws.com",
            &["PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary"],
        )],
        concerns: Concern::Role,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "role-replaced",
            severity: Severity::High,
            title: "A role of the authority was made, changed or deleted",
            remedy: "Compare it with what Terraform has. A role made again under the same name is another one.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls(
            "iam.amazonaws.com",
            &[
                "CreateRole",
                "DeleteRole",
                "UpdateRole",
                "UpdateRoleDescription",
                "TagRole",
                "UntagRole",
            ],
        )],
        concerns: Concern::Role,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "policy-version-changed",
            severity: Severity::Medium,
            title: "A managed policy was changed",
            remedy: "See whether a role of the authority, or of those who deploy it, has it.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls(
            "iam.amazonaws.com",
            &["CreatePolicyVersion", "SetDefaultPolicyVersion"],
        )],
        concerns: Concern::Account,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "trust-anchor-changed",
            severity: Severity::High,
            title: "IAM Roles Anywhere trusts another CA, or lets its certificates take on other roles",
            remedy: "Disable the trust anchor or profile, unless it is yours.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls(
            "rolesanywhere.amazonaws.com",
            &[
                "CreateTrustAnchor",
                "UpdateTrustAnchor",
                "EnableTrustAnchor",
                "DeleteTrustAnchor",
                "CreateProfile",
                "UpdateProfile",
                "EnableProfile",
                "PutAttributeMapping",
                "ImportCrl",
                "DisableCrl",
                "DeleteCrl",
            ],
        )],
        concerns: Concern::Account,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "identity-provider-changed",
            severity: Severity::High,
            title: "An identity provider of the account was made or changed",
            remedy: "Delete it, unless it is yours.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls(
            "iam.amazonaws.com",
            &[
                "CreateOpenIDConnectProvider",
                "UpdateOpenIDConnectProviderThumbprint",
                "AddClientIDToOpenIDConnectProvider",
                "DeleteOpenIDConnectProvider",
                "CreateSAMLProvider",
                "UpdateSAMLProvider",
                "DeleteSAMLProvider",
            ],
        )],
        concerns: Concern::Account,
        expected: Doer::Deployer,
    },
    WatchRule {
        rule: Rule {
            id: "credentials-made",
            severity: Severity::High,
            title: "Lasting credentials were made, or a federated session",
            remedy: "Disable them, unless you know them.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[
            calls(
                "iam.amazonaws.com",
                &[
                    "CreateUser",
                    "CreateAccessKey",
                    "CreateLoginProfile",
                    "UpdateLoginProfile",
                    "UploadSigningCertificate",
                    "CreateServiceSpecificCredential",
                ],
            ),
            calls("sts.amazonaws.com", &["GetFederationToken"]),
        ],
        concerns: Concern::Account,
        expected: Doer::Nobody,
    },
    WatchRule {
        rule: Rule {
            id: "organization-changed",
            severity: Severity::Critical,
            title: "The account left its organization, or policies of the organization were changed",
            remedy: "Join it again, or put the policies back: without them the account's own protection is off.",
            runbook: &runbooks::ACCESS,
        },
        calls: &[calls(
            "organizations.amazonaws.com",
            &[
                "LeaveOrganization",
                "RemoveAccountFromOrganization",
                "MoveAccount",
                "DetachPolicy",
                "DeletePolicy",
                "UpdatePolicy",
                "DisablePolicyType",
            ],
        )],
        concerns: Concern::Account,
        expected: Doer::Nobody,
    },
];
