//! The environment variables of flags. Each flag of each command is also `CF_PACKAGES_<FLAG>`.
//!
//! A variable becomes an argument before clap parses the arguments: `CF_PACKAGES_LISTEN=:8081` is `--listen=:8081` after
//! the name of the command. So a new flag has its variable at once, and both are parsed by the same code. Keys and
//! passwords are the exception: `auth::secret` reads their variables.
//!
//! The default flags of a program that carries data are added in the same way where neither a flag nor a variable is given.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::builder::{BoolishValueParser, TypedValueParser, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, ValueHint};

use super::default_flags::{self, DefaultFlag};
use crate::auth::Secret;

/// The commands to which the default flags of a program that carries data apply, as far as they have these flags.
const WITH_DEFAULTS: [&str; 3] = ["serve", "get", "token"];

/// The arguments of the process and those that variables and default flags added.
#[derive(Debug)]
pub struct Arguments {
    /// The arguments, the name of the program first.
    pub all: Vec<OsString>,
    /// The flags that were added, such as `--listen`, and what they are set by.
    added: Vec<(String, String)>,
}

impl Arguments {
    /// Adds the arguments of the environment to `all`, those of the process, in which clap found `matches`, and then those of
    /// `defaults`, each `--flag` or `--flag=value`.
    ///
    /// A flag that is given, or that excludes one that is given, is not taken from its variable. One that has a value by
    /// either, that contradicts one with such a value, or that needs another that is not set, is not taken from `defaults`.
    ///
    /// # Errors
    ///
    /// Fails with a sentence if a variable cannot be the value of its flag.
    pub fn new(
        mut all: Vec<OsString>,
        definition: &clap::Command,
        matches: &ArgMatches,
        defaults: &[OsString],
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, String> {
        let mut added = Vec::new();
        let Some((name, given)) = matches.subcommand() else {
            return Ok(Self { all, added });
        };
        let Some(command) = definition.find_subcommand(name) else {
            return Ok(Self { all, added });
        };
        let is_given =
            |arg: &Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
        let raw_value = |arg: &Arg| given.get_raw(arg.get_id().as_str())?.next_back();
        let given: Vec<&Arg> = command
            .get_arguments()
            .filter(|arg| is_given(arg))
            .collect();
        let mut arguments = Vec::new();
        // The flags with a value by a flag or a variable.
        let mut set = given.clone();
        let mut values = Vec::new();
        for arg in &given {
            if let Some(flag) = arg.get_long() {
                let value = raw_value(arg).unwrap_or_default();
                values.push((flag.to_owned(), value.to_owned()));
            }
        }
        let mut from_defaults = Vec::new();
        for arg in command.get_arguments() {
            let (Some(flag), Some(name)) = (arg.get_long(), name_of(arg)) else {
                continue;
            };
            if given.iter().any(|given| excludes(command, given, arg)) {
                continue;
            }
            let is_secret = is_secret(command, arg);
            let value = variable(&name).filter(|value| !value.is_empty());
            match value {
                Some(_) if is_secret => {}
                Some(value) => {
                    let added_here = to_arguments(arg, flag, &name, value.clone())?;
                    if !added_here.is_empty() {
                        arguments.extend(added_here);
                        added.push((format!("--{flag}"), format!("`{name}`")));
                        set.push(arg);
                        values.push((flag.to_owned(), value));
                    }
                }
                None if !WITH_DEFAULTS.contains(&command.get_name()) => continue,
                // A secret and its file exclude each other.
                None if is_secret && is_other_form_given(command, &given, flag, &variable) => {
                    continue;
                }
                None => {
                    let arguments = defaults.iter().filter(|default| is_of(default, flag));
                    let arguments: Vec<_> = arguments.cloned().collect();
                    if !arguments.is_empty() {
                        let flag = flag.to_owned();
                        from_defaults.push((arg, DefaultFlag { flag, arguments }));
                    }
                }
            }
        }
        // A default may have been found before the variable that excludes it.
        from_defaults.retain(|(arg, _)| !set.iter().any(|set| excludes(command, set, arg)));
        let from_defaults = from_defaults.into_iter().map(|(_, default)| default);
        let mut from_defaults: Vec<_> = from_defaults.collect();
        default_flags::remove_inapplicable(&mut from_defaults, &values);
        for default in from_defaults {
            added.push((format!("--{}", default.flag), "this bundle".to_owned()));
            arguments.extend(default.arguments);
        }
        // The command has no flag before its name, so the name is the first argument.
        all.splice(2..2, arguments);
        Ok(Self { all, added })
    }

    /// Returns the text of an error, and which of the flags that it names come from a variable or from default flags.
    pub fn name_origins(&self, error: &str) -> String {
        let mut text = error.to_owned();
        for (flag, set_by) in &self.added {
            if names(error, flag) {
                text.push_str(&format!("; `{flag}` is set by {set_by}"));
            }
        }
        text
    }
}

/// Adds the variables to the help of the flags. Their values are never shown.
pub fn document(definition: clap::Command) -> clap::Command {
    definition.mut_subcommands(|command| {
        command.mut_args(|arg| match name_of(&arg) {
            Some(name) => arg.env(name).hide_env_values(true),
            None => arg,
        })
    })
}

/// Returns the name of the variable, unless `arg` is not a flag.
fn name_of(arg: &Arg) -> Option<String> {
    let flag = arg
        .get_long()
        .filter(|flag| !["help", "version"].contains(flag))?;
    Some(format!(
        "CF_PACKAGES_{}",
        flag.replace('-', "_").to_uppercase()
    ))
}

/// Whether `arg` is a key or a password, or the file of one.
fn is_secret(command: &clap::Command, arg: &Arg) -> bool {
    let secret = ValueParser::from(clap::value_parser!(Secret)).type_id();
    let Some(flag) = arg.get_long() else {
        return false;
    };
    let flag = flag.strip_suffix("-file").unwrap_or(flag);
    command
        .get_arguments()
        .any(|arg| arg.get_long() == Some(flag) && arg.get_value_parser().type_id() == secret)
}

/// Whether a secret, whose flag or whose file's flag is `flag`, is given in its other form.
fn is_other_form_given(
    command: &clap::Command,
    given: &[&Arg],
    flag: &str,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> bool {
    let other = match flag.strip_suffix("-file") {
        Some(value) => value.to_owned(),
        None => format!("{flag}-file"),
    };
    let other = command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(&other));
    other.is_some_and(|other| {
        given.iter().any(|given| given.get_id() == other.get_id())
            || name_of(other)
                .and_then(|name| variable(&name))
                .is_some_and(|value| !value.is_empty())
    })
}

/// Whether `argument` is `--flag` or `--flag=value`.
fn is_of(argument: &OsStr, flag: &str) -> bool {
    let name = argument.as_bytes().split(|byte| *byte == b'=').next();
    name.and_then(|name| name.strip_prefix(b"--")) == Some(flag.as_bytes())
}

/// Whether the variable of `arg` does not count beside `given`.
fn excludes(command: &clap::Command, given: &Arg, arg: &Arg) -> bool {
    let conflict = |one: &Arg, other: &Arg| {
        command
            .get_arg_conflicts_with(one)
            .iter()
            .any(|conflict| conflict.get_id() == other.get_id())
    };
    given.get_id() == arg.get_id() || conflict(given, arg) || conflict(arg, given)
}

/// Returns the arguments that the value of a variable stands for.
fn to_arguments(
    arg: &Arg,
    flag: &str,
    name: &str,
    value: OsString,
) -> Result<Vec<OsString>, String> {
    if arg.get_value_hint() != ValueHint::AnyPath && value.to_str().is_none() {
        return Err(format!("`{name}` is not UTF-8; give text"));
    }
    if let ArgAction::SetTrue = arg.get_action() {
        return match BoolishValueParser::new().parse_ref(&clap::Command::default(), None, &value) {
            Ok(true) => Ok(vec![format!("--{flag}").into()]),
            Ok(false) => Ok(Vec::new()),
            Err(_) => Err(format!(
                "`{name}` is `{}`; give `true` or `false`",
                value.display()
            )),
        };
    }
    let argument = |value: &OsStr| {
        let mut argument = OsString::from(format!("--{flag}="));
        argument.push(value);
        argument
    };
    if let ArgAction::Append = arg.get_action() {
        let bytes = value.into_vec();
        let values = bytes.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        return Ok(values
            .filter(|value| !value.is_empty())
            .map(|value| argument(OsStr::from_bytes(value)))
            .collect());
    }
    Ok(vec![argument(&value)])
}

/// Whether the text contains the flag, and not a longer one.
fn names(text: &str, flag: &str) -> bool {
    text.match_indices(flag).any(|(at, _)| {
        let after = text.as_bytes().get(at + flag.len());
        !after.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    })
}
