//! The command line: one command per file, each with its `Args` and its `run`.
//!
//! stdout carries data only; messages go to stderr as `cf-packages: ` and one lower-case sentence.
//! The exit code is 0 for success, 1 for a failure, 2 for wrong usage.

pub mod args;
mod backup;
mod cf_home;
mod check;
mod export;
mod file_size_limit;
mod get;
mod healthcheck;
mod known_user;
mod seed;
mod serve;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A Cloud Foundry packages API in one binary and one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "cf-packages", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

// Only one value exists: a box would save nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the packages API from a database, which is created if it does not exist
    Serve(serve::Args),
    /// Apply seeds to a database, which is created if it does not exist
    Seed(seed::Args),
    /// Print a bearer token for a user or an admin, or write a `cf` configuration with one
    Token(token::Args),
    /// Print all data as a seed
    Export(export::Args),
    /// Check integrity, foreign keys, schema and versions of a database; never changes it
    Check(check::Args),
    /// Copy a database to a new file while others write, and check the copy
    Backup(backup::Args),
    /// Print the response that a server would give, without a server
    Get(get::Args),
    /// Tell by the exit code whether a server is up and seeded
    Healthcheck(healthcheck::Args),
}

/// Why a command failed.
#[derive(Debug)]
pub enum CommandError {
    /// Exit 1, with a sentence that says what failed and what to do.
    Failed(String),
    /// Exit 1, without a message: the command has printed one.
    AlreadyReported,
    /// Exit 2, with a sentence: flags contradict each other, or the value of one cannot be used.
    Usage(String),
}

impl<E: std::error::Error> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Parses the arguments of the process, runs the command, and prints its error.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // `--help` and `--version`: clap reports them as errors that belong on stdout.
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(&usage(&error), 2),
    };
    file_size_limit::report_as_error();
    let result = match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Seed(args) => seed::run(args),
        Command::Export(args) => export::run(args),
        Command::Check(args) => check::run(args),
        Command::Backup(args) => backup::run(args),
        Command::Get(args) => get::run(args),
        Command::Healthcheck(args) => healthcheck::run(args),
        Command::Token(args) => token::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::AlreadyReported) => ExitCode::FAILURE,
        Err(CommandError::Failed(text)) => fail(&text, 1),
        Err(CommandError::Usage(text)) => fail(&text, 2),
    }
}

/// Prints an error. One about a seed may have several lines.
fn fail(text: &str, code: u8) -> ExitCode {
    for line in text.lines() {
        eprintln!("cf-packages: {line}");
    }
    ExitCode::from(code)
}

/// Returns an error of clap as one sentence in our form.
fn usage(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let sentence = text
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| line.trim().trim_start_matches("error: "))
        .collect::<Vec<_>>()
        .join(" ");
    // Without a command, clap's error is the whole help.
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "name a command, such as `serve` or `seed`; `--help` lists them".into();
    }
    format!("{}; `--help` shows the usage", sentence.replace('\'', "`"))
}
