//! What a seed did, and how far it has come.

use std::fmt;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, HumanCount, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::entry::{ByKind, EntryKind};
use super::messages;

/// How many entries were added, changed and unchanged, and how many rows were removed, by kind.
///
/// As JSON it is an object with a member for each kind that has a count, and as text a line for each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    counts: ByKind<Counts>,
    made_up: ByKind<u64>,
    /// Lists of which saved answers hold a part: what they list, how many of them, and how many there are.
    incomplete: Vec<(&'static str, u64, u64)>,
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

    /// Counts an entry that was made up. It is counted as an entry too.
    pub(super) fn count_made_up(&mut self, kind: EntryKind) {
        self.made_up[kind] += 1;
    }

    /// Notes that saved answers hold `held` of `total` resources of a list, such as `packages`.
    pub(super) fn note_incomplete(&mut self, list: &'static str, held: u64, total: u64) {
        self.incomplete.push((list, held, total));
    }

    /// Returns sentences about what saved answers refer to and do not hold: parents, which were made up, and pages.
    pub fn notes(&self) -> Vec<String> {
        let counts = EntryKind::ALL
            .iter()
            .map(|kind| (*kind, self.made_up[*kind]))
            .filter(|(_, count)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(kind, count)| match count {
                1 => format!("1 {}", kind.singular()),
                count => format!("{count} {}", kind.plural()),
            })
            .collect();
        let made_up = (!counts.is_empty()).then(|| messages::made_up(&counts.join(", ")));
        let incomplete = self.incomplete.iter();
        incomplete
            .map(|(list, held, total)| messages::incomplete(list, *held, *total))
            .chain(made_up)
            .collect()
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
            self.made_up[*kind] += other.made_up[*kind];
        }
        self.incomplete.extend(&other.incomplete);
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
        let elapsed = self.started.elapsed();
        if self.bar.is_none() && elapsed > SHOWN_AFTER {
            self.bar = Some(progress_bar(self.total));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            bar.set_message(progress_text(self.done, self.total, elapsed));
        }
    }
}

fn progress_bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "seeding {wide_bar} {msg}"),
        None => (ProgressBar::no_length(), "seeding {spinner} {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Returns the text beside the bar, which always has the same width. The rate and the time left are those of the whole
/// run: `done` entries, at least one, in `elapsed`.
fn progress_text(done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let count = |number: u64| HumanCount(number).to_string();
    let milliseconds = elapsed.as_millis().max(1);
    let whole = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
    let rate = whole(u128::from(done) * 1000 / milliseconds);
    let rate = format!("{:>9}/s", count(rate));
    let Some(total) = total else {
        return format!("{:>11} entries, {rate}", count(done));
    };
    let left = u128::from(total.saturating_sub(done)) * milliseconds / u128::from(done.max(1));
    let left = FormattedDuration(Duration::from_millis(whole(left)));
    let total = count(total);
    let width = total.len();
    format!(
        "{:>width$} of {total}, {rate}, {:>8} left",
        count(done),
        left.to_string()
    )
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_of_the_whole_run_in_a_text_of_steady_width() {
        let text =
            |done, seconds| progress_text(done, Some(1_000_000), Duration::from_secs(seconds));
        assert_eq!(
            text(50_000, 2),
            "   50,000 of 1,000,000,    25,000/s, 00:00:38 left"
        );
        assert_eq!(
            text(1_000_000, 4),
            "1,000,000 of 1,000,000,   250,000/s, 00:00:00 left"
        );
        assert_eq!(
            text(1024, 3),
            "    1,024 of 1,000,000,       341/s, 00:48:46 left"
        );
        assert_eq!(
            progress_text(2_048_000, None, Duration::from_secs(10)),
            "  2,048,000 entries,   204,800/s"
        );
    }
}
