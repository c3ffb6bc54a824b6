//! Files that only their owner can read, for tokens.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{Error, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use crate::error_text::os_error;

/// Writes `bytes` to the file `path` with mode 0600. Other programs see the old file or the new one, never a part.
///
/// # Errors
///
/// Fails with a sentence that names the file.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), String> {
    write(path, bytes).map_err(|error| cannot(path, "be written", &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    // In the same folder, because renaming works only within a file system. `tempfile` creates it with mode 0600.
    let mut temporary = tempfile::Builder::new()
        .prefix(".cf-packages-")
        .tempfile_in(folder_of(path))?;
    // A umask can take the owner's permissions too.
    temporary
        .as_file()
        .set_permissions(Permissions::from_mode(0o600))?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Returns the folder of the file at `path`.
pub fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Waits until the name of the file at `path` is on the disk.
///
/// # Errors
///
/// Fails if the folder of the file cannot be synced.
pub fn sync_folder(path: &Path) -> Result<(), Error> {
    match File::open(folder_of(path)) {
        // A folder can be writable and not readable. The file is there, and only a power cut could take its name.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        folder => folder?.sync_all(),
    }
}

/// Creates the folder `path` and its missing parents with mode 0700.
///
/// # Errors
///
/// Fails with a sentence that names the folder.
pub fn make_private_folder(path: &Path) -> Result<(), String> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| cannot(path, "be created", &error))
}

fn cannot(path: &Path, what: &str, error: &Error) -> String {
    format!(
        "`{}` cannot {what}: {}; name another place",
        path.display(),
        os_error(error)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_replaced_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "an older and longer one").unwrap();
        write_private(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn error_names_the_file_that_cannot_be_written() {
        let error = write_private(Path::new("/no/such/folder/token"), b"x").unwrap_err();
        assert_eq!(
            error,
            "`/no/such/folder/token` cannot be written: no such file or directory; name another place"
        );
    }
}
