//! Names of a deployment's resources: the drop-in contract's section "Names".

use chancery_authority::CaName;
use chancery_authority::ca_name::CaNameError;
use chancery_authority::port::KeyName;

/// A deployment's project and environment, and the names that follow from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    project: String,
    environment: String,
    /// `-E`, or empty in production.
    suffix: String,
    root_ca: CaName,
    issuing_ca: CaName,
    table: String,
    journal_table: String,
}

/// Why a project and an environment name no deployment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeploymentError {
    /// They do not make a valid CA name.
    #[error("project {project:?} and environment {environment:?} do not form a valid CA name: {source}")]
    CaName {
        /// As the caller gave it.
        project: String,
        /// As the caller gave it.
        environment: String,
        /// What is wrong with the name.
        source: CaNameError,
    },
}

impl Deployment {
    /// The deployment of that project and environment. CA names omit the environment if it is one of `production`.
    pub fn new(
        project: impl Into<String>,
        environment: impl Into<String>,
        production: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, DeploymentError> {
        let (project, environment) = (project.into(), environment.into());
        let is_production = production.into_iter().any(|name| name.as_ref() == environment);
        let suffix = if is_production {
            String::new()
        } else {
            format!("-{environment}")
        };
        let ca_name = |role: &str| {
            CaName::new(format!("{project}-{role}{suffix}")).map_err(|source| DeploymentError::CaName {
                project: project.clone(),
                environment: environment.clone(),
                source,
            })
        };
        let (root_ca, issuing_ca) = (ca_name("root-ca")?, ca_name("issuing-ca")?);
        let (first, last) = (title(&project), title(&environment));
        Ok(Self {
            suffix,
            root_ca,
            issuing_ca,
            table: format!("{first}CA{last}"),
            journal_table: format!("{first}CAJournal{last}"),
            project,
            environment,
        })
    }

    /// Replaces the certificate table's name, which otherwise follows from project and environment. The journal's name
    /// follows from it: `Journal` is inserted after the `CA` of a name of the contract's form, else appended.
    #[must_use]
    pub fn with_table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        let last = title(&self.environment);
        self.journal_table = match self.table.strip_suffix(&last).filter(|first| first.ends_with("CA")) {
            Some(first) => format!("{first}Journal{last}"),
            None => format!("{}Journal", self.table),
        };
        self
    }

    /// Replaces the journal table's name, which otherwise follows from the certificate table's name.
    #[must_use]
    pub fn with_journal_table(mut self, name: impl Into<String>) -> Self {
        self.journal_table = name.into();
        self
    }

    /// The project, for example `serverless`.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The environment, for example `dev`.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The root CA's name, for example `serverless-root-ca-dev`.
    pub fn root_ca(&self) -> &CaName {
        &self.root_ca
    }

    /// The issuing CA's name, for example `serverless-issuing-ca-dev`.
    pub fn issuing_ca(&self) -> &CaName {
        &self.issuing_ca
    }

    /// The bundle's name without `.pem`, for example `serverless-ca-bundle-dev`.
    pub fn bundle(&self) -> String {
        format!("{}-ca-bundle{}", self.project, self.suffix)
    }

    /// The alias of a CA's key in KMS, for example `alias/serverless-root-ca-dev`.
    pub fn key_of(ca: &CaName) -> KeyName {
        KeyName(format!("alias/{ca}"))
    }

    /// The alias of the KMS key with which clients generate key pairs, for example `alias/serverless-tls-keygen-dev`.
    pub fn keygen_alias(&self) -> String {
        format!("alias/{}-tls-keygen{}", self.project, self.suffix)
    }

    /// The alias of the HMAC key that authenticates intents, for example `alias/serverless-intents-dev`.
    pub fn intents_alias(&self) -> String {
        format!("alias/{}-intents{}", self.project, self.suffix)
    }

    /// A Lambda function's name: `serverless-tls-cert-dev` for `tls-cert`. It has the environment in production, too.
    pub fn function(&self, role: &str) -> String {
        format!("{}-{role}-{}", self.project, self.environment)
    }

    /// The certificate table's name, for example `ServerlessCADev`.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The journal table's name, for example `ServerlessCAJournalDev`.
    pub fn journal_table(&self) -> &str {
        &self.journal_table
    }
}

/// Capitalises the words between hyphens or spaces and joins them: `my-project` becomes `MyProject`.
fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    for word in text.split(['-', ' ']) {
        let mut letters = word.chars();
        titled.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        titled.push_str(letters.as_str());
    }
    titled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_contracts() {
        let dev = Deployment::new("serverless", "dev", ["prd", "prod"]).unwrap();
        assert_eq!(dev.root_ca().as_str(), "serverless-root-ca-dev");
        assert_eq!(dev.issuing_ca().as_str(), "serverless-issuing-ca-dev");
        assert_eq!(dev.bundle(), "serverless-ca-bundle-dev");
        assert_eq!(dev.table(), "ServerlessCADev");
        assert_eq!(dev.journal_table(), "ServerlessCAJournalDev");
        assert_eq!(
            Deployment::key_of(dev.issuing_ca()),
            KeyName("alias/serverless-issuing-ca-dev".to_owned())
        );
        assert_eq!(dev.keygen_alias(), "alias/serverless-tls-keygen-dev");
        assert_eq!(dev.intents_alias(), "alias/serverless-intents-dev");
        assert_eq!(dev.function("tls-cert"), "serverless-tls-cert-dev");
    }

    #[test]
    fn production_leaves_the_environment_out_of_ca_names_alone() {
        let prod = Deployment::new("secure-email", "prd", ["prd", "prod"]).unwrap();
        assert_eq!(prod.root_ca().as_str(), "secure-email-root-ca");
        assert_eq!(prod.bundle(), "secure-email-ca-bundle");
        assert_eq!(prod.keygen_alias(), "alias/secure-email-tls-keygen");
        assert_eq!(prod.table(), "SecureEmailCAPrd");
        assert_eq!(prod.function("tls-cert"), "secure-email-tls-cert-prd");
        assert_eq!(prod.clone().with_table("OldCAPrd").journal_table(), "OldCAJournalPrd");
        let other = prod.with_table("certificates");
        assert_eq!(
            (other.table(), other.journal_table()),
            ("certificates", "certificatesJournal")
        );
        assert_eq!(other.with_journal_table("J").journal_table(), "J");
    }

    #[test]
    fn what_makes_no_ca_name_is_refused() {
        for (project, environment) in [("Upper", "dev"), ("", "dev"), ("a b", "dev"), ("a", "d_v")] {
            let refused = Deployment::new(project, environment, ["prod"]);
            assert!(
                matches!(refused, Err(DeploymentError::CaName { .. })),
                "{project:?} {environment:?}"
            );
        }
    }
}
