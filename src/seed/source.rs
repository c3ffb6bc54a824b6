//! Where a seed comes from, and its entries in either form, which its content tells.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use super::bundled::{self, Bundled};
use super::document::{Sink, read_json, read_line};
use super::fault::{SeedError, quoted};
use super::kind::Kind;

/// The longest line of JSON Lines.
const LONGEST_LINE: u64 = 1 << 20;
/// The largest seed in the JSON form, which is held in memory.
const LARGEST_JSON: u64 = 256 << 20;

/// A seed that can be applied.
#[derive(Debug)]
pub enum Source {
    /// One that is in the program.
    Bundled(Bundled),
    /// A file.
    File(PathBuf),
    /// Standard input: it can be read once.
    Stdin,
    /// What somebody holds already.
    Bytes {
        /// What refusals call it.
        label: String,
        /// The seed.
        bytes: Vec<u8>,
    },
}

impl Source {
    /// A bundled name, a file, or `-` for standard input. A bundled name means the bundled one, also where a file
    /// has that name: `./demo` is the file.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if let Some(bundled) = bundled::find(text) {
            return Ok(Self::Bundled(bundled));
        }
        let path = PathBuf::from(text);
        if path.symlink_metadata().is_ok() {
            return Ok(Self::File(path));
        }
        let names: Vec<_> = bundled::all()
            .map(|seed| format!("`{}`", seed.name))
            .collect();
        Err(SeedError::whole(
            text,
            format!(
                "there is no such file, and no such bundled seed; bundled are {}",
                names.join(", ")
            ),
        ))
    }

    /// Whether it can be read a single time.
    pub fn is_read_once(&self) -> bool {
        matches!(self, Self::Stdin)
    }

    /// What refusals call it.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Bundled(bundled) => bundled.name.to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
            Self::Bytes { label, .. } => label.clone(),
        }
    }

    /// ClockChange each entry to `sink`.
    pub(super) fn read(&self, label: &str, sink: &mut Sink<'_>) -> Result<(), SeedError> {
        match self {
            Self::Bundled(bundled) => read(label, bundled.contents, None, sink),
            Self::Bytes { bytes, .. } => read(label, bytes.as_slice(), Some(length(bytes)), sink),
            Self::Stdin => read(label, std::io::stdin().lock(), None, sink),
            Self::File(path) => {
                let failed = |error| unreadable(label, &error);
                let file = File::open(path).map_err(failed)?;
                let size = file.metadata().map_err(failed)?.len();
                read(label, file, Some(size), sink)
            }
        }
    }
}

fn unreadable(label: &str, error: &std::io::Error) -> SeedError {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    SeedError::whole(label, format!("cannot be read: {}", text.to_lowercase()))
}

/// `size` is how much there is at least, where that is known; a pipe has none.
fn read(
    label: &str,
    input: impl Read,
    size: Option<u64>,
    sink: &mut Sink<'_>,
) -> Result<(), SeedError> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let above = skip_blank_lines(label, &mut input)?;
    let mut line = Vec::new();
    read_capped(label, &mut input, &mut line)?;
    if line.is_empty() {
        return Err(SeedError::whole(label, "is empty; an empty seed is `{}`"));
    }
    if line.starts_with(b"\xEF\xBB\xBF") {
        return Err(SeedError::at_line(
            label,
            above + 1,
            Some(1),
            "begins with a byte order mark; save it as UTF-8 without one",
        ));
    }
    if begins_json_lines(&line) {
        read_lines(label, input, line, above, sink)
    } else {
        let mut document = line;
        if size.is_none_or(|size| size <= LARGEST_JSON) {
            (&mut input)
                .take((LARGEST_JSON + 1).saturating_sub(length(&document)))
                .read_to_end(&mut document)
                .map_err(|error| unreadable(label, &error))?;
        }
        if length(&document).max(size.unwrap_or(0)) > LARGEST_JSON {
            return Err(SeedError::whole(
                label,
                "is larger than 256 MiB; use JSON Lines, which may be of any length",
            ));
        }
        let text = utf8(label, &document, above)?;
        read_json(label, text, above, sink)
    }
}

fn read_lines(
    label: &str,
    mut input: impl BufRead,
    mut line: Vec<u8>,
    above: u64,
    sink: &mut Sink<'_>,
) -> Result<(), SeedError> {
    let mut number = above + 1;
    while !line.is_empty() {
        if length(&line) > LONGEST_LINE {
            return Err(SeedError::at_line(
                label,
                number,
                None,
                "is longer than 1 MiB, which no entry needs",
            ));
        }
        let text = utf8(label, &line, number - 1)?;
        if !text.bytes().all(|byte| byte.is_ascii_whitespace()) {
            read_line(label, text.trim_end(), number, sink)?;
        }
        line.clear();
        read_capped(label, &mut input, &mut line)?;
        number += 1;
    }
    Ok(())
}

/// Passes over lines without anything, however many; answers how many there were.
fn skip_blank_lines(label: &str, input: &mut impl BufRead) -> Result<u64, SeedError> {
    let mut lines = 0;
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
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

/// Reads to the end of the line, but at most one byte more than a line may have.
fn read_capped(label: &str, input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<(), SeedError> {
    input
        .take(LONGEST_LINE + 1)
        .read_until(b'\n', line)
        .map(|_| ())
        .map_err(|error| unreadable(label, &error))
}

/// Whether the first line begins an object whose first key is a kind in the singular.
fn begins_json_lines(line: &[u8]) -> bool {
    let key = line
        .strip_prefix(b"{")
        .map(<[u8]>::trim_ascii_start)
        .and_then(|rest| rest.strip_prefix(b"\""));
    key.is_some_and(|key| {
        Kind::SINGULARS.iter().any(|name| {
            key.strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.starts_with(b"\""))
        })
    })
}

/// The text, or where it stops being UTF-8.
fn utf8<'b>(label: &str, bytes: &'b [u8], above: u64) -> Result<&'b str, SeedError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let right = &bytes[..error.valid_up_to()];
        let line = above + 1 + right.iter().filter(|byte| **byte == b'\n').count() as u64;
        let column = right
            .iter()
            .rev()
            .take_while(|byte| **byte != b'\n')
            .count() as u64
            + 1;
        let byte = quoted(&format!("0x{:02x}", bytes[error.valid_up_to()]));
        SeedError::at_line(
            label,
            line,
            Some(column),
            format!("the byte {byte} is not UTF-8"),
        )
    })
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}
