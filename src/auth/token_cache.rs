//! Tokens that were verified, remembered: a client sends the same one with every request.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use super::claims::Claims;

/// So many tokens are remembered.
const TOKENS: usize = 4096;
/// A token longer than so many bytes is not remembered, which bounds the whole at 32 MiB.
const LONGEST: usize = 8 * 1024;

/// Whole tokens, each with its claims. Only what a key vouched for comes in, so that a fast hash will do; time is
/// judged by whoever asks.
#[derive(Debug, Default)]
pub(super) struct TokenCache(RwLock<HashMap<Box<str>, Arc<Claims>, Xxh3DefaultBuilder>>);

impl TokenCache {
    pub fn get(&self, token: &str) -> Option<Arc<Claims>> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).cloned()
    }

    pub fn put(&self, token: &str, claims: Arc<Claims>) {
        if token.len() > LONGEST {
            return;
        }
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Forgetting all costs each of them one more verification, some microseconds, and needs no order of use.
        if tokens.len() >= TOKENS {
            tokens.clear();
        }
        tokens.insert(token.into(), claims);
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.read().unwrap().len()
    }
}
