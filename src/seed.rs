//! Seeds: files of data that are checked while they are read and applied in one transaction; and the export, which
//! writes the data as a seed.
//!
//! A seed passes through `source` (where it comes from), `parse` (JSON or JSON Lines) or `answers` (saved answers of the
//! API), `entry` and `field` (what an entry may contain) and `apply` (what it does to the database). After a fault, `diagnose` reads on to find the others;
//! `fault` holds them with their places. `messages` and `json_error` have the texts.

mod anonymize;
mod answers;
mod apply;
mod bits;
mod bits_state;
mod diagnose;
mod entry;
mod export;
mod fault;
mod field;
mod generate;
mod json_error;
mod json_text;
mod messages;
mod parse;
mod reading;
mod recording;
mod report;
mod source;
mod syntax;

pub use anonymize::Anonymizer;
use answers::Answers;
use apply::{Applier, NewTimes};
use bits::BitsSource;
use entry::EntryKind;
pub use entry::SeedFormat;
pub use export::{ExportError, ExportedBits, count_packages_with_bits, export, write_bits};
pub use fault::{Fault, InvalidSeed, SeedError};
use fault::{Faults, Stop};
pub use generate::generate;
use reading::Reading;
pub use recording::{
    NamedResource, RecordedList, RecordedPage, Recorder, error_of_answer, named_resources,
};
use report::Progress;
pub use report::{Counts, Report};
pub use source::{BundledSeed, Source, bundled};

use crate::records::{App, Build, Droplet, Job, Organization, Package, Space, Table, User};
use crate::store::{Snapshot, Transaction};

/// What happens to the rows that seeds do not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherRows {
    /// They stay.
    Keep,
    /// They are deleted, so that the database holds exactly what the seeds say. The seeds may then refer only to their
    /// own entries.
    Prune,
}

/// Applies seeds one after the other. `now` is the time of new entries that give none, in seconds since 1970.
///
/// # Errors
///
/// Fails with the faults of the seeds, at most 20, or if the database cannot be written. The transaction must then be
/// rolled back.
pub fn apply(
    transaction: &Transaction<'_>,
    sources: &[Source],
    others: OtherRows,
    now: i64,
) -> Result<Report, SeedError> {
    let seeds = sources
        .iter()
        .map(|source| (source, BitsSource::of(source)));
    apply_with_bits(transaction, seeds, others, now)
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
    apply_with_bits(transaction, [seed], OtherRows::Keep, now).map(drop)
}

fn apply_with_bits<'t>(
    transaction: &'t Transaction<'_>,
    seeds: impl IntoIterator<Item = (&'t Source, BitsSource<'t>)>,
    others: OtherRows,
    now: i64,
) -> Result<Report, SeedError> {
    let mut applier = Applier::new(
        transaction,
        NewTimes {
            created_at: now,
            updated_at: None,
        },
        others == OtherRows::Prune,
        Progress::start(None),
    );
    let mut faults = Faults::default();
    let read = read_all(seeds, &mut applier, &mut faults);
    faults.into_result_of(read)?;
    if others == OtherRows::Prune {
        applier.prune()?;
    }
    let report = applier.into_report();
    for note in report.notes() {
        tracing::info!("{note}");
    }
    Ok(report)
}

fn read_all<'t>(
    seeds: impl IntoIterator<Item = (&'t Source, BitsSource<'t>)>,
    applier: &mut Applier<'t, '_>,
    faults: &mut Faults,
) -> Result<(), Stop> {
    let mut answers = Answers::default();
    for (source, bits) in seeds {
        applier.begin_seed(bits);
        let mut reading = Reading {
            seed: &source.label(),
            applier,
            faults,
        };
        let read = source.read(&mut reading, &mut answers);
        faults.end_seed();
        read?;
    }
    answers.apply(applier, faults)
}

/// Deletes everything but the keys of tokens, and returns how many rows of each kind there were. Ids are not used again,
/// and data versions continue, so that caches notice.
///
/// # Errors
///
/// Fails if the database cannot be written. The transaction must then be rolled back.
pub fn reset(transaction: &Transaction<'_>) -> Result<Report, SeedError> {
    let mut report = Report::default();
    Job::delete_all(transaction)?;
    // These go with their apps, and faster at once.
    Droplet::delete_all(transaction)?;
    Build::delete_all(transaction)?;
    // Children before their parents.
    for kind in EntryKind::ALL.iter().rev() {
        let removed = match kind {
            EntryKind::Organization => Organization::delete_all(transaction)?,
            EntryKind::Space => Space::delete_all(transaction)?,
            EntryKind::App => App::delete_all(transaction)?,
            EntryKind::User => User::delete_all(transaction)?,
            EntryKind::Package => Package::delete_all(transaction)?,
        };
        report.count_removed(*kind, removed);
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::store::{Durability, OpenMode, Store, StoreError};

    #[test]
    fn interrupted_seed_ends_although_it_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.db");
        Store::create(&path, |_| Ok::<_, StoreError>(())).unwrap();
        let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
        let source = Source::Bytes {
            label: "a seed".into(),
            bytes: br#"{"organizations": [{"guid": "o", "name": "o"}]}"#.to_vec(),
        };
        let sources = std::slice::from_ref(&source);
        let apply = |transaction: &Transaction<'_>| apply(transaction, sources, OtherRows::Keep, 0);
        store.write(apply).unwrap();
        let went_on = Cell::new(true);
        let again = store.write(|transaction| {
            store.interrupt_writes();
            let applied = apply(transaction);
            went_on.set(applied.is_ok());
            applied
        });
        assert!(again.is_err() && !went_on.get());
    }
}
