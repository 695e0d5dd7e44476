//! The principal of a request.

use std::collections::BTreeMap;
use std::fmt;

/// Most values of all attributes of a principal.
const VALUES: usize = 64;

/// Longest value of an attribute, in octets.
const VALUE: usize = 256;

/// Names of attributes. A ledger may hold others, of a later version.
pub mod attribute {
    /// Of a local user: the numeric user id.
    pub const USER_ID: &str = "user_id";
    /// Of a local user: the value of `SUDO_USER`, a mere claim.
    pub const CLAIMED_USER: &str = "claimed_user";
    /// Of a token: the name that people gave to it.
    pub const TOKEN_NAME: &str = "token_name";
    /// Of a token: what it allows.
    pub const TOKEN_SCOPES: &str = "token_scopes";
    /// Of a certificate: the issuing CA's name.
    pub const ISSUER: &str = "issuer";
    /// Of a certificate: the serial number, decimal.
    pub const SERIAL_NUMBER: &str = "serial_number";
    /// Of a certificate: the common name that it is recorded under.
    pub const COMMON_NAME: &str = "common_name";
    /// Of a certificate: the alternative names, each as `TYPE:VALUE`.
    pub const ALT_NAMES: &str = "alt_names";
    /// Of a function: its name.
    pub const FUNCTION_NAME: &str = "function_name";
    /// Of a function: the alias by which it was invoked.
    pub const FUNCTION_ALIAS: &str = "function_alias";
    /// On AWS: the account.
    pub const ACCOUNT: &str = "account";
    /// On AWS: the partition, e.g. `aws`.
    pub const PARTITION: &str = "partition";
    /// On AWS: what the ARN names: `user`, `assumed-role`, `root`.
    pub const IDENTITY_TYPE: &str = "identity_type";
    /// On AWS: the name of the user or role, with its path.
    pub const IDENTITY_NAME: &str = "identity_name";
    /// On AWS: the session of an assumed role.
    pub const SESSION_NAME: &str = "session_name";
    /// Something did not fit the bounds and is missing: what forbids by an attribute must forbid such a principal.
    pub const INCOMPLETE: &str = "incomplete";
}

/// Who makes a request, as established by the front end; written into every intent, revocation and rejection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    kind: PrincipalKind,
    id: String,
    attributes: Attributes,
}

/// How a principal was established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// The user who runs the command on the authority's own data folder, by user name.
    Local,
    /// The holder of an API token, by the token's id.
    Token,
    /// The holder of a client certificate of this authority, by issuer and decimal serial: `chancery-issuing-ca/123`.
    Certificate,
    /// A caller with permission to invoke a function, by the function's name and the alias used, where there is one:
    /// `serverless-tls-cert-dev:serverless-tls-cert-dev`. AWS does not reveal the caller's identity to a function.
    Function,
    /// The user who runs the command on a deployment on AWS, by ARN.
    Aws,
    /// The authority itself: its own CA certificates, its HTTPS certificate, scheduled work.
    Authority,
    /// A text in a ledger that is none of these: nobody, or somebody whom another version knows.
    Unknown,
}

/// What is known of a principal beside its id, and can be decided on: values by name. Bounded in number and size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(BTreeMap<String, Vec<String>>);

impl Principal {
    /// The authority itself.
    pub const AUTHORITY: Self = Self {
        kind: PrincipalKind::Authority,
        id: String::new(),
        attributes: Attributes(BTreeMap::new()),
    };

    fn new(kind: PrincipalKind, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
            attributes: Attributes::default(),
        }
    }

    /// A [`Local`](PrincipalKind::Local) user.
    pub fn local(user: impl Into<String>) -> Self {
        Self::new(PrincipalKind::Local, user)
    }

    /// The holder of a [`Token`](PrincipalKind::Token).
    pub fn token(id: impl Into<String>) -> Self {
        Self::new(PrincipalKind::Token, id)
    }

    /// The holder of a [`Certificate`](PrincipalKind::Certificate).
    pub fn certificate(issuer_and_serial: impl Into<String>) -> Self {
        Self::new(PrincipalKind::Certificate, issuer_and_serial)
    }

    /// A caller of a [`Function`](PrincipalKind::Function).
    pub fn function(name_and_alias: impl Into<String>) -> Self {
        Self::new(PrincipalKind::Function, name_and_alias)
    }

    /// A user of [`Aws`](PrincipalKind::Aws). The parts of the ARN become attributes.
    pub fn aws(arn: impl Into<String>) -> Self {
        let arn = arn.into();
        // arn:PARTITION:SERVICE:REGION:ACCOUNT:TYPE/NAME[/SESSION]
        let mut parts = arn.splitn(6, ':').skip(1);
        let mut attributes = Attributes::default();
        attributes.add(attribute::PARTITION, parts.next().unwrap_or_default());
        attributes.add(attribute::ACCOUNT, parts.nth(2).unwrap_or_default());
        let (of_type, name) = parts
            .next()
            .map_or(("", ""), |resource| resource.split_once('/').unwrap_or((resource, "")));
        let (name, session) = match of_type {
            "assumed-role" => name.rsplit_once('/').unwrap_or((name, "")),
            _ => (name, ""),
        };
        attributes.add(attribute::IDENTITY_TYPE, of_type);
        attributes.add(attribute::IDENTITY_NAME, name);
        attributes.add(attribute::SESSION_NAME, session);
        Self {
            attributes,
            ..Self::new(PrincipalKind::Aws, arn)
        }
    }

    /// A principal as a ledger has it: its text, and the attributes that are recorded beside it. What former versions
    /// recorded has none.
    pub fn recorded(text: &str, attributes: Attributes) -> Self {
        const KINDS: [PrincipalKind; 5] = [
            PrincipalKind::Local,
            PrincipalKind::Token,
            PrincipalKind::Certificate,
            PrincipalKind::Function,
            PrincipalKind::Aws,
        ];
        if text == Self::AUTHORITY.kind.name() {
            return Self {
                attributes,
                ..Self::AUTHORITY
            };
        }
        let known = text.split_once(':').and_then(|(prefix, id)| {
            let kind = KINDS.into_iter().find(|kind| kind.name() == prefix)?;
            Some(Self::new(kind, id))
        });
        Self {
            attributes,
            ..known.unwrap_or_else(|| Self::new(PrincipalKind::Unknown, text))
        }
    }

    /// The same with one more value of an attribute; an empty value is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.attributes.add(name, value.as_ref());
        self
    }

    /// How it was established.
    pub fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// Its id, unique within its kind.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What else is known of it.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

