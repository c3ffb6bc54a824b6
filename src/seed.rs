//! Seeds: files of data that are checked while they are read and applied in one transaction; and the export, which
//! writes the data as a seed.
//!
//! A seed passes through `source` (where it comes from), `parse` (JSON or JSON Lines), `entry` and `field` (what an
//! entry may contain) and `apply` (what it does to the database). `messages` has the texts of all errors.

mod apply;
mod bits;
mod entry;
mod export;
mod field;
mod generate;
mod messages;
mod parse;
mod report;
mod source;

use apply::{Applier, NewTimes};
use bits::BitsSource;
use entry::EntryKind;
pub use entry::SeedFormat;
pub use export::{ExportError, ExportedBits, export, write_bits};
pub use generate::generate;
pub use messages::{InvalidSeed, SeedError};
use report::Progress;
pub use report::{Counts, Report};
pub use source::{BundledSeed, Source, bundled};

use crate::records::{App, Build, Droplet, Job, Organization, Package, Space, Table, User};
use crate::store::{Snapshot, Transaction};

/// Applies seeds one after the other. `now` is the time of new entries that give none, in seconds since 1970.
///
/// # Errors
///
/// Fails with the first error in a seed, or if the database cannot be written. The transaction must then be rolled
/// back.
pub fn apply(
    transaction: &Transaction<'_>,
    sources: &[Source],
    now: i64,
) -> Result<Report, SeedError> {
    let seeds = sources
        .iter()
        .map(|source| (source, BitsSource::of(source)));
    apply_with_bits(transaction, seeds, now)
}

/// Deletes everything but the keys of tokens, and then applies an export of another database that names bits by their
/// SHA-256. `bits` is a snapshot of that database. `now` is the time of new entries that give none.
///
/// # Errors
///
/// Fails if the export is no seed, if `bits` cannot be read, or if the database cannot be written. The transaction must
/// then be rolled back.
pub fn restore(
    transaction: &Transaction<'_>,
    export: Vec<u8>,
    bits: &Snapshot<'_>,
    now: i64,
) -> Result<(), SeedError> {
    let source = Source::Bytes {
        label: "the data at the start".into(),
        bytes: export,
    };
    reset(transaction)?;
    let seed = (&source, BitsSource::Database(bits));
    apply_with_bits(transaction, [seed], now).map(drop)
}

fn apply_with_bits<'t>(
    transaction: &'t Transaction<'_>,
    seeds: impl IntoIterator<Item = (&'t Source, BitsSource<'t>)>,
    now: i64,
) -> Result<Report, SeedError> {
    let mut applier = Applier::new(
        transaction,
        NewTimes {
            created_at: now,
            updated_at: None,
        },
    );
    let mut progress = Progress::start(None);
    for (source, bits) in seeds {
        let label = source.label();
        applier.begin_seed(bits);
        source.read(&label, &mut |position, entry| {
            applier
                .apply(position, &entry)
                .map_err(|error| error.at(&label, position))?;
            progress.step();
            Ok(())
        })?;
        applier
            .end_seed()
            .map_err(|(position, error)| error.at(&label, position))?;
    }
    Ok(applier.into_report())
}

/// Deletes everything but the keys of tokens. Ids are not used again, and data versions continue, so that caches
/// notice.
///
/// # Errors
///
/// Fails if the database cannot be written. The transaction must then be rolled back.
pub fn reset(transaction: &Transaction<'_>) -> Result<(), SeedError> {
    Job::delete_all(transaction)?;
    // These go with their apps, and faster at once.
    Droplet::delete_all(transaction)?;
    Build::delete_all(transaction)?;
    // Children before their parents.
    for kind in EntryKind::ALL.iter().rev() {
        match kind {
            EntryKind::Organization => Organization::delete_all(transaction)?,
            EntryKind::Space => Space::delete_all(transaction)?,
            EntryKind::App => App::delete_all(transaction)?,
            EntryKind::User => User::delete_all(transaction)?,
            EntryKind::Package => Package::delete_all(transaction)?,
        }
    }
    Ok(())
}
