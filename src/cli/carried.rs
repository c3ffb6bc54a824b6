//! How a program is used that carries data: without a command it serves the data, and `--extract` gives it back.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::CommandError;
use super::args::DatabaseFlag;
use crate::bundle::Bundle;
use crate::ephemeral::Folder;
use crate::store::{Store, StoreError};

/// The flag that names the file to which the data is written.
const EXTRACT: &str = "--extract";

/// What the arguments of the process mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A command line with a command, the name of the program first.
    Command(Vec<OsString>),
    /// The data is to be written to this file.
    Extract(PathBuf),
}

/// Returns what the arguments of a program that carries data mean. Without a command, it is `serve`.
///
/// # Errors
///
/// Fails with a sentence if `--extract` is not used as the only flag.
pub(super) fn meaning(mut arguments: Vec<OsString>) -> Result<Meaning, String> {
    if arguments.is_empty() {
        arguments.push("cf-packages".into());
    }
    let mut after = arguments.iter().skip(1);
    let Some(first) = after.next() else {
        arguments.push("serve".into());
        return Ok(Meaning::Command(arguments));
    };
    let value = match first.as_bytes().strip_prefix(EXTRACT.as_bytes()) {
        Some([]) => after.next().cloned(),
        Some([b'=', value @ ..]) => Some(OsStr::from_bytes(value).to_owned()),
        _ => {
            let is_flag = first.as_bytes().starts_with(b"-");
            if is_flag
                && !["-h", "--help", "-V", "--version"]
                    .iter()
                    .any(|flag| first == flag)
            {
                arguments.insert(1, "serve".into());
            }
            return Ok(Meaning::Command(arguments));
        }
    };
    match (value.filter(|value| !value.is_empty()), after.next()) {
        (Some(file), None) => Ok(Meaning::Extract(file.into())),
        (None, _) => Err(format!(
            "`{EXTRACT}` needs the file to write; give `{EXTRACT} FILE`"
        )),
        (_, Some(other)) => Err(format!(
            "`{}` does not go with `{EXTRACT} FILE`, which is used alone; leave it out",
            other.display()
        )),
    }
}

/// Adds to the help how the program is used without a command.
pub(super) fn describe(definition: clap::Command, bundle: &Bundle) -> clap::Command {
    let flags = names_of(bundle.flags());
    let flags = match flags.is_empty() {
        true => String::new(),
        false => format!(" with {flags}, unless flags or variables say otherwise"),
    };
    definition.after_help(format!(
        "This program carries data. Without a command it serves a temporary copy of it{flags}; further flags are those of \
         `serve`, and `--db FILE` keeps the data in a file. `{EXTRACT} FILE` writes the data to a new file. Commands that \
         read a database read the data if no `--db` is given."
    ))
}

/// Returns the names of flags such as `--flag=value`, without the values, which may be secret.
pub(super) fn names_of(flags: &[OsString]) -> String {
    let mut names: Vec<_> = flags.iter().map(|flag| name_of(flag)).collect();
    names.dedup();
    names
        .iter()
        .map(|name| format!("`{}`", name.display()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns `--flag` of `--flag` or `--flag=value`.
pub(super) fn name_of(flag: &OsStr) -> &OsStr {
    let name = flag.as_bytes().split(|byte| *byte == b'=').next();
    OsStr::from_bytes(name.unwrap_or_default())
}

/// Writes the data to a new database at `file`, with a token key of its own.
///
/// # Errors
///
/// Fails if something is at `file`, if it cannot be written, or if the data is damaged.
pub(super) fn extract(bundle: &Bundle, file: &Path) -> Result<(), CommandError> {
    let exists = || {
        StoreError::file(
            file,
            format!(
                "already exists, and `{EXTRACT}` replaces no file; name another file, or remove this one"
            ),
        )
    };
    if file.is_dir() {
        return Err(StoreError::file(file, "is a directory; name a file in it").into());
    }
    if file.symlink_metadata().is_ok() {
        return Err(exists().into());
    }
    match Store::restore(file, |out| bundle.write_database(out)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(exists().into()),
        Err(error) => Err(error.at(file).into()),
    }
}

impl DatabaseFlag {
    /// Lets a command that only reads use a private copy of the data that the program carries, unless a database was given.
    /// The copy is removed when the returned folder is dropped, which has to happen after the database is closed.
    ///
    /// # Errors
    ///
    /// Fails if the data is damaged, or if there is no room for a copy.
    pub(super) fn use_carried(
        &mut self,
        bundle: Option<&Bundle>,
    ) -> Result<Option<Folder>, CommandError> {
        let Some(bundle) = bundle.filter(|_| !self.is_given()) else {
            return Ok(None);
        };
        let folder = Folder::of_bundle(bundle)?;
        self.set_copy(folder.database(), bundle.path());
        Ok(Some(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(arguments: &[&str]) -> Result<Meaning, String> {
        meaning(arguments.iter().map(OsString::from).collect())
    }

    #[test]
    fn arguments_without_a_command_are_those_of_serve() {
        for (given, expected) in [
            (&["x"][..], &["x", "serve"][..]),
            (&[], &["cf-packages", "serve"]),
            (&["x", "--listen", "0"], &["x", "serve", "--listen", "0"]),
            (&["x", "-i"], &["x", "serve", "-i"]),
            (&["x", "--extracted"], &["x", "serve", "--extracted"]),
            (&["x", "serve", "--listen=0"], &["x", "serve", "--listen=0"]),
            (&["x", "token", "--admin"], &["x", "token", "--admin"]),
            (&["x", "--help"], &["x", "--help"]),
            (&["x", "-V"], &["x", "-V"]),
        ] {
            let expected = expected.iter().map(OsString::from).collect();
            assert_eq!(
                meaning_of(given),
                Ok(Meaning::Command(expected)),
                "{given:?}"
            );
        }
    }

    #[test]
    fn extract_takes_one_file_and_nothing_else() {
        let file = || Ok(Meaning::Extract("a=b.db".into()));
        assert_eq!(meaning_of(&["x", "--extract", "a=b.db"]), file());
        assert_eq!(meaning_of(&["x", "--extract=a=b.db"]), file());
        for wrong in [
            &["x", "--extract"][..],
            &["x", "--extract="],
            &["x", "--extract", ""],
            &["x", "--extract", "a", "b"],
            &["x", "--extract=a", "--listen=0"],
        ] {
            assert!(
                meaning_of(wrong).unwrap_err().contains("`--extract"),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn values_of_flags_are_not_named() {
        let flags = ["--login", "--token-key=a=b", "--token-key=c"].map(OsString::from);
        assert_eq!(names_of(&flags), "`--login` `--token-key`");
    }
}
