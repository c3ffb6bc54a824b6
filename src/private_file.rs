//! Files that only their owner may read: what holds a token is written here.

use std::fs::{DirBuilder, File};
use std::io::{Error, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Writes `bytes` to the file `path` (mode 0600) in one step: whoever opens it meets the old file or the whole new one.
///
/// The error is one sentence that names the file.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), String> {
    write(path, bytes).map_err(|error| cannot(path, "be written", &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // Made with mode 0600, beside the name it gets, so that renaming never crosses a file system.
    let mut draft = tempfile::Builder::new()
        .prefix(".cf-packages-")
        .tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    draft.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Makes the folder `path` and those above it, as far as they are missing, with mode 0700.
///
/// The error is one sentence that names the folder.
pub fn make_private_folder(path: &Path) -> Result<(), String> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| cannot(path, "be made", &error))
}

/// ``cannot read `FILE`: permission denied``-like sentences, without Rust's "(os error 13)".
fn cannot(path: &Path, what: &str, error: &Error) -> String {
    let text = error.to_string();
    // `tempfile` tells the path of its draft after " at path".
    let text = text.split(" (os error").next().unwrap_or(&text);
    let text = text.split(" at path").next().unwrap_or(text);
    format!(
        "`{}` cannot {what}: {}; name another place",
        path.display(),
        text.to_lowercase()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_private() {
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
    fn a_place_that_cannot_be_written_is_named() {
        let error = write_private(Path::new("/no/such/folder/token"), b"x").unwrap_err();
        assert_eq!(
            error,
            "`/no/such/folder/token` cannot be written: no such file or directory; name another place"
        );
    }
}
