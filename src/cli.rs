//! The command line: one command per file, each with its `Args` and its `run`.
//!
//! stdout carries data only; messages go to stderr as `cf-packages: ` and one lower-case sentence.
//! The exit code is 0 for success, 1 for a failure, 2 for wrong usage, and 128 and its number for a signal.

pub mod args;
mod backup;
mod bundle;
mod carried;
mod cf_home;
mod check;
mod completions;
mod default_flags;
mod environment;
mod export;
mod file_size_limit;
mod get;
mod healthcheck;
mod known_user;
mod man;
mod record;
mod seed;
mod serve;
mod sizes;
mod stats;
mod token;
mod usage_error;
mod values;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};

use crate::bundle::Bundle;
use crate::error_text::{os_error, without_user_info};
use crate::signals::{self, Signal};
use carried::Meaning;
use environment::Arguments;

/// A Cloud Foundry packages API in one binary and one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "cf-packages", version, about, propagate_version = true)]
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
    /// Make a seed from the answers of a real Cloud Controller, which it only reads
    Record(record::Args),
    /// Check integrity, foreign keys, schema and versions of a database; never changes it
    Check(check::Args),
    /// Copy a database to a new file while others write, and check the copy
    Backup(backup::Args),
    /// Show what a database holds: counts, ages, sizes and labels, as tables or as JSON
    Stats(stats::Args),
    /// Write one executable that carries a database and serves it
    Bundle(bundle::Args),
    /// Print the response that a server would give, without a server
    Get(get::Args),
    /// Tell by the exit code whether a server is up and seeded
    Healthcheck(healthcheck::Args),
    /// Print the script with which a shell completes commands and flags
    Completions(completions::Args),
    /// Print a manual page
    Man(man::Args),
}

impl Cli {
    /// Returns the definition of the command line, with the environment variable of each flag in its help.
    pub fn definition() -> clap::Command {
        environment::document(Self::command())
    }
}

/// How long after a signal a command ends that may have to remove files.
const PATIENCE: Duration = Duration::from_millis(9700);
/// How long after a signal any other command ends.
const SHORT_PATIENCE: Duration = Duration::from_millis(500);

/// Why a command failed.
#[derive(Debug)]
pub enum CommandError {
    /// Exit 1, or the code of the signal that ended the work, with a sentence that says what failed and what to do.
    Failed(String),
    /// The same exit, without a message: the command has printed one.
    AlreadyReported,
    /// Exit 2, with a sentence: flags contradict each other, or the value of one cannot be used.
    Usage(String),
}

impl<E: std::error::Error> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Parses the arguments and the environment of the process, runs the command, and prints its error.
pub fn main() -> ExitCode {
    let mut given: Vec<OsString> = std::env::args_os().collect();
    let mut definition = Cli::definition();
    let bundle = match Bundle::of_this_program() {
        Ok(bundle) => bundle,
        Err(error) => return fail(&error.to_string(), 1),
    };
    if let Some(bundle) = &bundle {
        definition = carried::describe(definition, bundle);
        given = match carried::meaning(given) {
            Ok(Meaning::Command(given)) => given,
            Ok(Meaning::Extract(file)) => return extract(bundle, &file),
            Err(text) => return fail(&text, 2),
        };
    }
    run(given, definition, bundle.as_ref())
}

/// Parses the arguments in `given` and the environment of the process, runs the command, and prints its error.
fn run(given: Vec<OsString>, definition: clap::Command, bundle: Option<&Bundle>) -> ExitCode {
    // Finds the command and its flags; what is wrong is reported by the second parse.
    let mut definition = definition.ignore_errors(true);
    let matches = match definition.try_get_matches_from_mut(&given) {
        Ok(matches) => matches,
        Err(help) => return print_help(&help),
    };
    let variable = |name: &str| std::env::var_os(name);
    let defaults = bundle.map(Bundle::flags).unwrap_or_default();
    let arguments = match Arguments::new(given, &definition, &matches, defaults, variable) {
        Ok(arguments) => arguments,
        Err(text) => return fail(&text, 2),
    };
    let wrong_usage = |text: &str| fail(&arguments.name_origins(text), 2);
    let cli = match Cli::try_parse_from(&arguments.all) {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&usage_error::sentence(&error)),
    };
    file_size_limit::report_as_error();
    if let Err(error) = end_at_signals(&cli.command, bundle.is_some()) {
        return no_signals(&error);
    }
    let result = match cli.command {
        Command::Serve(args) => serve::run(args, bundle),
        Command::Seed(args) => seed::run(args),
        Command::Export(args) => export::run(args, bundle),
        Command::Record(args) => record::run(args),
        Command::Check(args) => check::run(args, bundle),
        Command::Backup(args) => backup::run(args, bundle),
        Command::Stats(args) => stats::run(args, bundle),
        Command::Bundle(args) => bundle::run(args, bundle),
        Command::Get(args) => get::run(args, bundle),
        Command::Healthcheck(args) => healthcheck::run(args),
        Command::Token(args) => token::run(args, bundle),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    };
    match result {
        Err(CommandError::Usage(text)) => wrong_usage(&text),
        result => exit_code(result),
    }
}

