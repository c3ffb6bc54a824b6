//! A list request: the parsed query of a list. An edition parses it once; every value in it is valid.

use crate::records::{Filter, LabelIndex, SortColumn};

/// The highest offset of a page. SQLite's integers have 64 bits (<https://sqlite.org/datatype3.html>).
pub const MAXIMUM_RESULT: u128 = i64::MAX as u128;

/// A request for one page of a list.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// The path that hrefs name, without scheme and host: `/v3/packages`.
    pub path: String,
    /// The page.
    pub page: Page,
    /// The order; `None` means stored order.
    pub order: Option<OrderBy>,
    /// The conditions that each row must fulfil.
    pub conditions: Vec<Condition>,
    /// The parameters that hrefs echo.
    pub echo: Echo,
    /// The parents to show beside the resources.
    pub include: Include,
}

/// The number of a page and its size. Both are 1 at least, and the offset is at most `MAXIMUM_RESULT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    number: u64,
    per_page: u32,
}

impl Page {
    /// Returns a page, or `None` if `number` or `per_page` is 0 or the offset is above `MAXIMUM_RESULT`.
    pub fn new(number: u128, per_page: u32) -> Option<Self> {
        let offset = number.checked_sub(1)?.checked_mul(u128::from(per_page))?;
        (offset <= MAXIMUM_RESULT && per_page > 0).then_some(())?;
        Some(Self {
            number: u64::try_from(number).ok()?,
            per_page,
        })
    }

    /// Returns the number of the page, from 1.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Returns how many resources a page holds at most.
    pub fn per_page(self) -> u32 {
        self.per_page
    }

    /// Returns how many rows precede the page.
    pub fn offset(self) -> u64 {
        (self.number - 1) * u64::from(self.per_page)
    }

    /// Returns the number of the last page of `total` rows; 1 if there are no rows.
    pub fn last(self, total: u64) -> u64 {
        total.div_ceil(u64::from(self.per_page)).max(1)
    }

    /// Returns the number of the next page, if `total` rows reach it.
    pub fn next(self, total: u64) -> Option<u64> {
        (self.number < self.last(total)).then(|| self.number + 1)
    }

    /// Returns the number of the previous page, beyond the last page too; `None` on the first page.
    pub fn previous(self) -> Option<u64> {
        (self.number > 1).then(|| self.number - 1)
    }
}

/// An order other than stored order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrderBy {
    /// The column to order by.
    pub order: &'static SortColumn,
    /// Whether the order is reversed, ties included.
    pub descending: bool,
}

/// A condition that every row of the list fulfils.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The column of the filter has one of these values.
    OneOf(&'static Filter, Vec<String>),
    /// No row fulfils it. A controller compares a parameter without a value with NULL.
    Nothing,
    /// The time is one of these seconds since 1970.
    At(&'static SortColumn, Vec<i64>),
    /// The time is before or after this second since 1970.
    Time(&'static SortColumn, Comparison, i64),
    /// A label has, or has not, one of some values. The index holds the labels of the rows.
    Label(LabelIndex, LabelRequirement),
}

/// How a time is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// The time is before the second.
    Less,
    /// The time is at or before the second.
    LessOrEqual,
    /// The time is after the second.
    Greater,
    /// The time is at or after the second.
    GreaterOrEqual,
}

impl Comparison {
    /// Returns whether `left` compares so with `right`.
    pub fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// One requirement of a label selector (`docs/reference/label-selectors.md`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LabelRequirement {
    /// The key of the label, with its prefix.
    pub key: String,
    /// The values, one of which the label must have; `None` means any value.
    pub values: Option<Vec<String>>,
    /// Whether the rows that fulfil the requirement are excluded. Rows without the label are then included.
    pub negated: bool,
}

/// The parameters that hrefs echo beside `page` and `per_page`, as encoded pairs in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    /// The pairs whose name sorts before `page`, each followed by `&`.
    pub before: String,
    /// The pairs whose name sorts after `per_page`, each preceded by `&`.
    pub after: String,
}

impl Echo {
    /// Returns the echo of encoded pairs in any order. No parameter of a list sorts between `page` and `per_page`.
    pub fn new(mut pairs: Vec<String>) -> Self {
        pairs.sort_unstable();
        let mut echo = Self::default();
        for pair in pairs {
            if pair.as_str() < "page" {
                echo.before.push_str(&pair);
                echo.before.push('&');
            } else {
                echo.after.push('&');
                echo.after.push_str(&pair);
            }
        }
        echo
    }
}

/// The parents that are shown beside the resources of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// Whether their spaces are shown.
    pub spaces: bool,
    /// Whether their organizations are shown.
    pub organizations: bool,
    /// Whether their users are shown.
    pub users: bool,
}
