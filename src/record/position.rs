//! How far a recording has come.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::seed::RecordedList;

/// The last page that was read: its list, and the page that follows.
#[derive(Debug)]
pub(super) struct Position(pub(super) Option<(RecordedList, Option<String>)>);

/// Where the reading of a list begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It was read to its end.
    Done,
    /// At this page.
    At(String),
    /// At its first page.
    Beginning,
}

impl Position {
    /// Whether something was read before.
    pub(super) fn is_begun(&self) -> bool {
        self.0.is_some()
    }

    /// Returns where a list is continued. Lists are read one after the other.
    pub(super) fn start_of(&self, list: RecordedList) -> Start {
        let Some((last, next)) = &self.0 else {
            return Start::Beginning;
        };
        let place = |list| RecordedList::ALL.iter().position(|each| *each == list);
        match (place(list).cmp(&place(*last)), next) {
            (Ordering::Less, _) | (Ordering::Equal, None) => Start::Done,
            (Ordering::Equal, Some(href)) => Start::At(href.clone()),
            (Ordering::Greater, _) => Start::Beginning,
        }
    }
}

/// How many resources of each list were left out.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftOut(BTreeMap<usize, u64>);

impl LeftOut {
    /// Counts resources of a list.
    pub(super) fn add(&mut self, list: RecordedList, count: u64) {
        *self.0.entry(list as usize).or_default() += count;
    }

    /// Returns how many resources of a list were left out.
    pub(super) fn of(&self, list: RecordedList) -> u64 {
        self.0.get(&(list as usize)).copied().unwrap_or(0)
    }

    /// Returns the lists of which something was left out.
    pub(super) fn counts(&self) -> impl Iterator<Item = (RecordedList, u64)> {
        let counts = self.0.iter().filter(|(_, count)| **count > 0);
        counts.map(|(list, count)| (RecordedList::ALL[*list], *count))
    }
}
