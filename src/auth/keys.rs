//! The keys: which sign, which verify, and for which algorithm each of them is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, crypto};
use serde::Serialize;

use super::claims::{Claims, Parts};
use super::public_keys;
use super::secret::Secret;
use super::token_cache::TokenCache;
use crate::store::{Snapshot, StoreError};

/// Every key that verifies, the one that signs, and the tokens that were token_cache.
pub struct Keys {
    signing: EncodingKey,
    verifying: Vec<VerifyingKey>,
    token_cache: TokenCache,
}

/// A key is for one algorithm; a token that names another is not tried with it.
struct VerifyingKey {
    algorithm: Algorithm,
    kid: Option<String>,
    key: DecodingKey,
}

/// Why there are no keys to work with.
#[derive(Debug)]
pub enum KeyError {
    /// A secret or the lack of one that the command line must mend: wrong usage.
    Usage(String),
    /// A file of public keys that cannot be used; the sentence names it.
    File(String),
    /// The database.
    Store(StoreError),
}

impl Keys {
    /// The keys of a server: those given (the first of them signs), the database's own (without a given one its
    /// newest signs), and the public ones of the files (RS256, PEM or JWKS), which only verify.
    pub fn load(
        snapshot: &Snapshot<'_>,
        given: Vec<Secret>,
        public: &[PathBuf],
    ) -> Result<Self, KeyError> {
        let mut secrets = given;
        snapshot.rows(
            "select secret from token_keys order by id desc",
            &[],
            |row| {
                secrets.push(Secret::new(row.bytes(0)?));
                Ok::<_, StoreError>(())
            },
        )?;
        Self::of(secrets, public)
    }

    /// The keys without a database: those given, of which the first signs.
    pub fn given(given: Vec<Secret>) -> Result<Self, KeyError> {
        Self::of(given, &[])
    }

    pub(super) fn of(secrets: Vec<Secret>, public: &[PathBuf]) -> Result<Self, KeyError> {
        // A public key as a secret would let everybody sign who can read it.
        if secrets.iter().any(looks_like_pem) {
            return Err(KeyError::Usage(
                "a `--token-key` is a PEM text, which is no HS256 secret; give public keys with `--token-public-key`".into(),
            ));
        }
        let signing = secrets.first().ok_or_else(|| {
            KeyError::Usage("there is no key to sign with; give one with `--token-key`".into())
        })?;
        let signing = EncodingKey::from_secret(signing.expose());
        let mut verifying: Vec<VerifyingKey> = secrets
            .iter()
            .map(|secret| VerifyingKey {
                algorithm: Algorithm::HS256,
                kid: None,
                key: DecodingKey::from_secret(secret.expose()),
            })
            .collect();
        for path in public {
            let keys = public_keys::read(path).map_err(KeyError::File)?;
            verifying.extend(keys.into_iter().map(|public| VerifyingKey {
                algorithm: Algorithm::RS256,
                kid: public.kid,
                key: public.key,
            }));
        }
        Ok(Self {
            signing,
            verifying,
            token_cache: TokenCache::default(),
        })
    }

    /// A token with these claims, signed HS256.
    pub(super) fn sign(
        &self,
        claims: &impl Serialize,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signing)
    }

    /// What the token says, if one of the keys vouches for it and it is for us. Whether it holds now is not asked.
    pub(super) fn verify(&self, token: &str) -> Option<Arc<Claims>> {
        if let Some(claims) = self.token_cache.get(token) {
            return Some(claims);
        }
        let parts = Parts::read(token)?;
        if !self.verifying.iter().any(|key| key.vouches_for(&parts)) {
            return None;
        }
        let claims = Arc::new(parts.claims()?);
        self.token_cache.put(token, Arc::clone(&claims));
        Some(claims)
    }

    /// As `verify`, but by the keys that sign our own tokens, and nothing is remembered.
    pub(super) fn verify_own(&self, token: &str) -> Option<Claims> {
        let parts = Parts::read(token)?;
        self.verifying
            .iter()
            .filter(|key| key.algorithm == Algorithm::HS256)
            .any(|key| key.vouches_for(&parts))
            .then(|| parts.claims())?
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.token_cache.len()
    }
}

impl VerifyingKey {
    fn vouches_for(&self, parts: &Parts<'_>) -> bool {
        let name = match self.algorithm {
            Algorithm::RS256 => "RS256",
            _ => "HS256",
        };
        // A token's `kid` chooses among keys that have one; whoever has none may be the one meant.
        let other =
            matches!((&parts.header.kid, &self.kid), (Some(asked), Some(kid)) if asked != kid);
        parts.header.alg == name
            && !other
            && crypto::verify(parts.signature, parts.message, &self.key, self.algorithm)
                .unwrap_or(false)
    }
}

fn looks_like_pem(secret: &Secret) -> bool {
    secret
        .expose()
        .trim_ascii_start()
        .starts_with(b"-----BEGIN ")
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} ***)", self.verifying.len())
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::File(text) => f.write_str(text),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
