//! Why a seed is refused: its faults, each with its place in the seed. `messages` has their texts.

use std::fmt;
use std::path::Path;

use super::entry::Position;
use super::json_text::{JsonText, Segment};
use super::messages;
use crate::store::StoreError;

/// How many faults of the seeds of one command are reported.
const MOST_FAULTS: usize = 20;

/// Why seeds could not be applied. Nothing of them is stored.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The database could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The seeds are wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidSeed),
}

impl SeedError {
    /// Returns this error with the path of the database, if it is about the database.
    pub fn at(self, database: &Path) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.at(database)),
            invalid @ Self::Invalid(_) => invalid,
        }
    }
}

/// What is wrong with seeds. As text it has one line for each fault, and a last line with their number if there are
/// several.
#[derive(Debug, thiserror::Error)]
pub struct InvalidSeed {
    faults: Vec<Fault>,
}

impl InvalidSeed {
    /// An error of the seed as a whole.
    pub(super) fn whole(seed: &str, text: impl AsRef<str>) -> Self {
        Self {
            faults: vec![Fault::new(seed, Place::default(), text)],
        }
    }

    /// Returns the faults, at least one and at most 20.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for InvalidSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.faults.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        match self.faults.len() {
            0 | 1 => Ok(()),
            MOST_FAULTS => write!(f, "\n{}", messages::first_faults(MOST_FAULTS)),
            count => write!(f, "\n{}", messages::several_faults(count)),
        }
    }
}

/// One thing that is wrong with a seed.
#[derive(Clone, Debug)]
pub struct Fault {
    seed: String,
    place: Place,
    text: String,
}

impl Fault {
    fn new(seed: &str, place: Place, text: impl AsRef<str>) -> Self {
        Self {
            seed: seed.to_owned(),
            place,
            text: messages::shortened(text.as_ref()),
        }
    }

    /// Returns the path of the wrong entry or field, as `packages[3].state`. It is empty if the fault has no path.
    pub fn path(&self) -> &str {
        &self.place.path
    }
}

/// The seed, the line and the column, the path, and what is wrong.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, path } = &self.place;
        write!(f, "`{}`", messages::printable(&self.seed))?;
        if let Some(line) = line {
            write!(f, " line {line}")?;
        }
        if let Some(column) = column {
            write!(f, " column {column}")?;
        }
        if !path.is_empty() {
            write!(f, ": `{}`", messages::shortened(path))?;
        }
        write!(f, ": {}", self.text)
    }
}

/// Where something is in a seed. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) line: Option<u64>,
    pub(super) column: Option<u64>,
    /// The path of the value. It may be empty.
    pub(super) path: String,
}

/// Why the rest of the seeds is not read.
#[derive(Debug)]
pub(super) enum Stop {
    /// The database could not be read or written.
    Store(StoreError),
    /// [`MOST_FAULTS`] were found.
    Enough,
    /// The rest of the seed cannot be read. Its last fault says why.
    Unreadable,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The faults found so far in the seeds of one command.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: Vec<Fault>,
    /// How many of them are of seeds that were read before.
    sorted: usize,
}

impl Faults {
    /// Adds a fault. Fails if it is the last that is reported.
    pub(super) fn add(
        &mut self,
        seed: &str,
        place: Place,
        text: impl AsRef<str>,
    ) -> Result<(), Stop> {
        self.found.push(Fault::new(seed, place, text));
        if self.found.len() < MOST_FAULTS {
            Ok(())
        } else {
            Err(Stop::Enough)
        }
    }

    /// Adds the fault of an entry. `entry` is the text of the entry, if it is known.
    pub(super) fn add_entry_fault(
        &mut self,
        seed: &str,
        document: Option<&JsonText<'_>>,
        position: Position,
        error: EntryError,
    ) -> Result<(), Stop> {
        let path = position.path(&error.field);
        let place = match document {
            Some(document) => {
                let mut segments = position.segments();
                segments.extend(Segment::parse_all(&error.field));
                document.place_of(document.find(&segments), path)
            }
            None => Place {
                line: position.line(),
                column: None,
                path,
            },
        };
        self.add(seed, place, error.text)
    }

    /// Sorts the faults of a seed by their places, once it is read.
    pub(super) fn end_seed(&mut self) {
        self.found[self.sorted..].sort_by_key(|fault| (fault.place.line, fault.place.column));
        self.sorted = self.found.len();
    }

    /// Leaves the faults of answers in the order in which they were found, once the answers are read.
    pub(super) fn end_answers(&mut self) {
        self.sorted = self.found.len();
    }

    /// Fails if the database failed, or if there is a fault. `read` is how the reading of the seeds ended.
    pub(super) fn into_result_of(self, read: Result<(), Stop>) -> Result<(), SeedError> {
        match read {
            Err(Stop::Store(error)) => Err(error.into()),
            _ if self.found.is_empty() => Ok(()),
            _ => Err(InvalidSeed { faults: self.found }.into()),
        }
    }
}

/// What is wrong with one entry. The position of the entry is not part of it.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {text}")]
pub(super) struct EntryError {
    /// The path within the entry, as `roles[1].space`. Empty if the error is about the whole entry.
    field: String,
    text: String,
    /// The fields that are missing and of which one is required, if that is the error.
    missing: Vec<&'static str>,
}

impl EntryError {
    pub(super) fn new(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            text: text.into(),
            missing: Vec::new(),
        }
    }

    /// A required field is missing.
    pub(super) fn missing(field: &'static str) -> Self {
        Self {
            missing: vec![field],
            ..Self::new("", messages::missing_field(field))
        }
    }

    /// Neither of two fields is there, of which one is required.
    pub(super) fn missing_both(field: &'static str, other: &'static str) -> Self {
        Self {
            missing: vec![field, other],
            ..Self::new("", messages::missing_fields(field, other))
        }
    }

    /// Returns the error of an object for the object or array that contains it under `outer`.
    pub(super) fn within(mut self, outer: &str) -> Self {
        self.field = if self.field.is_empty() {
            outer.to_owned()
        } else {
            format!("{outer}.{}", self.field)
        };
        self
    }

    /// Returns the path within the entry. It is empty if the error is about the whole entry.
    pub(super) fn field(&self) -> &str {
        &self.field
    }

    /// Returns what is wrong.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the error is that one of these fields is missing.
    pub(super) fn is_missing_one_of(&self, fields: &[String]) -> bool {
        fields.iter().any(|field| self.missing.contains(&&**field))
    }
}

/// Why one entry could not be applied.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    /// The database could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry is wrong.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The entry refers to one that was refused. That is no fault of its own.
    #[error("refers to an entry that was refused")]
    Dependent,
}

impl ApplyError {
    /// Does what [`EntryError::within`] does.
    pub(super) fn within(self, outer: &str) -> Self {
        match self {
            Self::Entry(error) => Self::Entry(error.within(outer)),
            other => other,
        }
    }
}
