//! The file with an admin's token, for scripts and for the commands that `serve` shows on a terminal.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use uuid::Uuid;

use crate::auth::Keys;
use crate::auth::tokens::{self, Subject};
use crate::cli::CommandError;
use crate::clock::Clock;
use crate::error_text::os_error;
use crate::private_file::write_private;
use crate::store::refuse_database;

/// How long the token is valid: a working day. A server that is started again accepts it, as it keeps the key.
const TTL: Duration = Duration::from_secs(12 * 60 * 60);

/// The largest file that may be one with a token, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// A token that is written to its file once the server listens.
pub(super) struct UnwrittenToken {
    path: PathBuf,
    token: String,
}

/// A file that holds an admin's token and nothing else, which only its owner can read. It is removed when this is dropped,
/// unless another program has written to it.
pub(super) struct AdminTokenFile {
    path: PathBuf,
    token: String,
}

/// Refuses a file that this program must not replace: every file but one that holds a token of this program.
///
/// # Errors
///
/// Fails if `path` is a database, has the name of a file beside one, or is anything else but a regular file that holds
/// one line with a token.
pub(super) fn refuse_other_file(path: &Path) -> Result<(), CommandError> {
    refuse_database(path)?;
    let what = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => "is a symbolic link",
        Ok(metadata) if metadata.is_dir() => "is a folder",
        Ok(metadata) if !metadata.is_file() => "is not a regular file",
        Ok(_) => match read_token(path) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => "is a file that holds something else than a token of cf-packages",
            Err(error) => {
                return Err(CommandError::Failed(format!(
                    "`{}` cannot be read: {}; `--admin-token-file` replaces only a file that holds a token; name another file",
                    path.display(),
                    os_error(&error)
                )));
            }
        },
        // If the folder does not exist or cannot be read, writing the file fails with that cause.
        Err(_) => return Ok(()),
    };
    Err(CommandError::Failed(format!(
        "`{}` {what}; `--admin-token-file` would replace it; name a file that does not exist, or that holds a token",
        path.display()
    )))
}

/// Returns the token that a regular file holds, which may end with a line break. `None` if it holds anything else, or is
/// another kind of file. Waits for no pipe and follows no symbolic link.
fn read_token(path: &Path) -> io::Result<Option<String>> {
    // The open of a device can have an effect.
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).ok();
    let token = text.map(|text| text.strip_suffix('\n').unwrap_or(&text).to_owned());
    Ok(token.filter(|token| tokens::is_one_of_ours(token)))
}

impl UnwrittenToken {
    /// Signs a token for the file `path`, or for a new file in the folder for temporary files.
    ///
    /// # Errors
    ///
    /// Fails if the token cannot be signed.
    pub(super) fn new(
        path: Option<&Path>,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<Self, CommandError> {
        let path = path.map_or_else(
            || std::env::temp_dir().join(format!("cf-packages-{}.token", random_part())),
            Path::to_owned,
        );
        let (subject, scopes) = (Subject::admin(), tokens::admin_scopes());
        let token = tokens::access(keys, clock, &subject, &scopes, TTL)?.text;
        Ok(Self { path, token })
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written, or if [`refuse_other_file`] refuses it.
    pub(super) fn write(self) -> Result<AdminTokenFile, CommandError> {
        let Self { path, token } = self;
        refuse_other_file(&path)?;
        write_private(&path, token.as_bytes()).map_err(CommandError::Failed)?;
        Ok(AdminTokenFile { path, token })
    }
}

impl Drop for AdminTokenFile {
    fn drop(&mut self) {
        if read_token(&self.path).is_ok_and(|token| token.as_ref() == Some(&self.token)) {
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
