//! `export`: the whole data set as a seed.

use std::io::{BufWriter, ErrorKind, stdout};
use std::path::PathBuf;

use super::CommandError;
use crate::seed::{self, ExportError, SeedFormat};
use crate::store::Store;

/// What `export` takes.
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
    /// JSON Lines: one entry a line
    #[arg(long)]
    jsonl: bool,
}

pub fn run(args: Args) -> Result<(), CommandError> {
    let format = if args.jsonl {
        SeedFormat::JsonLines
    } else {
        SeedFormat::Json
    };
    let store = Store::open_for_reading(&args.db)?;
    let exported = store.read_blocking(move |db| {
        seed::export(db, format, &mut BufWriter::with_capacity(1 << 16, stdout()))
    });
    store.close()?;
    match exported {
        // Who reads only the beginning, as `head` does, has all they want.
        Err(ExportError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
