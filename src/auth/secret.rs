//! Keys and passwords, and the flags and variables that they come from. Messages never show them.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use subtle::ConstantTimeEq;

use crate::error_text::os_error;
use crate::signals::{self, Signal};

/// The longest file of a secret, in bytes.
const MOST_BYTES: u64 = 1 << 16;

/// Bytes that `Debug` and `Display` write as `***`.
#[derive(Clone)]
pub struct Secret {
    bytes: Vec<u8>,
    origin: Option<String>,
}

impl Secret {
    /// Wraps the bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            origin: None,
        }
    }

    /// Returns 122 random bits as 32 hexadecimal digits.
    pub fn random() -> Self {
        Self::new(uuid::Uuid::new_v4().simple().to_string())
    }

    /// Returns 40 random bits as 8 letters and digits, to be typed: without `l`, `o`, `0` and `1`, which look alike. Use it
    /// only where guesses are limited.
    pub fn random_word() -> Self {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let random = uuid::Uuid::new_v4().into_bytes();
        // The lower 5 bits of these bytes are random in a UUID of version 4.
        let letter = |byte: &u8| LETTERS[usize::from(byte % 32)];
        Self::new(random[8..].iter().map(letter).collect::<Vec<u8>>())
    }

    /// Returns the bytes. Use them as a key or for a comparison, never in a message.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the flag, file or variable that the secret comes from, for a message, such as "`--token-key`".
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether `other` has the same bytes. The time that this takes does not depend on the place of a difference.
    pub fn matches(&self, other: &[u8]) -> bool {
        self.bytes.ct_eq(other).into()
    }

    fn with_origin(mut self, origin: String) -> Self {
        self.origin = Some(origin);
        self
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

/// Why a secret cannot be used. The text never holds the secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Wrong usage: it is given both as a value and as a file.
    #[error("`{value}` and `{file}` are both given; give one of them")]
    GivenTwice {
        /// The flag or variable of the value.
        value: String,
        /// The flag or variable of the file.
        file: String,
    },
    /// Wrong usage: the value is empty.
    #[error("`{0}` is empty; give a secret or leave it out")]
    Empty(String),
    /// Wrong usage: the file is empty.
    #[error("{0} holds an empty secret; put one into it")]
    EmptyFile(String),
    /// The file cannot be read.
    #[error("cannot read {origin}: {reason}; name a file that can be read")]
    Unreadable {
        /// The file, and the flag or variable that names it.
        origin: String,
        /// The operating system's description.
        reason: String,
    },
    /// A signal ended the work while a file was read.
    #[error("stopped by {}", .0.name())]
    Stopped(Signal),
}

/// Returns the secrets of `--<flag>` or `--<flag>-file`, which are both repeatable, or else of the environment variable
/// `CF_PACKAGES_<FLAG>` or `CF_PACKAGES_<FLAG>_FILE`. Returns an empty list if none of the four is given.
///
/// `CF_PACKAGES_<FLAG>` holds one secret, as a secret may contain a comma. `CF_PACKAGES_<FLAG>_FILE` holds a list of
/// files, separated by commas. An empty variable counts as unset. One newline at the end of a file is dropped. The
/// environment is ignored if there is a flag.
///
/// # Errors
///
/// Fails if a flag and its file, or a variable and its file, are both given, if a secret is empty, or if a file cannot
/// be read.
pub fn resolve(
    flag: &str,
    values: &[Secret],
    files: &[PathBuf],
) -> Result<Vec<Secret>, SecretError> {
    resolve_in(flag, values, files, file_list, |name| {
        std::env::var_os(name)
    })
}

/// Returns what [`resolve`] returns for flags that are not repeatable, whose variable holds one file.
///
/// # Errors
///
/// Fails as [`resolve`] does.
pub fn resolve_one(
    flag: &str,
    value: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<Option<Secret>, SecretError> {
    let found = resolve_in(
        flag,
        value.map(std::slice::from_ref).unwrap_or_default(),
        file.map(std::slice::from_ref).unwrap_or_default(),
        |file| vec![file.into()],
        |name| std::env::var_os(name),
    )?;
    Ok(found.into_iter().next())
}

fn resolve_in(
    flag: &str,
    values: &[Secret],
    files: &[PathBuf],
    to_files: impl Fn(OsString) -> Vec<PathBuf>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<Secret>, SecretError> {
    if !values.is_empty() || !files.is_empty() {
        return read_all(
            &format!("--{flag}"),
            &format!("--{flag}-file"),
            values,
            files,
        );
    }
    let name = format!("CF_PACKAGES_{}", flag.replace('-', "_").to_uppercase());
    let file_name = format!("{name}_FILE");
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let value = set(&name).map(|value| Secret::new(value.into_vec()));
    let files = set(&file_name).map(to_files).unwrap_or_default();
    read_all(&name, &file_name, value.as_slice(), &files)
}

/// Returns the files of a list that is separated by commas.
fn file_list(list: OsString) -> Vec<PathBuf> {
    let list = list.into_vec();
    list.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|file| !file.is_empty())
        .map(|file| OsString::from_vec(file.to_vec()).into())
        .collect()
}

fn read_all(
    name: &str,
    file_name: &str,
    values: &[Secret],
    files: &[PathBuf],
) -> Result<Vec<Secret>, SecretError> {
    if !values.is_empty() && !files.is_empty() {
        return Err(SecretError::GivenTwice {
            value: name.to_owned(),
            file: file_name.to_owned(),
        });
    }
    if values.iter().any(Secret::is_empty) {
        return Err(SecretError::Empty(name.to_owned()));
    }
    if files.is_empty() {
        let named = |value: &Secret| value.clone().with_origin(format!("`{name}`"));
        return Ok(values.iter().map(named).collect());
    }
    files.iter().map(|file| read(file_name, file)).collect()
}

fn read(file_name: &str, file: &Path) -> Result<Secret, SecretError> {
    let origin = format!("`{}` of `{file_name}`", file.display());
    let mut bytes = match signals::read_file(file, MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => {
            if let Some(signal) = signals::received() {
                return Err(SecretError::Stopped(signal));
            }
            let reason = os_error(&error);
            return Err(SecretError::Unreadable { origin, reason });
        }
    };
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(SecretError::EmptyFile(origin));
    }
    Ok(Secret::new(bytes).with_origin(origin))
}

