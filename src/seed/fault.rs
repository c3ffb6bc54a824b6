//! Why a seed is refused: one sentence with the seed, the line and the path.

use std::fmt;
use std::path::Path;

use super::kind::Place;
use crate::store::StoreError;

/// Why a seed could not be applied. Nothing of it is stored.
#[derive(Debug)]
pub enum SeedError {
    /// The database would not take it.
    Store(StoreError),
    /// The seed is wrong.
    Refused(Refusal),
}

/// What is wrong with a seed, and where.
#[derive(Debug)]
pub struct Refusal {
    seed: String,
    line: Option<u64>,
    column: Option<u64>,
    path: Option<String>,
    text: String,
}

impl SeedError {
    /// Returns this error with the path of the database, if it is about the database.
    pub fn at(self, database: &Path) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.at(database)),
            refused @ Self::Refused(_) => refused,
        }
    }

    /// The path of the entry or field that is wrong, as `packages[3].state`, if it is one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Store(_) => None,
            Self::Refused(refusal) => refusal.path.as_deref(),
        }
    }

    /// A fault of the seed as a whole.
    pub(super) fn whole(seed: &str, text: impl Into<String>) -> Self {
        Self::Refused(Refusal {
            seed: seed.to_owned(),
            line: None,
            column: None,
            path: None,
            text: text.into(),
        })
    }

    /// A fault at a line, and at a column of it.
    pub(super) fn at_line(
        seed: &str,
        line: u64,
        column: Option<u64>,
        text: impl Into<String>,
    ) -> Self {
        Self::Refused(Refusal {
            seed: seed.to_owned(),
            line: Some(line),
            column,
            path: None,
            text: text.into(),
        })
    }

    /// A fault of what stands at a path.
    pub(super) fn at_path(
        seed: &str,
        line: Option<u64>,
        path: Option<String>,
        text: String,
    ) -> Self {
        Self::Refused(Refusal {
            seed: seed.to_owned(),
            line,
            column: None,
            path,
            text,
        })
    }
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", printable(&self.seed))?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        if let Some(column) = self.column {
            write!(f, " column {column}")?;
        }
        if let Some(path) = &self.path {
            write!(f, ": `{}`", shortened(path))?;
        }
        write!(f, ": {}", shortened(&self.text))
    }
}

impl std::error::Error for SeedError {}

impl From<StoreError> for SeedError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What is wrong with one entry, before it is known where that stands.
#[derive(Debug)]
pub(super) struct Fault {
    /// The path within the entry, as `roles[1].space`; empty: the entry itself.
    pub(super) field: String,
    pub(super) text: String,
}

impl Fault {
    pub(super) fn new(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            text: text.into(),
        }
    }

    /// The same fault seen from what holds the part that `outer` names.
    pub(super) fn within(mut self, outer: &str) -> Self {
        self.field = if self.field.is_empty() {
            outer.to_owned()
        } else {
            format!("{outer}.{}", self.field)
        };
        self
    }
}

/// What ends the work on one entry.
#[derive(Debug)]
pub(super) enum Stop {
    Store(StoreError),
    Fault(Fault),
}

impl Stop {
    pub(super) fn at(self, seed: &str, place: Place) -> SeedError {
        match self {
            Self::Store(error) => SeedError::Store(error),
            Self::Fault(fault) => SeedError::at_path(
                seed,
                place.line(),
                Some(place.path(&fault.field)),
                fault.text,
            ),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A value for a sentence: in backticks, on one line, and not longer than a sentence bears.
pub(super) fn quoted(value: &str) -> String {
    const SHOWN: usize = 80;
    let mut text = String::from("`");
    text.push_str(&printable(&value.chars().take(SHOWN).collect::<String>()));
    if value.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    text.push('`');
    text
}

/// A sentence stays on one line, whatever the seed put into it.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Names in a seed may be of any length; their beginning and the sentence's end tell enough.
fn shortened(text: &str) -> String {
    const FIRST: usize = 300;
    const LAST: usize = 500;
    let length = text.chars().count();
    if length <= FIRST + LAST {
        return printable(text);
    }
    let first: String = text.chars().take(FIRST).collect();
    let last: String = text.chars().skip(length - LAST).collect();
    format!("{}…{}", printable(&first), printable(&last))
}
