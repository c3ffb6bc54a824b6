//! Where a seed comes from, and how its format is recognized: by its content.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::PathBuf;

use include_dir::{Dir, include_dir};

use super::answers::Answers;
use super::entry::SeedFormat;
use super::fault::{InvalidSeed, Place, SeedError, Stop};
use super::json_text::JsonText;
use super::messages;
use super::parse::{parse_json, parse_line};
use super::reading::Reading;
use crate::signals::{Input, is_pipe};
use crate::store::StoreError;

/// The largest line of JSON Lines, in bytes. An export may write 200 annotations of 5,000 characters, each escaped as `\u0001`.
pub(super) const LARGEST_LINE: u64 = 8 << 20;
/// The largest JSON seed, in bytes. It is held in memory.
const LARGEST_JSON: u64 = 256 << 20;
/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

static BUNDLED_FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/seed");

/// The bundled seeds with their descriptions. Their files are `seed/NAME.json`.
const BUNDLED: &[(&str, &str)] = &[
    (
        "example",
        "the API document's own data: its three packages, and a fourth that its user may not see",
    ),
    (
        "demo",
        "a foundation: organizations, spaces, apps, users, and packages of every state and type",
    ),
];

/// A seed that is part of the executable.
#[derive(Clone, Copy, Debug)]
pub struct BundledSeed {
    /// The name that `--seed` takes.
    pub name: &'static str,
    /// One line about its contents.
    pub about: &'static str,
    contents: &'static [u8],
}

/// Returns every bundled seed.
pub fn bundled() -> impl Iterator<Item = BundledSeed> {
    BUNDLED.iter().filter_map(|(name, about)| {
        let file = BUNDLED_FILES.get_file(format!("{name}.json"))?;
        Some(BundledSeed {
            name,
            about,
            contents: file.contents(),
        })
    })
}

/// A seed that can be applied.
#[derive(Debug)]
pub enum Source {
    /// A bundled seed.
    Bundled(BundledSeed),
    /// A file.
    File(PathBuf),
    /// Standard input. It can be read once.
    Stdin,
    /// A seed in memory.
    Bytes {
        /// The name of the seed in messages.
        label: String,
        /// The contents.
        bytes: Vec<u8>,
    },
}

impl Source {
    /// Returns the source that an argument names: a bundled seed, a file, or `-` for standard input. If a file has the
    /// name of a bundled seed, as `demo`, the name means the bundled seed and `./demo` the file.
    ///
    /// # Errors
    ///
    /// Fails if there is neither a bundled seed nor a file with this name.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if let Some(bundled) = bundled().find(|bundled| bundled.name == text) {
            return Ok(Self::Bundled(bundled));
        }
        let path = PathBuf::from(text);
        if path.symlink_metadata().is_ok() {
            return Ok(Self::File(path));
        }
        let names = bundled().map(|bundled| bundled.name);
        Err(InvalidSeed::whole(text, messages::no_such_seed(names)).into())
    }

    /// Whether the source can be read only once.
    pub fn is_read_once(&self) -> bool {
        matches!(self, Self::Stdin)
    }

    /// Returns the name of the seed in messages.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Bundled(bundled) => bundled.name.to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
            Self::Bytes { label, .. } => label.clone(),
        }
    }

    /// Reads the seed and applies each entry. Answers of the API are added to `answers` instead, which are applied before
    /// the next seed.
    ///
    /// # Errors
    ///
    /// Fails if the rest of the seed cannot be read, if enough faults were found, or if the database cannot be written.
    pub(super) fn read(
        &self,
        reading: &mut Reading<'_, '_, '_>,
        answers: &mut Answers,
    ) -> Result<(), Stop> {
        match self {
            Self::Bundled(bundled) => read(reading, answers, bundled.contents, None),
            Self::Bytes { bytes, .. } => {
                read(reading, answers, bytes.as_slice(), Some(length(bytes)))
            }
            Self::Stdin => {
                if io::stdin().is_terminal() {
                    eprintln!(
                        "cf-packages: reading a seed from standard input; end it with Ctrl-D on an empty line"
                    );
                }
                read_slow(reading, answers, || Ok(io::stdin()))
            }
            Self::File(path) if is_pipe(path) => {
                let path = path.clone();
                read_slow(reading, answers, || File::open(path))
            }
            Self::File(path) => {
                let opened = File::open(path).and_then(|file| {
                    let size = file.metadata()?.len();
                    Ok((file, size))
                });
                match opened {
                    Ok((file, size)) => read(reading, answers, file, Some(size)),
                    Err(error) => Err(unreadable(reading, &error)),
                }
            }
        }
    }
}

