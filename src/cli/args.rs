//! `--token-key` and `--token-key-file`, for every verb that signs or verifies.

use std::path::PathBuf;

use super::CommandError;
use crate::auth::KeyError;
use crate::auth::secret::{self, Secret, SecretError};
use crate::edition::BaseUrl;

/// The HS256 secrets of the command line.
#[derive(Debug, clap::Args)]
pub struct KeyFlags {
    /// HS256 secret; repeatable: the first signs, all verify [env: CF_PACKAGES_TOKEN_KEY]
    // A key that begins with `-` is a key: refused, it would be printed.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    token_key: Vec<Secret>,
    /// File with an HS256 secret; repeatable [env: CF_PACKAGES_TOKEN_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    token_key_file: Vec<PathBuf>,
}

impl KeyFlags {
    /// The secrets given, by flags, files or the environment; maybe none.
    pub fn given(&self) -> Result<Vec<Secret>, CommandError> {
        secret::resolve("token-key", &self.token_key, &self.token_key_file)
            .map_err(CommandError::from_secret)
    }
}

impl CommandError {
    /// Returns the error of secrets that cannot be used.
    pub fn from_secret(error: SecretError) -> Self {
        if error.is_usage() {
            Self::Usage(error.to_string())
        } else {
            Self::Failed(error.to_string())
        }
    }

    /// Returns the error of keys that cannot be loaded.
    pub fn from_keys(error: KeyError) -> Self {
        if error.is_usage() {
            Self::Usage(error.to_string())
        } else {
            Self::Failed(error.to_string())
        }
    }
}

/// `http://host`, `https://host:port`: an origin, without a path.
pub fn external_url(text: &str) -> Result<BaseUrl, String> {
    let wrong = || "expected scheme and host, as `https://api.example.org`".to_owned();
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(wrong)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte);
    let end = host.strip_suffix('/').unwrap_or(host);
    if end.is_empty() || !end.bytes().all(plain) {
        return Err(wrong());
    }
    Ok(BaseUrl(text.strip_suffix('/').unwrap_or(text).to_owned()))
}
