//! Why a seed is refused, and every text that says so: one sentence with the seed, the line, the column and the path.

use std::path::Path;

use std::io;

use serde_json::error::{Category, Error as JsonError};

use super::entry::{EntryKind, Position, SeedFormat};
use crate::error_text::os_error;
use crate::store::StoreError;

/// Why a seed could not be applied. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The database could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The seed is wrong.
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

    /// Returns the path of the wrong entry or field, as `packages[3].state`. `None` if the error has no path.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Store(_) => None,
            Self::Invalid(invalid) => invalid.path.as_deref(),
        }
    }
}

/// What is wrong with a seed, and where.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct InvalidSeed {
    path: Option<String>,
    message: String,
}

impl InvalidSeed {
    /// An error of the seed as a whole.
    pub(super) fn whole(seed: &str, text: impl AsRef<str>) -> Self {
        Self::new(seed, None, None, None, text.as_ref())
    }

    /// An error at a line, and at a column of it in bytes. Both count from 1.
    pub(super) fn at_line(
        seed: &str,
        line: u64,
        column: Option<u64>,
        text: impl AsRef<str>,
    ) -> Self {
        Self::new(seed, Some(line), column, None, text.as_ref())
    }

    /// An error of the value at a path.
    pub(super) fn at_path(
        seed: &str,
        line: Option<u64>,
        path: Option<String>,
        text: impl AsRef<str>,
    ) -> Self {
        Self::new(seed, line, None, path, text.as_ref())
    }

    fn new(
        seed: &str,
        line: Option<u64>,
        column: Option<u64>,
        path: Option<String>,
        text: &str,
    ) -> Self {
        let mut message = format!("`{}`", printable(seed));
        if let Some(line) = line {
            message.push_str(&format!(" line {line}"));
        }
        if let Some(column) = column {
            message.push_str(&format!(" column {column}"));
        }
        if let Some(path) = &path {
            message.push_str(&format!(": `{}`", shortened(path)));
        }
        message.push_str(": ");
        message.push_str(&shortened(text));
        Self { path, message }
    }
}

/// What is wrong with one entry. The position of the entry is not part of it.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {text}")]
pub(super) struct EntryError {
    /// The path within the entry, as `roles[1].space`. Empty if the error is about the whole entry.
    field: String,
    text: String,
}

impl EntryError {
    pub(super) fn new(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            text: text.into(),
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
}

impl ApplyError {
    /// Adds the seed and the position of the entry.
    pub(super) fn at(self, seed: &str, position: Position) -> SeedError {
        match self {
            Self::Store(error) => SeedError::Store(error),
            Self::Entry(EntryError { field, text }) => {
                let path = position.path(&field);
                InvalidSeed::at_path(seed, position.line(), Some(path), text).into()
            }
        }
    }

    /// Does what [`EntryError::within`] does.
    pub(super) fn within(self, outer: &str) -> Self {
        match self {
            Self::Entry(error) => Self::Entry(error.within(outer)),
            Self::Store(error) => Self::Store(error),
        }
    }
}

// Sources

pub(super) fn no_such_seed<'a>(bundled: impl Iterator<Item = &'a str>) -> String {
    format!(
        "no file and no bundled seed has this name; the bundled seeds are {}",
        in_backticks(bundled)
    )
}

pub(super) fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {}", os_error(error))
}

pub(super) const EMPTY_SEED: &str = "is empty; an empty seed is `{}`";
pub(super) const BYTE_ORDER_MARK: &str =
    "begins with a byte order mark; save it as UTF-8 without one";
pub(super) const LARGE_JSON: &str =
    "is larger than 256 MiB; use JSON Lines, which may be of any length";
pub(super) const LONG_LINE: &str = "is longer than 1 MiB, the limit for one entry";

pub(super) fn not_utf8(byte: u8) -> String {
    format!("the byte `0x{byte:02x}` is not UTF-8")
}

// Fields

/// Does not quote the text, which may be a password.
pub(super) const NUL: &str = "the text contains a NUL (`\\u0000`), which is not allowed";

pub(super) fn not_one_of(what: &str, text: &str, words: &[&str]) -> String {
    format!(
        "{} is not a {what}; it is one of {}",
        quoted(text),
        in_backticks(words.iter().copied())
    )
}

