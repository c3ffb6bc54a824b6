//! Where a recording is written: to standard output, or to a file that appears when it is complete.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::client::Client;
use super::side_file::{Resumed, SideFile};
use super::{AnonymizeKey, RecordError, Recording};
use crate::auth::Secret;
use crate::error_text::os_error;
use crate::seed::{Anonymizer, RecordedList};

/// Where lines go.
pub(super) enum Output {
    /// And whether it has a line.
    Stdout(io::Stdout, bool),
    File(Box<SideFile>),
}

impl Output {
    /// Opens the output, and returns what it holds of an earlier run.
    pub(super) fn open(
        client: &Client,
        recording: &Recording,
    ) -> Result<(Self, Resumed), RecordError> {
        let Some(file) = &recording.output else {
            let (anonymizer, _) = anonymizer(recording.anonymize.as_ref(), None)?;
            return Ok((
                Self::Stdout(io::stdout(), false),
                Resumed::nothing(anonymizer),
            ));
        };
        let (side_file, resumed) = SideFile::open(file, client.url(), recording)?;
        if resumed.position.is_begun() {
            let path = side_file.path().display();
            client
                .progress()
                .note(&format!("going on where `{path}` ends"));
        }
        Ok((Self::File(Box::new(side_file)), resumed))
    }

    /// Returns the error with what to do next. A side file without a page is removed.
    pub(super) fn give_up(self, error: RecordError) -> RecordError {
        match self {
            Self::Stdout(..) => error,
            Self::File(side_file) => match side_file.give_up() {
                Some(path) => error.with_advice(&kept_in(&path)),
                None => error,
            },
        }
    }

    /// Writes the lines of a page. `next` is the page that follows.
    pub(super) fn append(
        &mut self,
        lines: &[u8],
        list: RecordedList,
        next: Option<&str>,
        left_out: u64,
    ) -> Result<(), RecordError> {
        match self {
            Self::Stdout(out, has_lines) => {
                *has_lines |= !lines.is_empty();
                write_out(out, lines)
            }
            Self::File(file) => file.append(lines, list, next, left_out),
        }
    }

    /// Ends the recording, and returns the file.
    pub(super) fn finish(self, recording: &Recording) -> Result<Option<PathBuf>, RecordError> {
        match (self, &recording.output) {
            (Self::File(side_file), Some(file)) => {
                let path = side_file.path().to_owned();
                let finished = side_file.finish(file);
                finished.map_err(|error| error.with_advice(&kept_in(&path)))?;
                Ok(Some(file.clone()))
            }
            // An empty seed is not an empty text.
            (Self::Stdout(mut out, false), _) => write_out(&mut out, b"{}\n").map(|()| None),
            _ => Ok(None),
        }
    }
}

fn write_out(out: &mut io::Stdout, lines: &[u8]) -> Result<(), RecordError> {
    match out.write_all(lines).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(RecordError::ReaderClosed),
        Err(error) => Err(RecordError::Failed(format!(
            "the recording cannot be written to standard output: {}",
            os_error(&error)
        ))),
        Ok(()) => Ok(()),
    }
}

/// Returns what to do after a failure. `path` is the side file.
fn kept_in(path: &Path) -> String {
    format!(
        "`{}` keeps what was read, and the same command goes on there",
        path.display()
    )
}

/// Returns what makes replacements, and its key if that is a random one. `stored_key` is the random key of the recording
/// that is continued.
pub(super) fn anonymizer(
    key: Option<&AnonymizeKey>,
    stored_key: Option<&str>,
) -> Result<(Option<Anonymizer>, Option<String>), RecordError> {
    match key {
        None => Ok((None, None)),
        Some(AnonymizeKey::Given(key)) => Ok((Some(Anonymizer::new(key.expose())), None)),
        Some(AnonymizeKey::Random) => {
            let random = Secret::random();
            let key = match stored_key {
                Some(stored) => stored.to_owned(),
                None => String::from_utf8_lossy(random.expose()).into_owned(),
            };
            Ok((Some(Anonymizer::new(key.as_bytes())), Some(key)))
        }
    }
}
