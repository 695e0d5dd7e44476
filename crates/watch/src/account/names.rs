//! Names of things of ours, as they stand in records: bare, or within an ARN.

use std::collections::HashSet;

use crate::cloudtrail::Record;
use crate::expected::is_meant;

/// Longest text that is taken for a name or an ARN: documents and code are longer, or have other letters.
const LENGTH: usize = 300;

/// Names of one kind of thing.
pub(super) struct Names<'a> {
    /// What their ARNs have as the service.
    service: &'static str,
    exact: HashSet<&'a str>,
    patterns: Vec<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(service: &'static str, names: &'a [String]) -> Self {
        let (patterns, exact): (Vec<&str>, Vec<&str>) =
            names.iter().map(String::as_str).partition(|name| name.contains('*'));
        Self {
            service,
            exact: exact.into_iter().collect(),
            patterns,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.patterns.is_empty()
    }

    /// The first text of a record that names one of them.
    pub(super) fn found<'r>(&self, record: &'r Record) -> Option<&'r str> {
        let parameters = record.parameters.leaves().iter().map(|leaf| leaf.value.as_str());
        let mut texts = record.resources.iter().map(String::as_str).chain(parameters);
        texts.find(|text| self.names(text))
    }

    /// Whether a text is such a name, or an ARN or a path that holds one.
    fn names(&self, text: &str) -> bool {
        if text.len() > LENGTH || text.contains(['{', '"', ' ', '\n']) {
            return false;
        }
        let mut fields = text.split(':');
        if fields.next() == Some("arn") && fields.nth(1) != Some(self.service) {
            return false;
        }
        self.is(text)
            || text.match_indices([':', '/']).any(|(end, _)| self.is(&text[..end]))
            || text.split([':', '/']).any(|part| self.is(part))
            // A name with slashes in it, as log groups and aliases have.
            || text.match_indices([':', '/']).any(|(start, _)| self.is(&text[start + 1..]))
    }

    fn is(&self, name: &str) -> bool {
        self.exact.contains(name) || self.patterns.iter().any(|pattern| is_meant(pattern, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_known_by_name_and_by_arn() {
        let known = [
            "serverless-*-dev".to_owned(),
            "alias/serverless-root-ca-dev".to_owned(),
            "arn:aws:kms:eu-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".to_owned(),
        ];
        let names = Names::new("lambda", &known);
        for name in [
            "serverless-tls-cert-dev",
            "arn:aws:lambda:eu-west-2:111122223333:function:serverless-tls-cert-dev:$LATEST",
            "/aws/lambda/serverless-tls-cert-dev",
        ] {
            assert!(names.names(name), "{name}");
        }
        // A role of the same name is no function.
        assert!(!names.names("arn:aws:iam::111122223333:role/path/serverless-tls-cert-dev"));
        let names = Names::new("kms", &known);
        for name in [
            "arn:aws:kms:eu-west-2:111122223333:alias/serverless-root-ca-dev",
            "arn:aws:kms:eu-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ] {
            assert!(names.names(name), "{name}");
        }
        for name in [
            "",
            "serverless-dev",
            "other-tls-cert-dev",
            "alias/other",
            "arn:aws:kms:eu-west-2:111122223333:key/other",
            "{\"Resource\": \"serverless-tls-cert-dev\"}",
        ] {
            assert!(!names.names(name), "{name}");
        }
    }
}
