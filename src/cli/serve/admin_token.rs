//! The file with an admin's token, for scripts and for the commands that `serve` shows on a terminal.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use crate::auth::Keys;
use crate::auth::tokens::{self, Subject};
use crate::cli::CommandError;
use crate::clock::Clock;
use crate::private_file::write_private;
use crate::store::refuse_database;

/// How long the token is valid: a working day. A server that is started again accepts it, as it keeps the key.
const TTL: Duration = Duration::from_secs(12 * 60 * 60);

/// A file that holds an admin's token and nothing else, which only its owner can read. It is removed when this is dropped,
/// unless another program has written to it.
pub(super) struct AdminTokenFile {
    path: PathBuf,
    token: String,
}

impl AdminTokenFile {
    /// Writes a new token to `path`, or to a new file in the folder for temporary files.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written, or if it is a database or has the name of a file beside one.
    pub(super) fn write(
        path: Option<&Path>,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<Self, CommandError> {
        if let Some(path) = path {
            refuse_database(path)?;
        }
        let path = path.map_or_else(
            || std::env::temp_dir().join(format!("cf-packages-{}.token", random_part())),
            Path::to_owned,
        );
        let (subject, scopes) = (Subject::admin(), tokens::admin_scopes());
        let token = tokens::access(keys, clock, &subject, &scopes, TTL)?.text;
        write_private(&path, token.as_bytes()).map_err(CommandError::Failed)?;
        Ok(Self { path, token })
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for AdminTokenFile {
    fn drop(&mut self) {
        let is_ours = fs::read(&self.path).is_ok_and(|bytes| bytes == self.token.as_bytes());
        if is_ours {
            // If this fails, the file stays: its token ends with the day.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Returns 8 random hexadecimal digits.
fn random_part() -> String {
    let mut digits = Uuid::new_v4().simple().to_string();
    digits.truncate(8);
    digits
}
