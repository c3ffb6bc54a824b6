//! `bundle`: writes an executable that carries a database and serves it.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io::{ErrorKind, Write as _, stdout};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind as ClapErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, CommandFactory, FromArgMatches};

use super::args::DatabaseFlag;
use super::carried::{name_of, names_of};
use super::check::find_faults;
use super::sizes::human_size;
use super::{Cli, Command, CommandError, usage_error};
use crate::bundle::{self, Bundle};
use crate::ephemeral::Folder;
use crate::error_text::os_error;
use crate::log::printable;
use crate::private_file::{folder_of, sync_folder};
use crate::store::{Store, StoreError, refuse_reserved_name};

/// The mode of the executable, of which the umask may take some.
const MODE: u32 = 0o755;

/// The arguments of `bundle`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    database: DatabaseFlag,
    /// The executable to write, which must not exist
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Flags of `serve` that the executable uses where it is started without them, such as `--api current`
    #[arg(last = true, value_name = "FLAG")]
    flags: Vec<OsString>,
}

/// Writes the executable. If the database has a fault, prints each one to stderr and writes no file.
pub fn run(mut args: Args, carried: Option<&Bundle>) -> Result<(), CommandError> {
    let flags = default_flags(&args.flags)?;
    let output = args.output.as_path();
    refuse_reserved_name(output)?;
    refuse_existing(output)?;
    let _copy = args.database.use_carried(carried)?;
    let database = args
        .database
        .file("`seed` an `export` of it into a file, and bundle that")?;
    let folder = Folder::new()?;
    let copy = &folder.database();
    let report = Store::backup(&database, copy, find_faults)?;
    for fault in &report.faults {
        eprintln!("cf-packages: `{}` {fault}", database.display());
    }
    if !report.faults.is_empty() {
        return Err(CommandError::Failed(format!(
            "`{}` was not written, because the database has faults; `export` may still save its data",
            output.display()
        )));
    }
    let passwords = registry_passwords(copy)?;
    Store::remove_token_keys(copy)?;
    let sizes = write(copy, &flags, output)?;
    warn_of_secrets(output, &flags, passwords);
    let defaults = match flags.is_empty() {
        true => String::new(),
        false => format!(", serves with {}", names_of(&flags)),
    };
    // If stdout is closed, the exit code still shows the result.
    let _ = writeln!(
        stdout(),
        "`{}`: {} packages, {} of which {} are data{defaults}",
        printable(&output.to_string_lossy()),
        report.packages.unwrap_or_default(),
        human_size(sizes.file),
        human_size(sizes.data),
    );
    Ok(())
}

/// Checks the flags as `serve` does, and returns each as one argument: `--flag` or `--flag=value`.
fn default_flags(flags: &[OsString]) -> Result<Vec<OsString>, CommandError> {
    let usage = |text: String| CommandError::Usage(format!("after `--`: {text}"));
    let line = ["cf-packages", "serve"].map(OsString::from);
    // The command itself may be given.
    let flags = match flags.split_first() {
        Some((first, rest)) if first == "serve" => rest,
        _ => flags,
    };
    let line: Vec<_> = line.iter().chain(flags).collect();
    // Without the variables of the environment in which the bundle is made.
    let definition = Cli::command();
    let matches = definition.clone().try_get_matches_from(&line);
    let matches = matches.map_err(|error| {
        usage(match error.kind() {
            ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion => {
                "only flags with which `serve` starts can be bundled".into()
            }
            _ => usage_error::sentence(&error),
        })
    })?;
    match Cli::from_arg_matches(&matches).map(|cli| cli.command) {
        Ok(Command::Serve(args)) => args.require_bundled().map_err(|error| match error {
            CommandError::Usage(text) => usage(text),
            other => other,
        })?,
        Ok(_) => return Err(usage("only flags of `serve` can be bundled".into())),
        Err(error) => return Err(usage(usage_error::sentence(&error))),
    }
    let (Some(matches), Some(serve)) = (
        matches.subcommand_matches("serve"),
        definition.find_subcommand("serve"),
    ) else {
        return Ok(Vec::new());
    };
    let mut given = Vec::new();
    for arg in serve.get_arguments() {
        let id = arg.get_id().as_str();
        // The data of a bundle is served from a temporary copy anyway.
        let Some(flag) = arg.get_long().filter(|flag| *flag != "ephemeral") else {
            continue;
        };
        if !matches.try_contains_id(id).unwrap_or(false)
            || matches.value_source(id) != Some(ValueSource::CommandLine)
        {
            continue;
        }
        if let ArgAction::SetTrue = arg.get_action() {
            given.push(format!("--{flag}").into());
            continue;
        }
        for value in matches.get_raw(id).into_iter().flatten() {
            let mut argument = OsString::from(format!("--{flag}="));
            argument.push(value);
            given.push(argument);
        }
    }
    Ok(given)
}

