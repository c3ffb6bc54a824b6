//! The largest rows of a list of any length, and how many the others are.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use serde::Serialize;

/// The largest rows of a list, the largest first.
#[derive(Debug, Serialize)]
pub struct Ranking<T> {
    /// The largest rows.
    pub largest: Vec<T>,
    /// The others.
    pub more: Rest,
}

/// The rows of a list that are not among the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rest {
    /// How many they are.
    pub count: i64,
    /// How many packages they have, unless a package may be in several rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<i64>,
}

/// Collects the largest of the rows that are added. Of equal ones, those that are added first are larger.
#[derive(Debug)]
pub(super) struct Largest<T> {
    limit: usize,
    /// The smallest is on top.
    rows: BinaryHeap<Reverse<Ranked<T>>>,
    /// How many rows were added, and how many packages they have.
    count: i64,
    packages: i64,
}

#[derive(Debug)]
struct Ranked<T> {
    size: i64,
    number: Reverse<i64>,
    packages: i64,
    row: T,
}

impl<T> Largest<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            rows: BinaryHeap::new(),
            count: 0,
            packages: 0,
        }
    }

    /// Adds the row that `row` returns, which has that size and that many packages.
    pub(super) fn add(&mut self, size: i64, packages: i64, row: impl FnOnce() -> T) {
        let number = Reverse(self.count);
        self.count += 1;
        self.packages += packages;
        let smallest = self.rows.peek().map(|Reverse(smallest)| smallest.size);
        if self.rows.len() >= self.limit && smallest.is_none_or(|smallest| size <= smallest) {
            return;
        }
        self.rows.push(Reverse(Ranked {
            size,
            number,
            packages,
            row: row(),
        }));
        if self.rows.len() > self.limit {
            self.rows.pop();
        }
    }

    pub(super) fn into_ranking(self) -> Ranking<T> {
        let rows = self.rows.into_sorted_vec();
        let shown: i64 = rows.iter().map(|Reverse(row)| row.packages).sum();
        Ranking {
            more: Rest {
                count: self.count - i64::try_from(rows.len()).unwrap_or(0),
                packages: Some(self.packages - shown),
            },
            largest: rows.into_iter().map(|Reverse(row)| row.row).collect(),
        }
    }
}

impl<T> Ranking<T> {
    /// Leaves out how many packages the other rows have, because a package may be in several of them.
    pub(super) fn of_overlapping_rows(mut self) -> Self {
        self.more.packages = None;
        self
    }
}

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.size, self.number).cmp(&(other.size, other.number))
    }
}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Ranked<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_rows_come_first_and_the_others_are_counted() {
        let sizes = [3, 1, 4, 1, 5, 9, 2, 6, 5];
        for limit in 0..=sizes.len() + 1 {
            let mut largest = Largest::new(limit);
            for (number, size) in sizes.into_iter().enumerate() {
                largest.add(size, 10, || (size, number));
            }
            let mut expected: Vec<_> = sizes.into_iter().zip(0_usize..).collect();
            expected.sort_by_key(|(size, number)| (Reverse(*size), *number));
            expected.truncate(limit);
            let others = i64::try_from(sizes.len() - expected.len()).unwrap();
            let ranking = largest.into_ranking();
            assert_eq!(ranking.largest, expected);
            let (count, packages) = (others, Some(10 * others));
            assert_eq!(ranking.more, Rest { count, packages });
        }
    }
}
