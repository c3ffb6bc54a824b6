//! What seeding did, by kind.

use std::fmt;

use serde::Serialize;

use super::kind::Kind;

/// How many entries were added, changed and left as they were, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    counts: [Counts; 5],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    added: u64,
    changed: u64,
    left: u64,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Added,
    Changed,
    Left,
}

impl Report {
    pub(super) fn count(&mut self, kind: Kind, outcome: Outcome) {
        let counts = &mut self.counts[kind.index()];
        match outcome {
            Outcome::Added => counts.added += 1,
            Outcome::Changed => counts.changed += 1,
            Outcome::Left => counts.left += 1,
        }
    }

    /// Adds what another report counted.
    pub fn add(&mut self, other: &Self) {
        for (counts, more) in self.counts.iter_mut().zip(&other.counts) {
            counts.added += more.added;
            counts.changed += more.changed;
            counts.left += more.left;
        }
    }

    /// The kinds that had entries, in the plural, each with how many were added, changed and left.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, [u64; 3])> {
        Kind::ALL
            .into_iter()
            .zip(&self.counts)
            .filter(|(_, counts)| **counts != Counts::default())
            .map(|(kind, counts)| (kind.plural(), [counts.added, counts.changed, counts.left]))
    }

    /// Whether everything was there already.
    pub fn nothing_changed(&self) -> bool {
        self.counts
            .iter()
            .all(|counts| counts.added == 0 && counts.changed == 0)
    }
}

/// An object with a member for each kind that had entries.
impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = Kind::ALL
            .into_iter()
            .map(|kind| (kind.plural(), self.counts[kind.index()]));
        serializer.collect_map(counts.filter(|(_, counts)| *counts != Counts::default()))
    }
}

/// A line for each kind that had entries.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (kind, [added, changed, left]) in self.by_kind() {
            if !std::mem::replace(&mut first, false) {
                f.write_str("\n")?;
            }
            write!(f, "{kind}: {added} added, {changed} changed, {left} left")?;
        }
        if first {
            f.write_str("no entries")?;
        }
        Ok(())
    }
}