impl SecretError {
    /// Whether the command line is wrong, as opposed to a file that cannot be read, or a signal.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Unreadable { .. } | Self::Stopped(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposed(secrets: &[Secret]) -> Vec<&[u8]> {
        secrets.iter().map(Secret::expose).collect()
    }

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn debug_and_display_hide_the_secret() {
        let secret = Secret::new("tokensecret");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", [&secret]),
            "*** *** [***]"
        );
    }

    #[test]
    fn only_the_same_bytes_match() {
        let secret = Secret::new("abc");
        assert!(secret.matches(b"abc"));
        for other in [&b""[..], b"ab", b"abd", b"abcd", b"ABC"] {
            assert!(!secret.matches(other));
        }
    }

    #[test]
    fn one_trailing_newline_of_a_file_is_dropped() {
        for (bytes, expected) in [
            (&b"key"[..], &b"key"[..]),
            (b"key\n", b"key"),
            (b"key\r\n", b"key"),
            (b"key\n\n", b"key\n"),
            (b" key \n", b" key "),
            (b"\xff\xfe\n", b"\xff\xfe"),
        ] {
            let (_folder, path) = file(bytes);
            let found = resolve_in("token-key", &[], &[path], file_list, |_| None).unwrap();
            assert_eq!(exposed(&found), [expected]);
        }
    }

    #[test]
    fn flags_win_over_the_environment() {
        let environment = |name: &str| {
            assert!(name == "CF_PACKAGES_TOKEN_KEY" || name == "CF_PACKAGES_TOKEN_KEY_FILE");
            (name == "CF_PACKAGES_TOKEN_KEY").then(|| OsString::from("from the environment"))
        };
        let found = resolve_in("token-key", &[], &[], file_list, environment).unwrap();
        assert_eq!(exposed(&found), [b"from the environment"]);
        let (_folder, path) = file(b"from the file");
        let found = resolve_in("token-key", &[], &[path], file_list, environment).unwrap();
        assert_eq!(exposed(&found), [b"from the file"]);
        assert!(
            resolve_in("token-key", &[], &[], file_list, |_| None)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn variable_holds_one_secret_or_a_list_of_files() {
        let (_folder, one) = file(b"one");
        let (_other, two) = file(b"two");
        let list = format!("{}, {},", one.display(), two.display());
        let environment = |name: &str| {
            let value = if name.ends_with("_FILE") { &list } else { "" };
            Some(OsString::from(value))
        };
        let found = resolve_in("token-key", &[], &[], file_list, environment).unwrap();
        assert_eq!(exposed(&found), [b"one", b"two"]);
        let environment = |name: &str| {
            Some(OsString::from(if name.ends_with("_FILE") {
                ""
            } else {
                "a,b"
            }))
        };
        let found = resolve_in("token-key", &[], &[], file_list, environment).unwrap();
        assert_eq!(exposed(&found), [b"a,b"]);
    }

    #[test]
    fn file_that_is_too_long_or_has_no_end_is_refused() {
        let (_folder, longest) = file(&[b'x'; 1 << 16]);
        let (_other, longer) = file(&[b'x'; (1 << 16) + 1]);
        let read = |path: PathBuf| resolve_in("db", &[], &[path], file_list, |_| None);
        assert_eq!(read(longest).unwrap()[0].expose().len(), 1 << 16);
        for path in [longer, "/dev/zero".into()] {
            let error = read(path).unwrap_err().to_string();
            assert!(error.contains("more than 65536 bytes"), "{error}");
        }
    }

    #[test]
    fn unusable_secret_is_an_error_that_names_the_flag_or_file() {
        let (_folder, path) = file(b"\n");
        let some = [Secret::new("x")];
        let usage = |values: &[Secret], files: &[PathBuf]| match resolve_in(
            "token-key",
            values,
            files,
            file_list,
            |_| None,
        ) {
            Err(error) if error.is_usage() => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            usage(&some, std::slice::from_ref(&path)),
            "`--token-key` and `--token-key-file` are both given; give one of them"
        );
        assert!(usage(&[Secret::new("")], &[]).starts_with("`--token-key` is empty"));
        assert!(usage(&[], std::slice::from_ref(&path)).contains("holds an empty secret"));
        let both = resolve_in("token-key", &[], &[], file_list, |_| {
            Some(OsString::from("x"))
        });
        let both = both.unwrap_err();
        assert!(both.is_usage() && both.to_string().contains("CF_PACKAGES_TOKEN_KEY_FILE"));
        let missing = resolve_in(
            "token-key",
            &[],
            &["/no/such/file".into()],
            file_list,
            |_| None,
        );
        let missing = missing.unwrap_err();
        assert!(!missing.is_usage());
        assert_eq!(
            missing.to_string(),
            "cannot read `/no/such/file` of `--token-key-file`: no such file or directory; name a file that can be read"
        );
    }
}
