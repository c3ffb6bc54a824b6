//! `check`: whether a database is sound. Never changes it.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::path::PathBuf;

use super::CommandError;
use crate::store::{self, CheckReport};

/// What `check` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The SQLite file
    #[arg(
        long,
        value_name = "FILE",
        default_value = "packages.db",
        env = "CF_PACKAGES_DB"
    )]
    db: PathBuf,
}

/// What was found fine goes to stdout, each fault to stderr.
pub fn run(args: Args) -> Result<(), CommandError> {
    let name = args.db.display();
    let mut report = format!(
        "cf-packages {}, SQLite {}\n",
        env!("CARGO_PKG_VERSION"),
        store::sqlite_version()
    );
    let checked = store::check(&args.db);
    if let Ok(CheckReport {
        schema, packages, ..
    }) = &checked
    {
        let _ = write!(report, "`{name}`: schema {schema}");
        if let Some(packages) = packages {
            let _ = write!(report, ", {packages} packages");
        }
        report.push('\n');
    }
    let sound = checked
        .as_ref()
        .is_ok_and(|checked| checked.faults.is_empty());
    if sound {
        report.push_str("integrity, foreign keys, schema and labels: no fault\n");
    }
    // Who closed stdout does not want to know; the faults and the exit code remain.
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
