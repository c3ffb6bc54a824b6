//! `export`: prints all data as a seed.

use std::io::{BufWriter, ErrorKind, stdout};
use std::path::Path;

use clap::builder::NonEmptyStringValueParser;

use super::CommandError;
use super::args::DatabaseFlag;
use crate::bundle::Bundle;
use crate::seed::{self, ExportError, ExportedBits, SeedFormat};

/// The arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    database: DatabaseFlag,
    /// Print JSON Lines: one entry per line
    #[arg(long)]
    jsonl: bool,
    /// Write the bits of packages to this folder, each under its SHA-256, and name them in the export; a seed of the export
    /// finds them relative to its own file
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    bits: Option<String>,
}

impl Args {
    /// Whether the command writes files.
    pub(super) fn writes_files(&self) -> bool {
        self.bits.is_some()
    }
}

/// Prints all data but the token keys as a seed.
pub fn run(mut args: Args, bundle: Option<&Bundle>) -> Result<(), CommandError> {
    // Removed when it is dropped, after the database is closed.
    let _copy = args.database.use_carried(bundle)?;
    let form = if args.jsonl {
        SeedFormat::JsonLines
    } else {
        SeedFormat::Json
    };
    let location = args.database.location()?;
    let path = location.shown();
    let store = location.open_for_reading()?;
    let exported = store.read_blocking(|snapshot| {
        let bits = match &args.bits {
            None => ExportedBits::LeftOut,
            Some(folder) => {
                seed::write_bits(snapshot, Path::new(folder))?;
                ExportedBits::In(folder)
            }
        };
        let mut out = BufWriter::with_capacity(1 << 16, stdout());
        seed::export(snapshot, form, bits, &mut out)
    });
    let unchanged = store.require_unchanged();
    store.close().map_err(|error| error.at(path))?;
    match exported {
        // The reader, such as `head`, has read what it needs.
        Err(ExportError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => {
            let left_out = other.map_err(|error| error.at(path))?;
            unchanged?;
            let have = match left_out {
                0 => return Ok(()),
                1 => "1 package has".to_owned(),
                count => format!("{count} packages have"),
            };
            eprintln!("cf-packages: {have} bits, which are left out; `--bits DIR` writes them too");
            Ok(())
        }
    }
}
