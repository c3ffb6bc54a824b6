//! Seeds: a file of data, checked as it is read, applied in one transaction, and exported again.
//!
//! `source` and `document` read either form entry by entry; `field`, `metadata`, `written` and `entry` make each a checked value;
//! `apply` brings the tables to it; `export` is the way back.

mod apply;
mod bundled;
mod document;
mod entry;
mod export;
mod fault;
mod field;
mod generate;
mod kind;
mod metadata;
mod progress;
mod report;
mod source;
mod wording;
mod written;

use apply::{Applier, NewTimes};
pub use bundled::{Bundled, all as bundled};
pub use export::{ExportError, export};
pub use fault::{Refusal, SeedError};
pub use kind::Form;
use progress::Progress;
pub use report::Report;
pub use source::Source;

use crate::store::Transaction;

/// Applies the seeds one after the other within the transaction of `transaction`; the first fault ends it, and the caller
/// undoes all. `now` is the time of what is new and gives none.
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
        source.read(&label, &mut |place, written| {
            written
                .complete()
                .map_err(Into::into)
                .and_then(|entry| applier.apply(place, entry))
                .map_err(|stop| stop.at(&label, place))?;
            progress.step();
            Ok(())
        })?;
        applier
            .end_seed()
            .map_err(|(place, stop)| stop.at(&label, place))?;
    }
    Ok(applier.into_report())
}

/// Empties every table but the keys, within the transaction of `transaction`. Ids go on where they were, and so do the
/// versions: what remembers listings must learn of this.
pub fn reset(transaction: &Transaction<'_>) -> Result<(), SeedError> {
    for sql in [
        "delete from package_labels",
        "delete from packages",
        "delete from space_roles",
        "delete from organization_roles",
        "delete from users",
        "delete from apps",
        "delete from spaces",
        "delete from organizations",
    ] {
        transaction.execute(sql, &[])?;
    }
    Ok(())
}

/// Generates `count` packages, with the organizations, spaces, apps and users that they need.
pub fn generate(transaction: &Transaction<'_>, count: u64, now: i64) -> Result<Report, SeedError> {
    generate::generate(transaction, count, now)
}
