//! The settings of `notify`.

use super::{SettingsError, Variable, invalid, required, text};

/// The settings of Slack messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifySettings {
    /// `SLACK_SECRET_ARN`: the secret with the Slack token.
    pub secret_arn: String,
    /// `SLACK_CHANNELS`: the channels to post to, separated by commas in the variable.
    pub channels: Vec<String>,
    /// `SLACK_USERNAME`: the name that messages show as their sender.
    pub username: String,
    /// The emojis that messages begin with.
    pub emojis: Emojis,
    /// `PROJECT`: shown in each message's last line.
    pub project: String,
    /// `SLACK_API_URL`, without trailing slashes; the default is Slack's own.
    pub api_url: String,
}

/// One emoji for each kind of notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emojis {
    /// `SLACK_GOOD_EMOJI`: a certificate was issued.
    pub good: String,
    /// `SLACK_WARNING_EMOJI`: a certificate expires soon.
    pub warning: String,
    /// `SLACK_BAD_EMOJI`: revoked, rejected, or expired.
    pub bad: String,
}

const API_URL: &str = "https://slack.com/api";

impl NotifySettings {
    /// Reads the environment.
    pub fn from_environment(variable: Variable<'_>) -> Result<Self, SettingsError> {
        let or = |name: &str, default: &str| text(variable, name).unwrap_or_else(|| default.to_owned());
        let channels = text(variable, "SLACK_CHANNELS").unwrap_or_default();
        let channels = channels.split(',').map(str::trim).filter(|channel| !channel.is_empty());
        Ok(Self {
            secret_arn: required(variable, "SLACK_SECRET_ARN")?,
            channels: channels.map(str::to_owned).collect(),
            username: or("SLACK_USERNAME", "Serverless CA"),
            emojis: Emojis {
                good: or("SLACK_GOOD_EMOJI", ":white_check_mark:"),
                warning: or("SLACK_WARNING_EMOJI", ":warning:"),
                bad: or("SLACK_BAD_EMOJI", ":octagonal_sign:"),
            },
            project: or("PROJECT", "Serverless CA"),
            api_url: api_url(variable)?,
        })
    }
}

fn api_url(variable: Variable<'_>) -> Result<String, SettingsError> {
    let given = text(variable, "SLACK_API_URL").unwrap_or_else(|| API_URL.to_owned());
    let url = given.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
        return Err(invalid(
            "SLACK_API_URL",
            format!("{given:?} is no URL such as {API_URL}"),
        ));
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(all: &[(&str, &str)]) -> Result<NotifySettings, SettingsError> {
        let find = |name: &str| all.iter().find(|(known, _)| *known == name);
        NotifySettings::from_environment(&|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn channels_are_divided_by_commas() {
        let settings = read(&[("SLACK_SECRET_ARN", "arn"), ("SLACK_CHANNELS", " pki, ,alerts ,")]).unwrap();
        assert_eq!(settings.channels, ["pki", "alerts"]);
        assert_eq!(settings.api_url, "https://slack.com/api");
        assert_eq!(settings.emojis.bad, ":octagonal_sign:");
        let none = read(&[("SLACK_SECRET_ARN", "arn"), ("SLACK_CHANNELS", "")]).unwrap();
        assert!(none.channels.is_empty());
    }

    #[test]
    fn mistakes_name_their_variable() {
        assert_eq!(
            read(&[]).unwrap_err(),
            SettingsError::Missing {
                name: "SLACK_SECRET_ARN"
            }
        );
        for url in ["slack.com", "ftp://slack.com", "https://", "http:///api"] {
            let error = read(&[("SLACK_SECRET_ARN", "arn"), ("SLACK_API_URL", url)]).unwrap_err();
            assert!(error.to_string().contains("SLACK_API_URL"), "{url}: {error}");
        }
        let local = read(&[
            ("SLACK_SECRET_ARN", "arn"),
            ("SLACK_API_URL", "http://127.0.0.1:9/api/"),
        ])
        .unwrap();
        assert_eq!(local.api_url, "http://127.0.0.1:9/api");
    }
}
