//! `backup`: copies a database while others write, and checks the copy.

use std::io::{Write as _, stdout};
use std::path::PathBuf;

use super::CommandError;
use super::args::DatabaseFlag;
use super::check::find_faults;
use crate::bundle::Bundle;
use crate::log::printable;
use crate::store::Store;

/// The arguments of `backup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to write, which must not exist; only its owner can read it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    database: DatabaseFlag,
}

/// Writes the copy. If the copy has a fault, prints each one to stderr and writes no file.
pub fn run(mut args: Args, bundle: Option<&Bundle>) -> Result<(), CommandError> {
    // Removed when it is dropped, after the database is closed.
    let _copy = args.database.use_carried(bundle)?;
    let database = args.database.file(
        "copy it with the `pg_dump` of PostgreSQL, or write a seed with `cf-packages export`",
    )?;
    let file = args.file.as_path();
    let report = Store::backup(&database, file, find_faults)?;
    for fault in &report.faults {
        eprintln!("cf-packages: `{}` {fault}", database.display());
    }
    if !report.faults.is_empty() {
        return Err(CommandError::Failed(format!(
            "`{}` was not written, because the database has faults; `export` may still save its data",
            file.display()
        )));
    }
    let packages = report.packages.unwrap_or_default();
    // If stdout is closed, the exit code still shows the result.
    let _ = writeln!(
        stdout(),
        "`{}`: schema {}, {packages} packages, no fault",
        printable(&file.to_string_lossy()),
        report.schema
    );
    Ok(())
}
