//! A cache of verified tokens, because a client sends the same token with every request.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use super::claims::Claims;

/// The largest number of tokens in the cache.
const MAX_TOKENS: usize = 4096;
/// The length of the longest token that is cached, in bytes.
const MAX_TOKEN_LENGTH: usize = 8 * 1024;

/// The claims of verified tokens, by the whole text of the token.
///
/// At most [`MAX_TOKENS`] tokens of at most [`MAX_TOKEN_LENGTH`] bytes are cached, so that their texts take at most
/// 32 MiB. The parsed claims come on top. Their size is not limited by itself, but a token's length limits it: the
/// densest claim, a scope list of empty strings, takes eight times as much memory as JSON, which is less than 48 KiB
/// for one token. Only a token that one of the keys verified is cached, so that no stranger can fill the cache and a
/// hash that is not cryptographic is enough. `exp` and `nbf` are not checked here.
#[derive(Debug, Default)]
pub(super) struct TokenCache(RwLock<HashMap<Box<str>, Arc<Claims>, Xxh3DefaultBuilder>>);

impl TokenCache {
    /// Returns the claims of a token that was inserted.
    pub fn get(&self, token: &str) -> Option<Arc<Claims>> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).cloned()
    }

    /// Inserts a verified token. A token that is too long is ignored.
    pub fn insert(&self, token: &str, claims: Arc<Claims>) {
        if token.len() > MAX_TOKEN_LENGTH {
            return;
        }
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Clearing the whole cache needs no order of use. It costs each token one more verification: microseconds.
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(token.into(), claims);
    }

    /// Returns the number of tokens.
    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
