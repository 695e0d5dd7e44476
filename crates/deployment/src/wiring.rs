//! From a deployment's settings to the clients of its tables, keys, buckets and topic.

use aws_config::SdkConfig;
use chancery_aws::{Aws, CallBudget, Deployment, ResourceNames};

use crate::settings::{AuthoritySettings, CaRole, SettingsError};

/// Makes the clients of the deployment that has these settings; they share `budget`. Sends no request.
pub fn connect(settings: &AuthoritySettings, config: &SdkConfig, budget: &CallBudget) -> Result<Aws, SettingsError> {
    let aws = Aws::new(config, &names(settings)?, resources(settings), budget);
    if let Some(sha256) = settings.root_key_sha256 {
        for root in CaRole::Root.configured(&settings.config()?) {
            aws.keys.note(root.key(), sha256);
        }
    }
    Ok(aws)
}

/// The names of the deployment's resources.
fn names(settings: &AuthoritySettings) -> Result<Deployment, SettingsError> {
    let names = Deployment::new(&settings.project, &settings.environment, &settings.prod_environments);
    let mut names = names.map_err(|error| SettingsError::Config {
        detail: error.to_string(),
    })?;
    if let Some(table) = &settings.certificate_table {
        names = names.with_table(table);
    }
    if let Some(table) = &settings.journal_table {
        names = names.with_journal_table(table);
    }
    Ok(names)
}

fn resources(settings: &AuthoritySettings) -> ResourceNames {
    ResourceNames {
        external_bucket: settings.external_bucket.clone(),
        internal_bucket: settings.internal_bucket.clone(),
        topic_arn: settings.topic_arn.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &[(&str, &str)]) -> AuthoritySettings {
        let all = [
            ("PROJECT", "serverless"),
            ("ENVIRONMENT_NAME", "prd"),
            ("EXTERNAL_S3_BUCKET", "external"),
            ("INTERNAL_S3_BUCKET", "internal"),
        ];
        let variable = |name: &str| {
            let found = all.iter().chain(more).find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        AuthoritySettings::from_environment(&variable).unwrap()
    }

    #[test]
    fn tables_have_the_names_that_the_settings_give_them() {
        let tables = |more: &[(&str, &str)]| {
            let names = names(&settings(more)).unwrap();
            (names.table().to_owned(), names.journal_table().to_owned())
        };
        let named = |table: &str, journal: &str| (table.to_owned(), journal.to_owned());
        assert_eq!(tables(&[]), named("ServerlessCAPrd", "ServerlessCAJournalPrd"));
        let other = ("CERTIFICATE_TABLE", "OldCAPrd");
        assert_eq!(tables(&[other]), named("OldCAPrd", "OldCAJournalPrd"));
        assert_eq!(tables(&[other, ("JOURNAL_TABLE", "J")]), named("OldCAPrd", "J"));
        assert_eq!(tables(&[("JOURNAL_TABLE", "J")]), named("ServerlessCAPrd", "J"));
    }

    #[test]
    fn production_environments_are_those_of_the_settings() {
        let root = |more: &[(&str, &str)]| names(&settings(more)).unwrap().root_ca().to_string();
        assert_eq!(root(&[]), "serverless-root-ca");
        assert_eq!(root(&[("PROD_ENVIRONMENTS", "[\"live\"]")]), "serverless-root-ca-prd");
    }

    #[test]
    fn places_are_those_of_the_settings() {
        let ResourceNames {
            external_bucket,
            internal_bucket,
            topic_arn,
        } = resources(&settings(&[("SNS_TOPIC_ARN", "arn:aws:sns:eu-west-2:123456789012:t")]));
        assert_eq!(
            (external_bucket.as_str(), internal_bucket.as_str()),
            ("external", "internal")
        );
        assert_eq!(topic_arn.as_deref(), Some("arn:aws:sns:eu-west-2:123456789012:t"));
        assert_eq!(resources(&settings(&[])).topic_arn, None);
    }
}
