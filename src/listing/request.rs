//! What is asked of a list, in values that cannot be wrong. An edition makes them from a query string.

use crate::records::{Filter, SortColumn};

/// The highest offset that SQLite's 64-bit numbers can say.
pub const MAXIMUM_RESULT: u128 = i64::MAX as u128;

/// One list, asked for once.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// The path that hrefs name, without scheme and host: `/v3/packages`.
    pub path: String,
    /// Which page.
    pub page: Page,
    /// In which order; `None`: as they were stored.
    pub order: Option<OrderBy>,
    /// What rows must fulfil, all of it.
    pub conditions: Vec<Condition>,
    /// What hrefs repeat of the request.
    pub echo: Echo,
    /// What else to show beside the resources.
    pub include: Include,
}

/// Which page. `number` from 1, `per_page` from 1; the offset fits 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    number: u64,
    per_page: u32,
}

impl Page {
    /// A page whose offset SQLite can say, or else `None`. `number` and `per_page` are 1 at least.
    pub fn new(number: u128, per_page: u32) -> Option<Self> {
        let offset = number.checked_sub(1)?.checked_mul(u128::from(per_page))?;
        (offset <= MAXIMUM_RESULT && per_page > 0).then_some(())?;
        Some(Self {
            number: u64::try_from(number).ok()?,
            per_page,
        })
    }

    /// The page's number, from 1.
    pub fn number(self) -> u64 {
        self.number
    }

    /// How many resources a page holds.
    pub fn per_page(self) -> u32 {
        self.per_page
    }

    /// How many rows lie before the page.
    pub fn offset(self) -> u64 {
        (self.number - 1) * u64::from(self.per_page)
    }

    /// The last page of `total` rows; 1 where there are none.
    pub fn last(self, total: u64) -> u64 {
        total.div_ceil(u64::from(self.per_page)).max(1)
    }

    /// The next page's number, if `total` rows reach that far.
    pub fn next(self, total: u64) -> Option<u64> {
        (self.number < self.last(total)).then(|| self.number + 1)
    }

    /// The previous page's number: by arithmetic alone, also beyond the last page.
    pub fn previous(self) -> Option<u64> {
        (self.number > 1).then(|| self.number - 1)
    }
}

/// An order other than the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrderBy {
    /// What to order by.
    pub order: &'static SortColumn,
    /// The exact reverse, ties included.
    pub descending: bool,
}

/// Something that every row of the list fulfils.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The filter's column is one of these.
    OneOf(&'static Filter, Vec<String>),
    /// A parameter was there without a value, which a controller compares as NULL: no row.
    Nothing,
    /// The time is one of these seconds.
    At(&'static SortColumn, Vec<i64>),
    /// The time lies on this side of that second.
    Time(&'static SortColumn, Comparison, i64),
    /// A label is, or is not.
    Label(LabelRequirement),
}

/// How a time is compared. Times are whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Before.
    Less,
    /// Before, or the same second.
    LessOrEqual,
    /// After.
    Greater,
    /// After, or the same second.
    GreaterOrEqual,
}

/// One piece of a label selector (reference: packages-api.md §1.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LabelRequirement {
    /// The label, with its prefix.
    pub key: String,
    /// Its values; `None`: any.
    pub values: Option<Vec<String>>,
    /// Rows that fulfil this are left out, and those without the label are in.
    pub negated: bool,
}

/// What hrefs repeat of the request: the encoded pairs that sort before `page` and after `per_page`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    /// Each pair followed by `&`.
    pub before: String,
    /// Each pair preceded by `&`.
    pub after: String,
}

impl Echo {
    /// From encoded pairs in any order. No name that a list knows sorts between `page` and `per_page`.
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

/// Which neighbours of the page's resources are shown beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// The spaces that they lie in.
    pub spaces: bool,
    /// The organizations that they lie in.
    pub organizations: bool,
}
