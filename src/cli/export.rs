//! `export`: prints all data as a seed.

use std::io::{BufWriter, ErrorKind, stdout};

use super::CommandError;
use super::args::DatabaseFlag;
use crate::seed::{self, ExportError, SeedFormat};
use crate::store::Store;

/// The arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    database: DatabaseFlag,
    /// Print JSON Lines: one entry per line
    #[arg(long)]
    jsonl: bool,
}

/// Prints all data but the token keys as a seed.
pub fn run(args: Args) -> Result<(), CommandError> {
    let form = if args.jsonl {
        SeedFormat::JsonLines
    } else {
        SeedFormat::Json
    };
    let path = args.database.path();
    let store = Store::open_for_reading(path)?;
    let exported = store.read_blocking(move |snapshot| {
        seed::export(
            snapshot,
            form,
            &mut BufWriter::with_capacity(1 << 16, stdout()),
        )
    });
    let unchanged = store.require_unchanged();
    store.close().map_err(|error| error.at(path))?;
    match exported {
        // The reader, such as `head`, has read what it needs.
        Err(ExportError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => {
            // What SQLite says about a file that changed while it was read would be misleading.
            unchanged?;
            Ok(other.map_err(|error| error.at(path))?)
        }
    }
}
