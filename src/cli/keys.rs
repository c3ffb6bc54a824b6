//! `--token-key` and `--token-key-file`, for every verb that signs or verifies.

use std::path::PathBuf;

use super::Failure;
use crate::auth::KeyError;
use crate::auth::secret::{self, Secret, SecretFault};

/// The HS256 secrets of the command line.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// HS256 secret; repeatable: the first signs, all verify [env: CF_PACKAGES_TOKEN_KEY]
    // A key that begins with `-` is a key: refused, it would be printed.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    token_key: Vec<Secret>,
    /// File with an HS256 secret; repeatable [env: CF_PACKAGES_TOKEN_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    token_key_file: Vec<PathBuf>,
}

impl KeyArgs {
    /// The secrets given, by flags, files or the environment; maybe none.
    pub fn given(&self) -> Result<Vec<Secret>, Failure> {
        Ok(secret::resolve(
            "token-key",
            &self.token_key,
            &self.token_key_file,
        )?)
    }
}

impl From<SecretFault> for Failure {
    fn from(fault: SecretFault) -> Self {
        match fault {
            SecretFault::Usage(text) => Self::Usage(text),
            SecretFault::Failed(text) => Self::Failed(text),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Usage(text) => Self::Usage(text),
            KeyError::File(text) => Self::Failed(text),
            KeyError::Store(error) => error.into(),
        }
    }
}
