//! What the holder of an API token may do.

use std::fmt;
use std::str::FromStr;

/// One thing that a token may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Ask for certificates.
    Issue,
    /// Revoke certificates.
    Revoke,
    /// Search and read certificates and records.
    Read,
    /// Everything, tokens included.
    Admin,
}

/// A text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope: use issue, revoke, read or admin")]
pub struct ScopeError(String);

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Issue, Self::Revoke, Self::Read, Self::Admin];

    /// `issue`, `revoke`, `read`, `admin`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Revoke => "revoke",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Issue => 1,
            Self::Revoke => 2,
            Self::Read => 4,
            Self::Admin => 8,
        }
    }
}

impl Scopes {
    /// Whether it is in the set.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether the set allows it: `admin` allows everything, and whoever may issue or revoke may look.
    pub fn allow(self, scope: Scope) -> bool {
        match scope {
            Scope::Read => !self.is_empty(),
            Scope::Issue | Scope::Revoke | Scope::Admin => self.contains(scope) || self.contains(Scope::Admin),
        }
    }

    /// Whether nothing is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in the set.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let named = Self::ALL.into_iter().find(|scope| scope.name() == text);
        named.ok_or_else(|| ScopeError(text.chars().take(40).collect()))
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    /// Scopes with blanks or commas between them.
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        text.split([' ', ','])
            .filter(|word| !word.is_empty())
            .map(str::parse)
            .collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Scopes {
    /// Scopes with a blank between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_allow_no_more_than_they_say() {
        for held in Scope::ALL {
            let scopes = Scopes::from_iter([held]);
            for wanted in Scope::ALL {
                let expected = held == wanted || held == Scope::Admin || wanted == Scope::Read;
                assert_eq!(scopes.allow(wanted), expected, "{held} {wanted}");
            }
        }
        assert!(Scope::ALL.into_iter().all(|wanted| !Scopes::default().allow(wanted)));
    }

    #[test]
    fn names_are_read_back() {
        let scopes: Scopes = "issue,read".parse().unwrap();
        assert_eq!(scopes.to_string(), "issue read");
        assert_eq!(scopes.to_string().parse(), Ok(scopes));
        assert!("issue everything".parse::<Scopes>().is_err());
    }
}
