//! `check`: reports what is wrong with a database. Never changes it.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};

use super::CommandError;
use super::args::DatabaseFlag;
use crate::bundle::Bundle;
use crate::log::printable;
use crate::store::{CheckReport, Snapshot, StoreError};
use crate::{blobs, records};

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    database: DatabaseFlag,
}

/// Prints a summary to stdout and each fault to stderr. Exit 1 if there is a fault.
pub fn run(mut args: Args, bundle: Option<&Bundle>) -> Result<(), CommandError> {
    // Removed when it is dropped, after the database is closed.
    let _copy = args.database.use_carried(bundle)?;
    let location = args.database.location()?;
    let path = location.shown();
    let name = args.database.shown(path).display();
    let checked = location.check(find_faults);
    let engine = match &checked {
        Ok(checked) => checked.engine.clone(),
        Err(_) => location.engine(),
    };
    let mut report = format!("cf-packages {}, {engine}\n", env!("CARGO_PKG_VERSION"));
    if let Ok(CheckReport {
        schema, packages, ..
    }) = &checked
    {
        let shown = printable(&args.database.shown(path).to_string_lossy()).into_owned();
        let _ = write!(report, "`{shown}`: schema {schema}");
        if let Some(packages) = packages {
            let _ = write!(report, ", {packages} packages");
        }
        report.push('\n');
    }
    let sound = checked
        .as_ref()
        .is_ok_and(|checked| checked.faults.is_empty());
    if sound {
        report.push_str("integrity, foreign keys, schema, values, labels and bits: no fault\n");
    }
    // If stdout is closed, the faults on stderr and the exit code still show the result.
    let _ = stdout().write_all(report.as_bytes());
    for fault in &checked?.faults {
        eprintln!("cf-packages: `{name}` {fault}");
    }
    if sound {
        Ok(())
    } else {
        Err(CommandError::AlreadyReported)
    }
}

/// Adds what is wrong with the stored values and bits to `faults`, one clause each, which follows the path of the file.
pub(super) fn find_faults(
    snapshot: &Snapshot<'_>,
    faults: &mut Vec<String>,
) -> Result<(), StoreError> {
    records::find_faults(snapshot, faults)?;
    blobs::find_faults(snapshot, faults)
}