impl PrincipalKind {
    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Token => "token",
            Self::Certificate => "certificate",
            Self::Function => "function",
            Self::Aws => "aws",
            Self::Authority => "authority",
            Self::Unknown => "",
        }
    }
}

impl Attributes {
    /// Attributes from a ledger, as they are there.
    pub fn recorded(values: BTreeMap<String, Vec<String>>) -> Self {
        Self(values)
    }

    /// Values by name.
    pub fn by_name(&self) -> &BTreeMap<String, Vec<String>> {
        &self.0
    }

    /// The values of that attribute.
    pub fn values(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a value. One beyond the bounds is left out as a whole, since a part of it could be mistaken for another.
    fn add(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if value.len() > VALUE || self.0.values().map(Vec::len).sum::<usize>() >= VALUES {
            self.0.insert(attribute::INCOMPLETE.to_owned(), vec!["true".to_owned()]);
            return;
        }
        self.0.entry(name.to_owned()).or_default().push(value.to_owned());
    }
}

impl fmt::Display for Principal {
    /// `local:alice`, `token:01J…`, `certificate:chancery-issuing-ca/123`, `function:NAME`, `aws:ARN`, `authority`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PrincipalKind::Authority => f.write_str(self.kind.name()),
            PrincipalKind::Unknown => f.write_str(&self.id),
            kind => write!(f, "{}:{}", kind.name(), self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_read_back_from_their_texts() {
        for principal in [
            Principal::local("root (SUDO_USER ada)"),
            Principal::token("01J"),
            Principal::certificate("chancery-issuing-ca/123"),
            Principal::function("tls-cert-dev:web"),
            Principal::aws("arn"),
            Principal::AUTHORITY,
        ] {
            let text = principal.to_string();
            assert_eq!(
                Principal::recorded(&text, principal.attributes().clone()),
                principal,
                "{text}"
            );
        }
        for unknown in ["", "backup", "authority:x", "acme:account", ":"] {
            let read = Principal::recorded(unknown, Attributes::default());
            assert_eq!(
                (read.kind(), read.to_string().as_str()),
                (PrincipalKind::Unknown, unknown)
            );
        }
    }

    #[test]
    fn parts_of_an_arn_are_attributes() {
        let of = |arn: &str, name: &str| Principal::aws(arn).attributes().values(name).to_vec();
        let role = "arn:aws-cn:sts::123456789012:assumed-role/Admin/ada@example.com";
        assert_eq!(of(role, attribute::PARTITION), ["aws-cn"]);
        assert_eq!(of(role, attribute::ACCOUNT), ["123456789012"]);
        assert_eq!(of(role, attribute::IDENTITY_TYPE), ["assumed-role"]);
        assert_eq!(of(role, attribute::IDENTITY_NAME), ["Admin"]);
        assert_eq!(of(role, attribute::SESSION_NAME), ["ada@example.com"]);
        let user = "arn:aws:iam::123456789012:user/ops/ada";
        assert_eq!(of(user, attribute::IDENTITY_NAME), ["ops/ada"]);
        assert_eq!(of("arn:aws:iam::123456789012:root", attribute::IDENTITY_TYPE), ["root"]);
        assert!(Principal::aws("nonsense").attributes().is_empty());
    }

    #[test]
    fn attributes_are_bounded_and_tell_what_is_missing() {
        let long = Principal::token("t").with(attribute::TOKEN_NAME, "x".repeat(VALUE + 1));
        assert_eq!(long.attributes().values(attribute::TOKEN_NAME), [""; 0]);
        assert_eq!(long.attributes().values(attribute::INCOMPLETE), ["true"]);
        let mut many = Principal::certificate("ca/1");
        for number in 0..10 * VALUES {
            many = many.with(attribute::ALT_NAMES, number.to_string());
        }
        assert_eq!(many.attributes().values(attribute::ALT_NAMES).len(), VALUES);
        assert_eq!(many.attributes().values(attribute::INCOMPLETE), ["true"]);
    }
}