pub(super) fn not_a_guid(text: &str) -> String {
    format!(
        "{} is not a guid: 1 to 200 characters of `A-Z a-z 0-9 . _ -`",
        quoted(text)
    )
}

pub(super) fn not_a_name(text: &str) -> String {
    format!(
        "{} is not a name: 1 to 250 characters without control characters",
        quoted(text)
    )
}

pub(super) fn not_a_checksum(text: &str, digits: usize) -> String {
    format!(
        "{} is not a checksum of {digits} lower-case hex digits",
        quoted(text)
    )
}

pub(super) fn not_a_time(text: &str) -> String {
    format!(
        "{} is not a time of the form `YYYY-MM-DDTHH:MM:SSZ`, 1970 to 9999",
        quoted(text)
    )
}

/// `what` is `label` or `annotation`.
pub(super) fn invalid_key(what: &str, key: &str, error: &str) -> String {
    format!("{what} key {}: {error}", quoted(key))
}

/// `what` is `label` or `annotation`.
pub(super) fn invalid_value(what: &str, key: &str, value: &str, error: &str) -> String {
    format!("{what} {}: value {}: {error}", quoted(key), quoted(value))
}

pub(super) fn key_twice(key: &str) -> String {
    format!("the key {} appears twice", quoted(key))
}

// Entries

pub(super) fn missing_field(field: &str) -> String {
    format!("the field `{field}` is missing")
}

/// `what` is `type`, `state` or `role`.
pub(super) fn does_not_go_with(field: &str, what: &str, value: &str) -> String {
    format!("`{field}` does not go with the {what} `{value}`")
}

pub(super) const NO_FOLDER_OF_BITS: &str = "`bits` names a file relative to the file of the seed, and this seed is not a file; name the seed as a file";

pub(super) fn unreadable_bits(name: &str, error: &io::Error) -> String {
    format!("`{}` cannot be read: {}", printable(name), os_error(error))
}

pub(super) fn not_an_archive(name: &str) -> String {
    format!(
        "`{}` is not a zip archive with entries, of which a package consists",
        printable(name)
    )
}

/// `field` is `sha1` or `sha256`.
pub(super) fn other_checksum(name: &str, field: &str, checksum: &str) -> String {
    format!(
        "`{}` has the {field} `{checksum}`; correct it, or leave out `{field}`",
        printable(name)
    )
}

pub(super) fn unknown_kind<'a>(name: &str, kinds: impl Iterator<Item = &'a str>) -> String {
    unknown_field(name, &in_backticks(kinds))
}

fn unknown_field(field: &str, fields: &str) -> String {
    format!("unknown field {}; the fields are {fields}", quoted(field))
}

pub(super) const EMPTY_LINE_OBJECT: &str =
    "the object is empty; a line holds one entry, as `{\"package\": {…}}`";

pub(super) fn second_entry(kind: EntryKind) -> String {
    format!(
        "the line holds a second entry, `{}`; each entry needs its own line",
        kind.singular()
    )
}

// References and uniqueness

pub(super) fn guid_twice(guid: &str, first: Position) -> String {
    format!(
        "the guid {} is used twice: here and in {}",
        quoted(guid),
        first.in_words()
    )
}

pub(super) fn guid_taken(guid: &str, kind: EntryKind) -> String {
    format!(
        "the guid {} belongs to {} in the database; each guid is unique",
        quoted(guid),
        kind.with_article()
    )
}

pub(super) fn name_twice(name: &str, first: Position) -> String {
    format!(
        "the {} name {} is used twice: here and in {}",
        first.kind.singular(),
        quoted(name),
        first.in_words()
    )
}

pub(super) fn name_taken(name: &str, kind: EntryKind, guid: &str) -> String {
    format!(
        "the name {} is taken by the {} {} in the database",
        quoted(name),
        kind.singular(),
        quoted(guid)
    )
}

pub(super) fn ambiguous_name(name: &str, count: u64, kind: EntryKind) -> String {
    format!(
        "{} is the name of {count} {}; refer to one by its guid",
        quoted(name),
        kind.plural()
    )
}

pub(super) fn unknown_reference(text: &str, kind: EntryKind, format: SeedFormat) -> String {
    let hint = match format {
        SeedFormat::Json => "",
        SeedFormat::JsonLines => "; in JSON Lines it must be on an earlier line",
    };
    format!(
        "no {} has the guid or the name {}{hint}",
        kind.singular(),
        quoted(text)
    )
}

