//! What must not be shown: keys, passwords, tokens; and where the command line takes them from.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use subtle::ConstantTimeEq;

/// Bytes that `Debug` and `Display` never show.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps the bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// 122 random bits as 32 hexadecimal digits, for a password that is shown once.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string().into_bytes())
    }

    /// The bytes themselves: for a key or a comparison, never for a message.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `other` is the same, in a time that does not tell where they differ.
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
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

/// Why a secret cannot be used; the sentence never holds it.
#[derive(Debug, PartialEq, Eq)]
pub enum SecretError {
    /// Wrong usage: empty, or given in two ways at once.
    Usage(String),
    /// The file cannot be read.
    Failed(String),
}

/// The secrets of `--<flag>` (repeatable) or `--<flag>-file` (repeatable), or else of the environment's
/// `CF_PACKAGES_<FLAG>` or `CF_PACKAGES_<FLAG>_FILE`; empty if none of the four is given.
///
/// One trailing newline of a file is dropped. Flags win over the environment; a flag together with its file,
/// or one variable with the other, is wrong usage, and so is an empty secret.
pub fn resolve(
    flag: &str,
    values: &[Secret],
    files: &[PathBuf],
) -> Result<Vec<Secret>, SecretError> {
    resolve_in(flag, values, files, |name| std::env::var_os(name))
}

/// As `resolve`, for a secret of which there is one.
pub fn resolve_one(
    flag: &str,
    value: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<Option<Secret>, SecretError> {
    let found = resolve(
        flag,
        value.map(std::slice::from_ref).unwrap_or_default(),
        file.map(std::slice::from_ref).unwrap_or_default(),
    )?;
    Ok(found.into_iter().next())
}

fn resolve_in(
    flag: &str,
    values: &[Secret],
    files: &[PathBuf],
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<Secret>, SecretError> {
    if !values.is_empty() || !files.is_empty() {
        return choose(
            &format!("--{flag}"),
            &format!("--{flag}-file"),
            values,
            files,
        );
    }
    let name = format!("CF_PACKAGES_{}", flag.replace('-', "_").to_uppercase());
    let file_name = format!("{name}_FILE");
    let value = variable(&name).map(|value| Secret::new(value.into_vec()));
    let file = variable(&file_name).map(PathBuf::from);
    choose(&name, &file_name, value.as_slice(), file.as_slice())
}

fn choose(
    name: &str,
    file_name: &str,
    values: &[Secret],
    files: &[PathBuf],
) -> Result<Vec<Secret>, SecretError> {
    if !values.is_empty() && !files.is_empty() {
        return Err(SecretError::Usage(format!(
            "`{name}` and `{file_name}` are both given; give one of them"
        )));
    }
    if values.iter().any(Secret::is_empty) {
        return Err(SecretError::Usage(format!(
            "`{name}` is empty; give a secret or leave it out"
        )));
    }
    if files.is_empty() {
        return Ok(values.to_vec());
    }
    files.iter().map(|file| read(file_name, file)).collect()
}

fn read(file_name: &str, file: &Path) -> Result<Secret, SecretError> {
    let mut bytes = std::fs::read(file).map_err(|error| {
        let text = error.to_string();
        SecretError::Failed(format!(
            "cannot read `{}` of `{file_name}`: {}; name a file that can be read",
            file.display(),
            text.split(" (os error")
                .next()
                .unwrap_or(&text)
                .to_lowercase(),
        ))
    })?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(SecretError::Usage(format!(
            "`{}` of `{file_name}` holds an empty secret; put one into it",
            file.display()
        )));
    }
    Ok(Secret(bytes))
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
    fn a_secret_is_never_shown() {
        let secret = Secret::new("tokensecret");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", [&secret]),
            "*** *** [***]"
        );
    }

    #[test]
    fn a_secret_matches_only_itself() {
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
            let found = resolve_in("token-key", &[], &[path], |_| None).unwrap();
            assert_eq!(exposed(&found), [expected]);
        }
    }

    #[test]
    fn flags_win_over_the_environment() {
        let environment = |name: &str| {
            assert!(name == "CF_PACKAGES_TOKEN_KEY" || name == "CF_PACKAGES_TOKEN_KEY_FILE");
            (name == "CF_PACKAGES_TOKEN_KEY").then(|| OsString::from("from the environment"))
        };
        let found = resolve_in("token-key", &[], &[], environment).unwrap();
        assert_eq!(exposed(&found), [b"from the environment"]);
        let (_folder, path) = file(b"from the file");
        let found = resolve_in("token-key", &[], &[path], environment).unwrap();
        assert_eq!(exposed(&found), [b"from the file"]);
        assert!(
            resolve_in("token-key", &[], &[], |_| None)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let (_folder, path) = file(b"\n");
        let some = [Secret::new("x")];
        let usage = |values: &[Secret], files: &[PathBuf]| match resolve_in(
            "token-key",
            values,
            files,
            |_| None,
        ) {
            Err(SecretError::Usage(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            usage(&some, std::slice::from_ref(&path)),
            "`--token-key` and `--token-key-file` are both given; give one of them"
        );
        assert!(usage(&[Secret::new("")], &[]).starts_with("`--token-key` is empty"));
        assert!(usage(&[], std::slice::from_ref(&path)).contains("holds an empty secret"));
        let both = resolve_in("token-key", &[], &[], |_| Some(OsString::from("x")));
        assert!(
            matches!(both, Err(SecretError::Usage(text)) if text.contains("CF_PACKAGES_TOKEN_KEY_FILE"))
        );
        let missing = resolve_in("token-key", &[], &["/no/such/file".into()], |_| None);
        assert_eq!(
            missing.unwrap_err(),
            SecretError::Failed(
                "cannot read `/no/such/file` of `--token-key-file`: no such file or directory; name a file that can be read"
                    .into()
            )
        );
    }
}
