//! Seeds: files of data that are checked while they are read and applied in one transaction; and the export, which
//! writes the data as a seed.
//!
//! A seed passes through `source` (where it comes from), `parse` (JSON or JSON Lines), `entry` and `field` (what an
//! entry may contain) and `apply` (what it does to the database). `messages` has the texts of all errors.

mod apply;
mod entry;
mod export;
mod field;
mod generate;
mod messages;
mod parse;
mod report;
mod source;

use apply::{Applier, NewTimes};
use entry::EntryKind;
pub use entry::SeedFormat;
pub use export::{ExportError, export};
pub use generate::generate;
pub use messages::{InvalidSeed, SeedError};
use report::Progress;
pub use report::{Counts, Report};
pub use source::{BundledSeed, Source, bundled};

use crate::records::{App, Build, Droplet, Job, Organization, Package, Space, Table, User};
use crate::store::Transaction;

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
    let mut applier = Applier::new(
        transaction,
        NewTimes {
            created_at: now,
            updated_at: None,
        },
    );
    let mut progress = Progress::start(None);
    for source in sources {
        let label = source.label();
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
