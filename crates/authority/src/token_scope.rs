//! What the holder of an API token may do.

use std::fmt;
use std::str::FromStr;

/// One permission of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenScope {
    /// Request certificates.
    Issue,
    /// Revoke certificates.
    Revoke,
    /// Search and read certificates and records.
    Read,
    /// Everything, including the management of tokens.
    Admin,
}

/// A text that is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope: use issue, revoke, read or admin")]
pub struct TokenScopeError(String);

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TokenScopes(u8);

impl TokenScope {
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

impl TokenScopes {
    /// Whether it is in the set.
    pub fn contains(self, scope: TokenScope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether the set permits an action: `admin` permits everything, and any scope permits reading.
    pub fn allow(self, scope: TokenScope) -> bool {
        match scope {
            TokenScope::Read => !self.is_empty(),
            TokenScope::Issue | TokenScope::Revoke | TokenScope::Admin => {
                self.contains(scope) || self.contains(TokenScope::Admin)
            }
        }
    }

    /// Whether nothing is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in the set.
    pub fn iter(self) -> impl Iterator<Item = TokenScope> {
        TokenScope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<TokenScope> for TokenScopes {
    fn from_iter<I: IntoIterator<Item = TokenScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}

impl FromStr for TokenScope {
    type Err = TokenScopeError;

    fn from_str(text: &str) -> Result<Self, TokenScopeError> {
        let named = Self::ALL.into_iter().find(|scope| scope.name() == text);
        named.ok_or_else(|| TokenScopeError(text.chars().take(40).collect()))
    }
}

impl FromStr for TokenScopes {
    type Err = TokenScopeError;

    /// Parses scopes separated by spaces or commas.
    fn from_str(text: &str) -> Result<Self, TokenScopeError> {
        text.split([' ', ','])
            .filter(|word| !word.is_empty())
            .map(str::parse)
            .collect()
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for TokenScopes {
    /// The scopes, separated by spaces.
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

impl fmt::Debug for TokenScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_allow_no_more_than_they_say() {
        for held in TokenScope::ALL {
            let scopes = TokenScopes::from_iter([held]);
            for wanted in TokenScope::ALL {
                let expected = held == wanted || held == TokenScope::Admin || wanted == TokenScope::Read;
                assert_eq!(scopes.allow(wanted), expected, "{held} {wanted}");
            }
        }
        assert!(
            TokenScope::ALL
                .into_iter()
                .all(|wanted| !TokenScopes::default().allow(wanted))
        );
    }

    #[test]
    fn names_are_read_back() {
        let scopes: TokenScopes = "issue,read".parse().unwrap();
        assert_eq!(scopes.to_string(), "issue read");
        assert_eq!(scopes.to_string().parse(), Ok(scopes));
        assert!("issue everything".parse::<TokenScopes>().is_err());
    }
}
