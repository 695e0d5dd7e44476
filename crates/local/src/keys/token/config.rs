//! Which token to use.

use std::path::PathBuf;

use crate::keys::passphrase::PassphraseSource;

/// Which token to use, and how to log in.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// The module's shared library, e.g. `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// Source of the user PIN; read when first needed.
    pub pin: PassphraseSource,
    /// Sessions, and so concurrent signatures: at least 1, at most 64. Two or three keep most hardware busy.
    pub sessions: usize,
}
