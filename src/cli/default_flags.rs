//! Which default flags of a program that carries data count beside the flags and variables that are given.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::ValueEnum;

use crate::edition::Edition;

/// A default flag with its arguments, each `--flag` or `--flag=value`.
#[derive(Debug)]
pub(super) struct DefaultFlag {
    pub(super) flag: String,
    pub(super) arguments: Vec<OsString>,
}

/// Removes the defaults that contradict a flag of `set`, and those that need another flag which is not set. `set` holds the
/// flags that are given or set by variables, with their values.
pub(super) fn remove_inapplicable(defaults: &mut Vec<DefaultFlag>, set: &[(String, OsString)]) {
    loop {
        let applicable = |default: &DefaultFlag| Flags { set, defaults }.allow(&default.flag);
        let keeps: Vec<_> = defaults.iter().map(applicable).collect();
        if !keeps.contains(&false) {
            return;
        }
        let mut keeps = keeps.into_iter();
        defaults.retain(|_| keeps.next().unwrap_or(true));
    }
}

/// The flags of a start.
struct Flags<'f> {
    set: &'f [(String, OsString)],
    defaults: &'f [DefaultFlag],
}

impl Flags<'_> {
    /// Whether a default may be used: `Args::require_consistent` of `serve` says what goes together.
    fn allow(&self, default: &str) -> bool {
        match default {
            "no-auth" => !self.is_set("login") && !self.is_set("demo"),
            "api" => !self.is_set("demo"),
            "login" => !self.is_set("no-auth") && self.has_edition_with_login(),
            "login-password" | "login-password-file" => {
                let has_login = |default: &DefaultFlag| default.flag == "login";
                self.is_set("login") || self.is_set("demo") || self.defaults.iter().any(has_login)
            }
            _ => true,
        }
    }

    fn is_set(&self, flag: &str) -> bool {
        self.set.iter().any(|(set, _)| set == flag)
    }

    fn has_edition_with_login(&self) -> bool {
        let set = self.set.iter().rev().find(|(flag, _)| flag == "api");
        let edition = match set {
            Some((_, value)) => Some(value.as_os_str()),
            None if self.is_set("demo") => return true,
            None => {
                let default = self.defaults.iter().find(|default| default.flag == "api");
                default.and_then(|default| value_of(default.arguments.last()?))
            }
        };
        let Some(edition) = edition.and_then(OsStr::to_str) else {
            return Edition::default().foundation().is_some();
        };
        // Another text is no edition, which is reported as such.
        Edition::from_str(edition, false).is_ok_and(|edition| edition.foundation().is_some())
    }
}

/// Returns the value of `--flag=value`.
fn value_of(argument: &OsStr) -> Option<&OsStr> {
    let bytes = argument.as_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=')?;
    Some(OsStr::from_bytes(&bytes[equals + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the defaults that remain.
    fn remaining(defaults: &[&str], set: &[(&str, &str)]) -> String {
        let default = |argument: &&str| DefaultFlag {
            flag: argument.split('=').next().unwrap()[2..].to_owned(),
            arguments: vec![argument.into()],
        };
        let mut defaults: Vec<_> = defaults.iter().map(default).collect();
        let set = set
            .iter()
            .map(|(flag, value)| ((*flag).to_owned(), value.into()));
        remove_inapplicable(&mut defaults, &set.collect::<Vec<_>>());
        let flags: Vec<_> = defaults.into_iter().map(|default| default.flag).collect();
        flags.join(" ")
    }

    #[test]
    fn default_that_contradicts_what_is_given_or_lacks_what_it_needs_is_removed() {
        let login = [
            "--api=current",
            "--login",
            "--login-password=pw",
            "--log=json",
        ];
        for (set, expected) in [
            (&[][..], "api login login-password log"),
            (&[("listen", "8081")], "api login login-password log"),
            (&[("no-auth", "")], "api log"),
            (&[("demo", "")], "login login-password log"),
        ] {
            assert_eq!(remaining(&login, set), expected, "{set:?}");
        }
        // The edition is given, so that its default is not among these.
        let without_api = &login[1..];
        assert_eq!(remaining(without_api, &[("api", "2015")]), "log");
        let all = "login login-password log";
        assert_eq!(remaining(without_api, &[("api", "current")]), all);
        // The login was turned off by its variable.
        assert_eq!(
            remaining(&["--api=current", "--login-password-file=x"], &[]),
            "api"
        );
        assert_eq!(
            remaining(
                &["--login-password=pw"],
                &[("login", ""), ("api", "current")]
            ),
            "login-password"
        );
        for given in ["login", "demo"] {
            assert_eq!(
                remaining(&["--no-auth", "--log=json"], &[(given, "")]),
                "log"
            );
        }
    }
}
