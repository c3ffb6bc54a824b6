//! The keys that sign and verify tokens. Each key has exactly one algorithm.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Serialize;

use super::claims::{Claims, Parts};
use super::public_keys::{self, PublicKey, PublicKeyFileError};
use super::secret::Secret;
use super::token_cache::TokenCache;
use super::token_fault::TokenFault;
use crate::store::{Snapshot, StoreError};

/// The JOSE header of the tokens that we sign.
const HS256_HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// The keys of a server: one that signs, all that verify, and a cache of verified tokens.
pub struct Keys {
    /// Boxed because it is large, and `Keys` is one variant of an enum.
    signing: Box<hmac::Key>,
    verifying: Vec<VerifyingKey>,
    token_cache: TokenCache,
}

/// A key that verifies signatures of one algorithm
/// ([RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1)).
enum VerifyingKey {
    /// HS256: HMAC with SHA-256.
    Hs256(hmac::Key),
    /// RS256: RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256(PublicKey),
}

/// Why keys cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A secret is a public key. Anyone who can read the public key could sign with it.
    #[error(
        "{origin} is {found}, which must not be an HS256 secret; pass public keys with `--token-public-key`"
    )]
    PublicKeyAsSecret {
        /// Where the secret comes from, such as "`--token-key`".
        origin: String,
        /// What the secret is, such as "a PEM text".
        found: &'static str,
    },
    /// There is no secret to sign with.
    #[error("there is no key to sign with; pass one with `--token-key`")]
    NoSecret,
    /// A file of public keys cannot be used.
    #[error(transparent)]
    PublicKeyFile(#[from] PublicKeyFileError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl KeyError {
    /// Returns this error with the path of the database, if it is about the database.
    pub fn at(self, database: &Path) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.at(database)),
            other => other,
        }
    }

    /// Whether the command line is wrong, as opposed to a file or database that cannot be used.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::PublicKeyAsSecret { .. } | Self::NoSecret)
    }
}

impl Keys {
    /// Loads the keys of a server.
    ///
    /// `secrets` come first: the first of them signs, and all verify. The database's own keys follow, the newest first;
    /// the newest signs if there are no `secrets`. The RS256 public keys of the files, which are PEM or JWKS, only
    /// verify.
    ///
    /// # Errors
    ///
    /// Fails if a secret is a public key, if a file has no usable public key, or if the database cannot be read.
    pub fn load(
        snapshot: &Snapshot<'_>,
        mut secrets: Vec<Secret>,
        public_key_files: &[PathBuf],
    ) -> Result<Self, KeyError> {
        snapshot.rows(
            "select secret from token_keys order by id desc",
            &[],
            |row| {
                secrets.push(Secret::new(row.bytes(0)?));
                Ok::<_, StoreError>(())
            },
        )?;
        Self::new(secrets, public_key_files)
    }

    /// Returns keys without a database. The first of the secrets signs, and all verify.
    ///
    /// # Errors
    ///
    /// Fails if there is no secret, or if a secret is a public key.
    pub fn from_secrets(secrets: Vec<Secret>) -> Result<Self, KeyError> {
        Self::new(secrets, &[])
    }

    pub(super) fn new(
        secrets: Vec<Secret>,
        public_key_files: &[PathBuf],
    ) -> Result<Self, KeyError> {
        for secret in &secrets {
            if let Some(found) = public_keys::describe(secret.expose()) {
                let origin = secret.origin().unwrap_or("a secret").to_owned();
                return Err(KeyError::PublicKeyAsSecret { origin, found });
            }
        }
        let hmac_keys: Vec<hmac::Key> = secrets
            .iter()
            .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
            .collect();
        let signing = hmac_keys.first().ok_or(KeyError::NoSecret)?;
        let signing = Box::new(signing.clone());
        let mut verifying: Vec<_> = hmac_keys.into_iter().map(VerifyingKey::Hs256).collect();
        for file in public_key_files {
            verifying.extend(
                public_keys::read(file)?
                    .into_iter()
                    .map(VerifyingKey::Rs256),
            );
        }
        Ok(Self {
            signing,
            verifying,
            token_cache: TokenCache::default(),
        })
    }

    /// Returns an HS256 token with these claims
    /// ([RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)).
    ///
    /// # Errors
    ///
    /// Fails if the claims cannot be written as JSON.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String, serde_json::Error> {
        let header = URL_SAFE_NO_PAD.encode(HS256_HEADER);
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims)?);
        let message = format!("{header}.{payload}");
        let signature = hmac::sign(&self.signing, message.as_bytes());
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Returns the claims of a token that one of the keys verifies and that is for our audience. Does not check whether
    /// it is valid now.
    pub(super) fn verify(&self, token: &str) -> Result<Arc<Claims>, TokenFault> {
        if let Some(claims) = self.token_cache.get(token) {
            return Ok(claims);
        }
        let parts = Parts::parse(token)?;
        if !self.verifying.iter().any(|key| key.verifies(&parts)) {
            let mut keys = self.verifying.iter();
            return Err(match keys.any(|key| key.algorithm() == parts.header.alg) {
                true => TokenFault::WrongKey,
                false => TokenFault::OtherAlgorithm,
            });
        }
        let claims = Arc::new(parts.claims()?);
        self.token_cache.insert(token, Arc::clone(&claims));
        Ok(claims)
    }

    /// Returns the claims of a token that one of our HS256 keys verifies. Does not use the cache, because a refresh
    /// token is sent rarely.
    pub(super) fn verify_own(&self, token: &str) -> Option<Claims> {
        let parts = Parts::parse(token).ok()?;
        self.verifying
            .iter()
            .filter(|key| matches!(key, VerifyingKey::Hs256(_)))
            .any(|key| key.verifies(&parts))
            .then(|| parts.claims().ok())?
    }

    #[cfg(test)]
    pub(super) fn cached_tokens(&self) -> usize {
        self.token_cache.len()
    }
}

impl VerifyingKey {
    /// Returns the algorithm as a token names it.
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256(_) => "HS256",
            Self::Rs256(_) => "RS256",
        }
    }

    /// Whether the token names the algorithm of this key and has a right signature.
    fn verifies(&self, parts: &Parts<'_>) -> bool {
        if parts.header.alg != self.algorithm() {
            return false;
        }
        match self {
            // An HS256 key has no `kid`, so that it is tried for every `kid`.
            Self::Hs256(key) => hmac::verify(key, parts.message, &parts.signature).is_ok(),
            Self::Rs256(key) => {
                key.matches_kid(parts.header.kid.as_deref())
                    && key.verifies(parts.message, &parts.signature)
            }
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} ***)", self.verifying.len())
    }
}