fn read_slow<R: Read>(
    reading: &mut Reading<'_, '_, '_>,
    answers: &mut Answers,
    open: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> Result<(), Stop> {
    match Input::start(open) {
        Ok(input) => read(reading, answers, input, None),
        Err(error) => Err(unreadable(reading, &error)),
    }
}

/// Returns why the seed cannot be read further: a signal, or the error, which is added as a fault.
fn unreadable(reading: &mut Reading<'_, '_, '_>, error: &io::Error) -> Stop {
    match StoreError::require_no_signal() {
        Ok(()) => whole_fault(reading, messages::unreadable(error)),
        Err(stopped) => stopped.into(),
    }
}

/// Adds a fault of the seed as a whole, which ends the reading.
fn whole_fault(reading: &mut Reading<'_, '_, '_>, text: impl AsRef<str>) -> Stop {
    let added = reading.add_fault(Place::default(), text);
    added.err().unwrap_or(Stop::Unreadable)
}

/// `size` is the number of bytes of `input`, if it is known. A file can grow while it is read.
fn read(
    reading: &mut Reading<'_, '_, '_>,
    answers: &mut Answers,
    input: impl Read,
    size: Option<u64>,
) -> Result<(), Stop> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut line = Vec::new();
    let before = skip_blanks(&mut input).map_err(|error| unreadable(reading, &error))?;
    read_line(&mut input, &mut line).map_err(|error| unreadable(reading, &error))?;
    if line.starts_with(BYTE_ORDER_MARK) {
        let place = Place {
            line: Some(before.lines + 1),
            column: Some(before.columns + 1),
            ..Place::default()
        };
        reading.add_fault(place, messages::BYTE_ORDER_MARK)?;
        line.drain(..BYTE_ORDER_MARK.len());
    }
    if line.is_empty() {
        return Err(whole_fault(reading, messages::EMPTY_SEED));
    }
    if SeedFormat::of(&line) == SeedFormat::JsonLines {
        answers.apply(reading.applier, reading.faults)?;
        read_json_lines(reading, input, line, before)?;
        return reading.end(None);
    }
    let mut json = line;
    if size.is_none_or(|size| size <= LARGEST_JSON) {
        (&mut input)
            .take((LARGEST_JSON + 1).saturating_sub(length(&json)))
            .read_to_end(&mut json)
            .map_err(|error| unreadable(reading, &error))?;
    }
    if length(&json).max(size.unwrap_or(0)) > LARGEST_JSON {
        return Err(whole_fault(reading, messages::LARGE_JSON));
    }
    let Some(document) = json_text(reading, &json, before)? else {
        return Err(Stop::Unreadable);
    };
    if Answers::are(document.text) {
        return answers.add(reading, document);
    }
    answers.apply(reading.applier, reading.faults)?;
    parse_json(reading, document)?;
    reading.end(Some(&document))
}

/// Reads a seed in JSON Lines, of which `line` is read already.
fn read_json_lines(
    reading: &mut Reading<'_, '_, '_>,
    mut input: impl BufRead,
    mut line: Vec<u8>,
    mut before: Before,
) -> Result<(), Stop> {
    while !line.is_empty() {
        if length(&line) > LARGEST_LINE {
            let place = Place {
                line: Some(before.lines + 1),
                ..Place::default()
            };
            let added = reading.add_fault(place, messages::LONG_LINE);
            return Err(added.err().unwrap_or(Stop::Unreadable));
        }
        match json_text(reading, &line, before)? {
            None => reading.applier.refuse_any(),
            Some(document) if document.text.bytes().all(|byte| byte.is_ascii_whitespace()) => {}
            Some(document) => {
                let text = document.text.trim_end();
                parse_line(reading, JsonText { text, ..document }, before.lines + 1)?;
            }
        }
        line.clear();
        read_line(&mut input, &mut line).map_err(|error| unreadable(reading, &error))?;
        before = Before {
            lines: before.lines + 1,
            columns: 0,
        };
    }
    Ok(())
}

/// How many lines a seed has before a text, and how many characters its first line has before it.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    lines: u64,
    columns: u64,
}

/// Skips blanks and blank lines, of which there may be any number.
fn skip_blanks(input: &mut impl BufRead) -> std::io::Result<Before> {
    let mut skipped = Before::default();
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let blanks = buffer
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        let mut count = 0;
        for byte in blanks {
            count += 1;
            skipped = match byte {
                b'\n' => Before {
                    lines: skipped.lines + 1,
                    columns: 0,
                },
                _ => Before {
                    columns: skipped.columns + 1,
                    ..skipped
                },
            };
        }
        let ended = count < buffer.len() || buffer.is_empty();
        input.consume(count);
        if ended {
            return Ok(skipped);
        }
    }
}

/// Reads to the end of the line, but at most one byte more than [`LARGEST_LINE`].
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<()> {
    input
        .take(LARGEST_LINE + 1)
        .read_until(b'\n', line)
        .map(drop)
}

/// Returns `bytes` as text, or `None` and a fault if they are not UTF-8.
fn json_text<'b>(
    reading: &mut Reading<'_, '_, '_>,
    bytes: &'b [u8],
    before: Before,
) -> Result<Option<JsonText<'b>>, Stop> {
    let document = |text| JsonText {
        text,
        lines_before: before.lines,
        columns_before: before.columns,
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(document(text))),
        Err(error) => {
            let (valid, invalid) = bytes.split_at(error.valid_up_to());
            let valid = std::str::from_utf8(valid).expect("it is valid up to here");
            let place = document(valid).place_at(valid.len(), String::new());
            let byte = invalid.first().copied().unwrap_or_default();
            reading.add_fault(place, messages::not_utf8(byte))?;
            Ok(None)
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_file_has_a_description() {
        assert_eq!(bundled().count(), BUNDLED.len());
        assert_eq!(BUNDLED_FILES.files().count(), BUNDLED.len());
    }
}
