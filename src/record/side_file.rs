//! `FILE.partial`: what a recording has read so far, so that the next run continues there.
//!
//! The first line says which recording it is. Then come the lines of the seed, and after those of each page a line that says
//! which page follows. What stands after the last such line is of a page that was not read to its end, and is dropped.

mod lines;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::origin::ApiUrl;
use super::output::anonymizer;
use super::position::{LeftOut, Position};
use super::{RecordError, Recording};
use crate::error_text::os_error;
use crate::seed::{Anonymizer, RecordedList, Recorder};
use lines::{HEADER, Header, HeaderLine, PAGE, PageEnd, PageLine, VERSION, json, list_named};

/// The side file of an output.
#[derive(Debug)]
pub(super) struct SideFile {
    path: PathBuf,
    file: File,
    has_pages: bool,
}

/// What an earlier run has read.
#[derive(Debug)]
pub(super) struct Resumed {
    pub(super) recorder: Recorder,
    pub(super) position: Position,
    pub(super) left_out: LeftOut,
}

impl Resumed {
    pub(super) fn nothing(anonymizer: Option<Anonymizer>) -> Self {
        Self {
            recorder: Recorder::new(anonymizer),
            position: Position(None),
            left_out: LeftOut::default(),
        }
    }
}

impl SideFile {
    /// Opens the side file of `output`, or creates it with mode 0600.
    ///
    /// # Errors
    ///
    /// Fails if the output exists, if the side file is of another recording or in use, or if it cannot be written.
    pub(super) fn open(
        output: &Path,
        url: &ApiUrl,
        recording: &Recording,
    ) -> Result<(Self, Resumed), RecordError> {
        let path = side_path(output)?;
        if output.symlink_metadata().is_ok() {
            return Err(RecordError::Usage(exists(output)));
        }
        let failed = |error: &io::Error| cannot_write(&path, error);
        let unusable = |what: &str| {
            RecordError::Usage(format!(
                "`{}` {what}; remove it, or name another output",
                path.display()
            ))
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        let file = match options.clone().create_new(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let metadata = path.symlink_metadata().map_err(|error| failed(&error))?;
                if !metadata.is_file() {
                    return Err(unusable("is not a file"));
                }
                // The recording would be written where others read it.
                if metadata.mode() & 0o077 != 0 {
                    return Err(unusable("can be read by others"));
                }
                options.open(&path)
            }
            opened => opened,
        };
        let file = file.map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(RecordError::Failed(format!(
                    "`{}` is in use: another `record` writes it; wait for it, or name another file",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        let length = file.metadata().map_err(|error| failed(&error))?.len();
        let mut side_file = Self {
            path,
            file,
            has_pages: false,
        };
        let resumed = if length == 0 {
            side_file.begin(url, recording)?
        } else {
            side_file.resume(url, recording)?
        };
        Ok((side_file, resumed))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn begin(&mut self, url: &ApiUrl, recording: &Recording) -> Result<Resumed, RecordError> {
        let (anonymizer, key) = anonymizer(recording.anonymize.as_ref(), None)?;
        let recording = Header::of(url, recording, anonymizer.as_ref(), key);
        let mut line = json(&HeaderLine { recording });
        line.push(b'\n');
        self.write(&line)?;
        Ok(Resumed::nothing(anonymizer))
    }

    fn resume(&mut self, url: &ApiUrl, recording: &Recording) -> Result<Resumed, RecordError> {
        let other = |what: &str| {
            RecordError::Usage(format!(
                "`{}` is {what}; remove it, or name another output",
                self.path.display()
            ))
        };
        let failed = |error: &io::Error| cannot_write(&self.path, error);
        let mut reader = BufReader::with_capacity(1 << 16, &self.file);
        let mut line = String::new();
        let read = reader.by_ref().take(1 << 20).read_line(&mut line);
        read.map_err(|_| other("no recording of this program"))?;
        let stored = serde_json::from_str::<HeaderLine>(&line);
        let stored = match stored {
            Ok(HeaderLine { recording }) if recording.version == VERSION => recording,
            _ => return Err(other("no recording of this program")),
        };
        let (anonymizer, key) = anonymizer(recording.anonymize.as_ref(), stored.key.as_deref())?;
        let expected = Header::of(url, recording, anonymizer.as_ref(), key);
        if stored != expected {
            return Err(other(&format!(
                "an unfinished recording of `{}` with other flags",
                stored.url
            )));
        }
        let start = line.len() as u64;
        let mut end = start;
        let mut position = Position(None);
        let mut left_out = LeftOut::default();
        let mut at = start;
        each_line(&mut reader, |line| {
            at += line.len() as u64;
            if line.starts_with(PAGE.as_bytes())
                && line.ends_with(b"\n")
                && let Ok(PageLine { page }) = serde_json::from_slice(line)
                && let Some(list) = list_named(&page.list)
            {
                end = at;
                left_out.add(list, page.left_out);
                position = Position(Some((list, page.next)));
            }
            Ok(())
        })
        .map_err(|error| failed(&error))?;
        let mut recorder = Recorder::new(anonymizer);
        let mut kept = &self.file;
        kept.seek(SeekFrom::Start(start))
            .map_err(|error| failed(&error))?;
        let mut is_valid = true;
        let mut reader = BufReader::with_capacity(1 << 16, kept.take(end - start));
        each_line(&mut reader, |line| {
            if !line.starts_with(PAGE.as_bytes()) {
                is_valid &= std::str::from_utf8(line).is_ok_and(|line| recorder.remember(line));
            }
            Ok(())
        })
        .map_err(|error| failed(&error))?;
        if !is_valid {
            return Err(other("damaged"));
        }
        self.file.set_len(end).map_err(|error| failed(&error))?;
        let mut file = &self.file;
        file.seek(SeekFrom::End(0))
            .map_err(|error| failed(&error))?;
        self.has_pages = position.is_begun();
        Ok(Resumed {
            recorder,
            position,
            left_out,
        })
    }

    /// Writes the lines of a page. `next` is the page that follows in the list.
    pub(super) fn append(
        &mut self,
        lines: &[u8],
        list: RecordedList,
        next: Option<&str>,
        left_out: u64,
    ) -> Result<(), RecordError> {
        let page = PageEnd {
            list: list.name().to_owned(),
            next: next.map(str::to_owned),
            left_out,
        };
        let mut bytes = lines.to_vec();
        bytes.extend(json(&PageLine { page }));
        bytes.push(b'\n');
        self.write(&bytes)?;
        self.has_pages = true;
        Ok(())
    }

    /// Returns the path, if there is something to go on with. Otherwise the file is removed.
    pub(super) fn give_up(self) -> Option<PathBuf> {
        if self.has_pages {
            return Some(self.path);
        }
        let _ = std::fs::remove_file(&self.path);
        None
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        self.file
            .write_all(bytes)
            .map_err(|error| cannot_write(&self.path, &error))
    }

    /// Writes the seed to `output`, which appears whole or not at all, and removes the side file.
    pub(super) fn finish(self, output: &Path) -> Result<(), RecordError> {
        let failed = |error: &io::Error| cannot_write(output, error);
        let folder = folder_of(output);
        // In the same folder, because renaming works only within a file system. `tempfile` creates it with mode 0600.
        let mut temporary = tempfile::Builder::new()
            .prefix(".cf-packages-")
            .tempfile_in(folder)
            .map_err(|error| failed(&error))?;
        self.copy_seed(temporary.as_file_mut())?
            .map_err(|error| failed(&error))?;
        temporary
            .as_file()
            .sync_all()
            .map_err(|error| failed(&error))?;
        temporary.persist_noclobber(output).map_err(|error| {
            if error.error.kind() == ErrorKind::AlreadyExists {
                RecordError::Failed(exists(output))
            } else {
                failed(&error.error)
            }
        })?;
        // A folder can be writable and not readable. Only a power cut could take the name of the file.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        std::fs::remove_file(&self.path).map_err(|error| {
            RecordError::Failed(format!(
                "`{}` is complete, but `{}` cannot be removed: {}; remove it",
                output.display(),
                self.path.display(),
                os_error(&error)
            ))
        })
    }

    /// Copies the lines of the seed. The inner error is one of `to`.
    fn copy_seed(&self, to: &mut File) -> Result<io::Result<()>, RecordError> {
        let mut from = &self.file;
        from.seek(SeekFrom::Start(0))
            .map_err(|error| cannot_write(&self.path, &error))?;
        let mut reader = BufReader::with_capacity(1 << 16, from);
        let mut writer = BufWriter::with_capacity(1 << 16, to);
        let (mut lines, mut is_empty) = (0_u64, true);
        let mut copied = each_line(&mut reader, |line| {
            lines += 1;
            if lines.is_multiple_of(1024) && RecordError::require_no_signal().is_err() {
                return Err(io::Error::other("a signal stopped it"));
            }
            if line.starts_with(PAGE.as_bytes()) || line.starts_with(HEADER.as_bytes()) {
                return Ok(());
            }
            is_empty = false;
            writer.write_all(line)
        });
        RecordError::require_no_signal()?;
        if copied.is_ok() && is_empty {
            // An empty file is not a seed, but an empty object is.
            copied = writer.write_all(b"{}\n");
        }
        Ok(copied.and_then(|()| writer.flush()))
    }
}

/// Calls `each` with every line, its line break included.
fn each_line(
    reader: &mut impl BufRead,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        each(&line)?;
        line.clear();
    }
    Ok(())
}

fn side_path(output: &Path) -> Result<PathBuf, RecordError> {
    let Some(name) = output.file_name() else {
        return Err(RecordError::Usage(format!(
            "`{}` of `--output` is not the name of a file",
            output.display()
        )));
    };
    let mut name = name.to_owned();
    name.push(".partial");
    Ok(output.with_file_name(name))
}

fn folder_of(output: &Path) -> &Path {
    output
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn exists(output: &Path) -> String {
    format!(
        "`{}` exists; remove it, or name another file",
        output.display()
    )
}

fn cannot_write(path: &Path, error: &io::Error) -> RecordError {
    RecordError::Failed(format!(
        "`{}` cannot be written: {}",
        path.display(),
        os_error(error)
    ))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::record::Selection;
    use crate::record::position::Start;

    const ORGANIZATION: &str = "{\"organization\":{\"guid\":\"o\",\"name\":\"acme\"}}\n";

    fn recording(limit: Option<u64>) -> Recording {
        Recording {
            selection: Selection::default(),
            limit,
            per_page: 100,
            output: None,
            anonymize: None,
        }
    }

    fn open(output: &Path, limit: Option<u64>) -> Result<(SideFile, Resumed), RecordError> {
        let url = ApiUrl::parse("https://api.example.org").unwrap();
        SideFile::open(output, &url, &recording(limit))
    }

    #[test]
    fn unfinished_page_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("seed.jsonl");
        let (mut side_file, resumed) = open(&output, None).unwrap();
        assert!(!resumed.position.is_begun());
        let list = RecordedList::Organizations;
        side_file
            .append(ORGANIZATION.as_bytes(), list, Some("https://x/2"), 1)
            .unwrap();
        side_file
            .write(b"{\"organization\":{\"guid\":\"p\"")
            .unwrap();
        drop(side_file);

        let (side_file, resumed) = open(&output, None).unwrap();
        let counts: Vec<_> = resumed.recorder.counts().collect();
        assert_eq!(counts[0], ("organizations", 1));
        let start = |list| resumed.position.start_of(list);
        assert_eq!(start(list), Start::At("https://x/2".to_owned()));
        assert_eq!(start(RecordedList::Spaces), Start::Beginning);
        assert_eq!(resumed.left_out.counts().next(), Some((list, 1)));
        side_file.finish(&output).unwrap();
        assert_eq!(std::fs::read_to_string(&output).unwrap(), ORGANIZATION);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn side_file_of_another_recording_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("seed.jsonl");
        drop(open(&output, None).unwrap());
        let error = open(&output, Some(1)).unwrap_err().to_string();
        assert!(error.contains("other flags"), "{error}");
        let path = folder.path().join("seed.jsonl.partial");
        std::fs::write(&path, "something else\n").unwrap();
        let error = open(&output, None).unwrap_err().to_string();
        assert!(error.contains("no recording"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "something else\n");
    }

    #[test]
    fn side_file_that_others_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("seed.jsonl");
        let path = folder.path().join("seed.jsonl.partial");
        let elsewhere = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let error = open(&output, None).unwrap_err().to_string();
        assert!(error.contains("is not a file"), "{error}");
        assert!(!elsewhere.exists());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let error = open(&output, None).unwrap_err().to_string();
        assert!(error.contains("can be read by others"), "{error}");
    }

    #[test]
    fn side_file_in_use_and_an_existing_output_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("seed.jsonl");
        let (_in_use, _) = open(&output, None).unwrap();
        let error = open(&output, None).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        std::fs::write(&output, "x").unwrap();
        let error = open(&output, None).unwrap_err().to_string();
        assert!(error.contains("exists"), "{error}");
    }
}
