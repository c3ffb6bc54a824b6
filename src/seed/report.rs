//! What a seed did, and how far it has come.

use std::fmt;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::entry::{ByKind, EntryKind};

/// How many entries were added, changed and unchanged, and how many rows were removed, by kind.
///
/// As JSON it is an object with a member for each kind that has a count, and as text a line for each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    counts: ByKind<Counts>,
}

/// How many entries of one kind had each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Entries that were inserted.
    pub added: u64,
    /// Entries that were stored with other values, and updated.
    pub changed: u64,
    /// Entries that were stored with the same values.
    pub unchanged: u64,
    /// Rows that no entry names, which were deleted. `None` if such rows stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
}

impl Counts {
    fn is_empty(&self) -> bool {
        let removed = self.removed.unwrap_or(0);
        [self.added, self.changed, self.unchanged, removed] == [0; 4]
    }
}

/// What was done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Added,
    Changed,
    Unchanged,
}

impl Report {
    /// Counts the outcome of one entry.
    pub(super) fn count(&mut self, kind: EntryKind, outcome: Outcome) {
        let counts = &mut self.counts[kind];
        match outcome {
            Outcome::Added => counts.added += 1,
            Outcome::Changed => counts.changed += 1,
            Outcome::Unchanged => counts.unchanged += 1,
        }
    }

    /// Counts the deleted rows of a kind.
    pub(super) fn count_removed(&mut self, kind: EntryKind, removed: u64) {
        self.counts[kind].removed = Some(removed);
    }

    /// Adds the counts of another report.
    pub fn add(&mut self, other: &Self) {
        for kind in EntryKind::ALL {
            let (counts, more) = (&mut self.counts[*kind], other.counts[*kind]);
            counts.added += more.added;
            counts.changed += more.changed;
            counts.unchanged += more.unchanged;
            if let Some(removed) = more.removed {
                *counts.removed.get_or_insert_default() += removed;
            }
        }
    }

    /// Returns the kinds that have a count, in the plural, with their counts.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, Counts)> {
        EntryKind::ALL
            .iter()
            .map(|kind| (kind.plural(), self.counts[*kind]))
            .filter(|(_, counts)| !counts.is_empty())
    }
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.by_kind())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = 0;
        for (kind, counts) in self.by_kind() {
            if lines > 0 {
                f.write_str("\n")?;
            }
            let Counts {
                added,
                changed,
                unchanged,
                removed,
            } = counts;
            write!(
                f,
                "{kind}: {added} added, {changed} changed, {unchanged} unchanged"
            )?;
            if let Some(removed) = removed {
                write!(f, ", {removed} removed")?;
            }
            lines += 1;
        }
        if lines == 0 {
            f.write_str("no entries")?;
        }
        Ok(())
    }
}

/// How many entries are counted between two looks at the clock.
const STRIDE: u64 = 1024;
/// How long a seed takes before its progress is shown.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// Shows on stderr, if that is a terminal, how many entries were applied.
#[derive(Debug)]
pub(super) struct Progress {
    is_terminal: bool,
    total: Option<u64>,
    started: Instant,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts counting. `total` is the number of entries, if it is known.
    pub(super) fn start(total: Option<u64>) -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            total,
            started: Instant::now(),
            done: 0,
            bar: None,
        }
    }

    /// Counts one more entry.
    pub(super) fn step(&mut self) {
        self.done += 1;
        if !self.is_terminal || !self.done.is_multiple_of(STRIDE) {
            return;
        }
        if self.bar.is_none() && self.started.elapsed() > SHOWN_AFTER {
            self.bar = Some(progress_bar(self.total));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        }
    }
}

fn progress_bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "seeding {bar:40} {human_pos} of {human_len} entries, {per_sec}, {eta} left",
        ),
        None => (
            ProgressBar::no_length(),
            "seeding {spinner} {human_pos} entries, {per_sec}",
        ),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
