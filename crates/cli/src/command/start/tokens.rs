//! API tokens, as an adapter for the server.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::port::Clock;
use chancery_local::tokens::Tokens;
use chancery_server::tokens::{self as server, TokensUnavailable, ValidToken};

/// The tokens in the ledger.
pub(super) struct LedgerTokens {
    tokens: Arc<Tokens>,
    clock: Arc<dyn Clock>,
}

impl LedgerTokens {
    pub(super) fn new(tokens: Arc<Tokens>, clock: Arc<dyn Clock>) -> Self {
        Self { tokens, clock }
    }
}

#[async_trait]
impl server::Tokens for LedgerTokens {
    async fn verify(&self, text: &str) -> Result<Option<ValidToken>, TokensUnavailable> {
        match self.tokens.verify(text, self.clock.now()).await {
            Ok(record) => Ok(record.map(|record| ValidToken {
                id: record.id,
                name: record.name,
                scopes: record.scopes,
            })),
            Err(error) => Err(TokensUnavailable(error.to_string())),
        }
    }
}
