//! Where an entry is in a seed.

use super::super::json_text::Segment;
use super::EntryKind;

/// The two formats of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedFormat {
    /// One JSON object with an array for each kind of entry.
    Json,
    /// One entry per line, under the singular of its kind.
    JsonLines,
}

impl SeedFormat {
    /// Returns the format of a seed by its first line: JSON Lines begins with an object whose first key is a kind in the
    /// singular.
    pub(in crate::seed) fn of(line: &[u8]) -> Self {
        let key = line
            .trim_ascii_start()
            .strip_prefix(b"{")
            .map(<[u8]>::trim_ascii_start)
            .and_then(|rest| rest.strip_prefix(b"\""))
            .unwrap_or_default();
        let is_singular = EntryKind::ALL.iter().any(|kind| {
            let rest = key.strip_prefix(kind.singular().as_bytes());
            rest.is_some_and(|rest| rest.starts_with(b"\""))
        });
        if is_singular {
            Self::JsonLines
        } else {
            Self::Json
        }
    }
}

/// Where an entry is in a seed.
#[derive(Clone, Copy, Debug)]
pub(in crate::seed) struct Position {
    pub(in crate::seed) format: SeedFormat,
    pub(in crate::seed) kind: EntryKind,
    /// JSON: the index in its array, from 0. JSON Lines: the line, from 1.
    pub(in crate::seed) number: u64,
}

impl Position {
    /// Returns the path of a field of the entry, as `packages[3].state` or `package.state`. `field` may be empty.
    pub(in crate::seed) fn path(&self, field: &str) -> String {
        let entry = match self.format {
            SeedFormat::Json => format!("{}[{}]", self.kind.plural(), self.number),
            SeedFormat::JsonLines => self.kind.singular().to_owned(),
        };
        if field.is_empty() {
            entry
        } else {
            format!("{entry}.{field}")
        }
    }

    /// Returns the path of the entry in the seed, or in its line.
    pub(in crate::seed) fn segments(&self) -> Vec<Segment> {
        match self.format {
            SeedFormat::Json => vec![
                Segment::Key(self.kind.plural().to_owned()),
                Segment::Index(usize::try_from(self.number).unwrap_or(usize::MAX)),
            ],
            SeedFormat::JsonLines => vec![Segment::Key(self.kind.singular().to_owned())],
        }
    }

    /// Returns the line, if the seed is in JSON Lines.
    pub(in crate::seed) fn line(&self) -> Option<u64> {
        (self.format == SeedFormat::JsonLines).then_some(self.number)
    }

    /// Returns the position for a sentence about another entry.
    pub(in crate::seed) fn in_words(&self) -> String {
        match self.format {
            SeedFormat::Json => format!("`{}`", self.path("")),
            SeedFormat::JsonLines => {
                format!("the `{}` of line {}", self.kind.singular(), self.number)
            }
        }
    }
}