/// Fails if anything is at `output`, or if its folder does not exist.
fn refuse_existing(output: &Path) -> Result<(), CommandError> {
    let folder = folder_of(output);
    let fault = match output.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound && folder.is_dir() => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => format!(
            "cannot be made: there is no folder `{}`; make it first",
            folder.display()
        ),
        Err(error) => format!("cannot be made: {}", os_error(&error)),
        Ok(_) if output.is_dir() => "is a directory; name a file in it".into(),
        Ok(_) => return Err(exists(output)),
    };
    Err(StoreError::file(output, fault).into())
}

fn exists(output: &Path) -> CommandError {
    let fault =
        "already exists, and a bundle replaces no file; name another file, or remove this one";
    StoreError::file(output, fault).into()
}

/// Returns how many packages have a password of a docker registry.
fn registry_passwords(database: &Path) -> Result<i64, StoreError> {
    let store = Store::open_for_reading(database)?;
    let sql = "select count(*) from packages where docker_password is not null";
    let count = store.read_blocking(|snapshot| snapshot.int(sql, &[]));
    store.close()?;
    Ok(count?.unwrap_or(0))
}

/// Writes the executable. It gets its name when it is complete.
fn write(
    database: &Path,
    flags: &[OsString],
    output: &Path,
) -> Result<bundle::Sizes, CommandError> {
    let failed = |error: &std::io::Error| {
        StoreError::file(output, format!("cannot be made: {}", os_error(error)))
    };
    // Removed when it is dropped.
    let mut draft = tempfile::Builder::new()
        .prefix(".cf-packages-")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder_of(output))
        .map_err(|error| failed(&error))?;
    let sizes =
        bundle::write(database, flags, draft.as_file_mut()).map_err(|error| error.at(output))?;
    draft.as_file().sync_all().map_err(|error| failed(&error))?;
    StoreError::require_no_signal()?;
    match draft.persist_noclobber(output) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Err(exists(output)),
        Err(error) => return Err(failed(&error.error).into()),
    }
    sync_folder(output).map_err(|error| failed(&error))?;
    Ok(sizes)
}

/// Writes to stderr what the executable holds that not everyone may read, and what it does not hold.
fn warn_of_secrets(output: &Path, flags: &[OsString], passwords: i64) {
    let name = output.display();
    let mut secrets: Vec<String> = Vec::new();
    for flag in flags {
        match name_of(flag).to_str() {
            Some(flag @ ("--token-key" | "--login-password")) => {
                secrets.push(format!("the value of `{flag}`"));
            }
            Some(flag @ ("--token-key-file" | "--login-password-file" | "--token-public-key")) => {
                eprintln!(
                    "cf-packages: warning: `{name}` does not hold the file that `{flag}` names; it has to be there at each start"
                );
            }
            _ => {}
        }
    }
    match passwords {
        0 => {}
        1 => secrets.push("the registry password of 1 package".into()),
        count => secrets.push(format!("the registry passwords of {count} packages")),
    }
    secrets.dedup();
    if !secrets.is_empty() {
        eprintln!(
            "cf-packages: warning: `{name}` holds {}, which everyone who has the file can read",
            secrets.join(" and ")
        );
    }
}
