//! Where a seed comes from, and how its format is recognized: by its content.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::PathBuf;

use include_dir::{Dir, include_dir};

use super::entry::EntryKind;
use super::messages::{self, InvalidSeed, SeedError};
use super::parse::{HandleEntry, parse_json, parse_line};

/// The largest line of JSON Lines, in bytes.
const LARGEST_LINE: u64 = 1 << 20;
/// The largest JSON seed, in bytes. It is held in memory.
const LARGEST_JSON: u64 = 256 << 20;

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

    /// Reads the seed and passes each entry to `handle`.
    ///
    /// # Errors
    ///
    /// Fails with the first error of `handle`, or if the seed cannot be read or parsed.
    pub(super) fn read(&self, label: &str, handle: &mut HandleEntry<'_>) -> Result<(), SeedError> {
        match self {
            Self::Bundled(bundled) => read(label, bundled.contents, None, handle),
            Self::Bytes { bytes, .. } => read(label, bytes.as_slice(), Some(length(bytes)), handle),
            Self::Stdin => {
                let stdin = io::stdin().lock();
                if stdin.is_terminal() {
                    eprintln!(
                        "cf-packages: reading a seed from standard input; end it with Ctrl-D on an empty line"
                    );
                }
                let input = UntilEnd {
                    input: stdin,
                    ended: false,
                };
                read(label, input, None, handle)
            }
            Self::File(path) => {
                let failed = |error| unreadable(label, &error);
                let file = File::open(path).map_err(failed)?;
                let size = file.metadata().map_err(failed)?.len();
                read(label, file, Some(size), handle)
            }
        }
    }
}

/// Reads until the first end. A terminal would continue after it, and each further read would need its own Ctrl-D.
struct UntilEnd<R> {
    input: R,
    ended: bool,
}

impl<R: Read> Read for UntilEnd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let length = self.input.read(buffer)?;
        self.ended = length == 0;
        Ok(length)
    }
}

fn unreadable(label: &str, error: &io::Error) -> SeedError {
    InvalidSeed::whole(label, messages::unreadable(error)).into()
}

/// `size` is the number of bytes of `input`, if it is known. A file can grow while it is read.
fn read(
    label: &str,
    input: impl Read,
    size: Option<u64>,
    handle: &mut HandleEntry<'_>,
) -> Result<(), SeedError> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let lines_before = skip_blank_lines(label, &mut input)?;
    let mut line = Vec::new();
    read_line(label, &mut input, &mut line)?;
    if line.is_empty() {
        return Err(InvalidSeed::whole(label, messages::EMPTY_SEED).into());
    }
    if line.starts_with(b"\xEF\xBB\xBF") {
        let line = lines_before + 1;
        return Err(InvalidSeed::at_line(label, line, Some(1), messages::BYTE_ORDER_MARK).into());
    }
    if begins_json_lines(&line) {
        return read_json_lines(label, input, line, lines_before, handle);
    }
    let mut json = line;
    if size.is_none_or(|size| size <= LARGEST_JSON) {
        (&mut input)
            .take((LARGEST_JSON + 1).saturating_sub(length(&json)))
            .read_to_end(&mut json)
            .map_err(|error| unreadable(label, &error))?;
    }
    if length(&json).max(size.unwrap_or(0)) > LARGEST_JSON {
        return Err(InvalidSeed::whole(label, messages::LARGE_JSON).into());
    }
    let text = utf8(label, &json, lines_before)?;
    parse_json(label, text, lines_before, handle)
}

/// Reads a seed in JSON Lines, of which `line` is read already.
fn read_json_lines(
    label: &str,
    mut input: impl BufRead,
    mut line: Vec<u8>,
    lines_before: u64,
    handle: &mut HandleEntry<'_>,
) -> Result<(), SeedError> {
    let mut number = lines_before + 1;
    while !line.is_empty() {
        if length(&line) > LARGEST_LINE {
            return Err(InvalidSeed::at_line(label, number, None, messages::LONG_LINE).into());
        }
        let text = utf8(label, &line, number - 1)?;
        if !text.bytes().all(|byte| byte.is_ascii_whitespace()) {
            parse_line(label, text.trim_end(), number, handle)?;
        }
        line.clear();
        read_line(label, &mut input, &mut line)?;
        number += 1;
    }
    Ok(())
}

/// Skips blank lines, of which there may be any number, and returns how many there were.
fn skip_blank_lines(label: &str, input: &mut impl BufRead) -> Result<u64, SeedError> {
    let mut lines = 0;
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(label, &error)),
        };
        let blank = buffer
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
            .count();
        lines += buffer[..blank]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u64;
        let ended = blank < buffer.len() || buffer.is_empty();
        input.consume(blank);
        if ended {
            return Ok(lines);
        }
    }
}

/// Reads to the end of the line, but at most one byte more than [`LARGEST_LINE`].
fn read_line(label: &str, input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<(), SeedError> {
    input
        .take(LARGEST_LINE + 1)
        .read_until(b'\n', line)
        .map(|_| ())
        .map_err(|error| unreadable(label, &error))
}

/// Whether the first line begins with an object whose first key is a kind in the singular.
fn begins_json_lines(line: &[u8]) -> bool {
    let key = line
        .strip_prefix(b"{")
        .map(<[u8]>::trim_ascii_start)
        .and_then(|rest| rest.strip_prefix(b"\""));
    key.is_some_and(|key| {
        EntryKind::ALL.iter().any(|kind| {
            key.strip_prefix(kind.singular().as_bytes())
                .is_some_and(|rest| rest.starts_with(b"\""))
        })
    })
}

/// Returns `bytes` as text. The seed has `lines_before` lines before them.
fn utf8<'b>(label: &str, bytes: &'b [u8], lines_before: u64) -> Result<&'b str, SeedError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (valid, invalid) = bytes.split_at(error.valid_up_to());
        let is_newline = |byte: &&u8| **byte == b'\n';
        let line = lines_before + 1 + valid.iter().filter(is_newline).count() as u64;
        let column = valid
            .iter()
            .rev()
            .take_while(|byte| !is_newline(byte))
            .count() as u64
            + 1;
        let text = messages::not_utf8(invalid.first().copied().unwrap_or_default());
        InvalidSeed::at_line(label, line, Some(column), text).into()
    })
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