/// Writes the data of the program to `file`.
fn extract(bundle: &Bundle, file: &Path) -> ExitCode {
    match end_work_at_signals(PATIENCE, "") {
        Ok(()) => exit_code(carried::extract(bundle, file)),
        Err(error) => no_signals(&error),
    }
}

/// Prints the error of a command, and returns the exit code.
fn exit_code(result: Result<(), CommandError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::AlreadyReported) => ExitCode::from(failure()),
        Err(CommandError::Failed(text)) => fail(&text, failure()),
        Err(CommandError::Usage(text)) => fail(&text, 2),
    }
}

fn no_signals(error: &io::Error) -> ExitCode {
    let text = os_error(error);
    fail(&format!("signals cannot be received: {text}"), 1)
}

/// Returns the exit code of a command that failed.
fn failure() -> u8 {
    signals::received().map_or(1, Signal::exit_code)
}

/// Makes signals end the work of a command that uses a database, so that it removes what it began. The others end at once.
/// A program that carries data (`carries_data`) makes a private copy for commands that read.
fn end_at_signals(command: &Command, carries_data: bool) -> io::Result<()> {
    let patience = match command {
        Command::Serve(_)
        | Command::Seed(_)
        | Command::Backup(_)
        | Command::Bundle(_)
        | Command::Get(_) => PATIENCE,
        Command::Export(_) | Command::Check(_) | Command::Stats(_) | Command::Token(_)
            if carries_data =>
        {
            PATIENCE
        }
        Command::Export(args) if args.writes_files() => PATIENCE,
        // They leave nothing behind. A reader of their output that does not read may keep them from ending.
        Command::Export(_) | Command::Check(_) | Command::Stats(_) => SHORT_PATIENCE,
        // A request may take long. What was read before is kept.
        Command::Record(_) => SHORT_PATIENCE,
        Command::Token(_) | Command::Healthcheck(_) | Command::Completions(_) | Command::Man(_) => {
            return Ok(());
        }
    };
    // A server that does not answer may have stored the seed.
    let advice = match command {
        Command::Seed(_) => "; look whether the seed was stored before you repeat it",
        _ => "",
    };
    end_work_at_signals(patience, advice)
}

/// Makes signals end the work. `advice` follows the error if it has not ended `patience` later.
fn end_work_at_signals(patience: Duration, advice: &'static str) -> io::Result<()> {
    signals::end_work(patience, move |signal| {
        fail(&format!("stopped by {}{advice}", signal.name()), 1);
        std::process::exit(signal.exit_code().into());
    })
}

/// Prints the answer to `--help` or `--version`, which clap reports as an error.
fn print_help(help: &clap::Error) -> ExitCode {
    // The reader, such as `head`, may have closed stdout.
    let _ = if help.kind() == clap::error::ErrorKind::DisplayVersion {
        writeln!(io::stdout(), "cf-packages {}", env!("CARGO_PKG_VERSION"))
    } else {
        help.print()
    };
    ExitCode::SUCCESS
}

/// Writes to stdout. It is not an error if the reader has closed it.
fn write_out(what: &str, bytes: &[u8]) -> Result<(), CommandError> {
    match io::stdout().write_all(bytes) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Failed(format!(
            "{what} cannot be written to standard output: {}",
            os_error(&error)
        ))),
        _ => Ok(()),
    }
}

/// Prints an error. One about a seed may have several lines. Passwords in URLs are hidden.
fn fail(text: &str, code: u8) -> ExitCode {
    for line in text.lines() {
        eprintln!("cf-packages: {}", without_user_info(line));
    }
    ExitCode::from(code)
}