// JSON

/// Returns the error for what serde found wrong in `text`. The seed has `lines_before` lines before `text`.
pub(super) fn invalid_json(
    seed: &str,
    error: &JsonError,
    path: Option<String>,
    text: &str,
    format: SeedFormat,
    lines_before: u64,
) -> InvalidSeed {
    let line = lines_before + u64::try_from(error.line()).unwrap_or(0).max(1);
    let full = error.to_string();
    let location = format!(" at line {} column {}", error.line(), error.column());
    let said = full.strip_suffix(&location).unwrap_or(&full);
    match error.classify() {
        Category::Data => {
            let line = (format == SeedFormat::JsonLines).then_some(line);
            InvalidSeed::at_path(seed, line, path, data_error(said))
        }
        Category::Syntax | Category::Eof | Category::Io => {
            let found = character_at(text, error.line(), error.column());
            let column = u64::try_from(error.column()).ok();
            InvalidSeed::at_line(seed, line, column, syntax_error(said, found, format))
        }
    }
}

/// Returns the character at a line and a column of bytes. Both count from 1.
fn character_at(text: &str, line: usize, column: usize) -> Option<char> {
    let line = text.split('\n').nth(line.checked_sub(1)?)?;
    line.get(column.checked_sub(1)?..)?.chars().next()
}

/// Rewords serde's sentences about text that is not JSON.
fn syntax_error(said: &str, found: Option<char>, format: SeedFormat) -> String {
    let found = match found {
        Some(character) => format!("found {}", quoted(&character.to_string())),
        None => "found the end of the line".to_owned(),
    };
    if said == "trailing characters" {
        return match format {
            SeedFormat::Json => format!(
                "{found} after the seed's one object; a seed is one JSON object, or JSON Lines"
            ),
            SeedFormat::JsonLines => {
                format!("{found} after the line's one object; each entry needs its own line")
            }
        };
    }
    if let Some(inside) = said.strip_prefix("EOF while parsing ") {
        return match format {
            SeedFormat::Json => format!("the seed ends inside {inside}"),
            SeedFormat::JsonLines => {
                format!("the line ends inside {inside}; each entry is one line")
            }
        };
    }
    match said {
        "expected value" => format!("expected a JSON value, {found}"),
        "expected ident" => format!("expected `true`, `false` or `null`, {found}"),
        "number out of range" => "the number is too large".to_owned(),
        "recursion limit exceeded" => "arrays and objects are nested too deep".to_owned(),
        _ if said.starts_with("expected ") => format!("{said}, {found}"),
        _ => said.to_owned(),
    }
}

/// Rewords serde's sentences about JSON that is not a seed.
fn data_error(said: &str) -> String {
    if let Some((found, expected)) = said
        .strip_prefix("invalid type: ")
        .or_else(|| said.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        return format!("expected {expected}, found {}", json_value(found));
    }
    if let Some((field, fields)) = said
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.rsplit_once("`, expected "))
    {
        let fields = fields.strip_prefix("one of ").unwrap_or(fields);
        return unknown_field(field, fields);
    }
    if let Some(field) = said.strip_prefix("duplicate field ") {
        return format!("the field {field} appears twice");
    }
    said.to_owned()
}

/// Rewords what serde calls a JSON value.
fn json_value(found: &str) -> String {
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "an array".to_owned(),
        _ => {
            for (word, plain) in [
                ("string ", "the text "),
                ("integer ", "the number "),
                ("floating point ", "the number "),
                ("boolean ", ""),
            ] {
                if let Some(value) = found.strip_prefix(word) {
                    let value = value.trim_matches(['`', '"']);
                    return format!("{plain}{}", quoted(value));
                }
            }
            // `null`
            quoted(found)
        }
    }
}

/// Returns a value for a sentence: in backticks, on one line, and at most 80 characters of it.
fn quoted(value: &str) -> String {
    const SHOWN: usize = 80;
    let mut text = String::from("`");
    text.push_str(&printable(&value.chars().take(SHOWN).collect::<String>()));
    if value.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    text.push('`');
    text
}

fn in_backticks<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// Escapes control characters, so that a message stays on one line.
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

/// Cuts the middle out of a text of more than 800 characters, since a seed can contain names of any length.
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
