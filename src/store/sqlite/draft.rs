//! A file that is written under another name first, so that no program sees half of it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use uuid::Uuid;

use super::folder_lock::{folder_of, sync_folder};
use super::identify::{BEING_FILLED, MAGIC, SIDE_FILES, beside};
use super::open_file::Stamp;

/// The end of the name of a draft of a database, after its id.
const DRAFT: &str = ".new";
/// The end of the name of the lock of a draft.
const LOCK: &str = ".lock";
/// The longest name of a file, in bytes, on the file systems that Linux and macOS use.
const LONGEST_NAME: usize = 255;
/// How many bytes the name of a draft may add to that of its file: a dot, the id, [`LOCK`], and the longest of
/// [`SIDE_FILES`].
const LONGEST_SUFFIX: usize = 1 + 32 + 5 + 8;
/// How long ago a lock without a draft must have been made to count as left over: a program locks it a moment after it
/// made it, and makes the draft then.
const LOCKED_WITHIN: Duration = Duration::from_secs(3600);

/// A file of mode 0600 that is removed when this is dropped, together with what SQLite keeps beside it.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    file: File,
    lock: Option<DraftLock>,
}

/// A locked file that shows other programs that the program which made it is alive. It is removed when this is dropped.
///
/// It is not the draft itself: on some systems such a lock keeps SQLite out.
#[derive(Debug)]
struct DraftLock {
    path: PathBuf,
    _file: File,
}

impl Draft {
    /// Creates an empty file with that path. The path must not exist.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let file = new_file(&path)?;
        let lock = None;
        Ok(Self { path, file, lock })
    }

    /// Creates an empty draft of the file at `path`, which other programs remove if this one is killed.
    pub(super) fn of_database(path: &Path) -> io::Result<Self> {
        let id = Uuid::new_v4().simple();
        let lock = DraftLock::create(named_after(path, &format!(".{id}{LOCK}")))?;
        let mut draft = Self::create(named_after(path, &format!(".{id}{DRAFT}")))?;
        draft.lock = Some(lock);
        Ok(draft)
    }

    /// Returns the path of the draft.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the open file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Syncs the file and renames it to `path`. Returns `false` and changes nothing if `path` exists.
    pub(super) fn publish(self, path: &Path) -> io::Result<bool> {
        self.file.sync_all()?;
        match fs::hard_link(&self.path, path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            // The file system has no hard links. Another program could create the file between these two steps.
            Err(_) if !path.exists() => fs::rename(&self.path, path)?,
            Err(error) => return Err(error),
        }
        sync_folder(path)?;
        Ok(true)
    }

    /// Overwrites `file` with the draft. The file gets the header of a database last, so that after a crash it still
    /// counts as one that is to be filled.
    pub(super) fn copy_into(&self, mut file: &File) -> io::Result<()> {
        let mut draft = File::open(&self.path)?;
        file.set_len(0)?;
        file.write_all_at(BEING_FILLED, 0)?;
        let start = SeekFrom::Start(MAGIC.len() as u64);
        draft.seek(start)?;
        file.seek(start)?;
        io::copy(&mut draft, &mut file)?;
        file.sync_all()?;
        file.write_all_at(MAGIC, 0)?;
        file.sync_all()
    }
}

impl DraftLock {
    fn create(path: PathBuf) -> io::Result<Self> {
        let file = new_file(&path)?;
        let lock = Self { path, _file: file };
        // Where there are no such locks, no program can take it, and none takes the draft for left over.
        let _ = lock._file.lock();
        Ok(lock)
    }
}

impl Drop for DraftLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Creates an empty file of mode 0600, whatever the umask is. The path must not exist.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Returns the path of a draft or a lock of the file at `path`. Its name begins as that of the file, as far as there is
/// room.
fn named_after(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let mut draft = OsStr::from_bytes(stem_of(name.as_bytes())).to_owned();
    draft.push(suffix);
    path.with_file_name(draft)
}

/// Returns how the names of the drafts of a file of that name begin. Files with long names may share it: a draft counts
/// as left over only if no program works on it, whichever file it is of.
fn stem_of(name: &[u8]) -> &[u8] {
    let longest = LONGEST_NAME - LONGEST_SUFFIX;
    if name.len() <= longest {
        return name;
    }
    // macOS takes no part of a character.
    let is_within = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    let end = (0..=longest).rev().find(|end| !is_within(name[*end]));
    &name[..end.unwrap_or(longest)]
}

/// Removes the drafts of the file at `path` that programs left which were killed. What cannot be read or removed is left.
pub(in crate::store) fn remove_left_over(path: &Path) {
    let (Some(name), Ok(entries)) = (path.file_name(), fs::read_dir(folder_of(path))) else {
        return;
    };
    for entry in entries.flatten() {
        let entry_name = entry.file_name();
        let Some(id) = id_of(entry_name.as_bytes(), name.as_bytes(), LOCK) else {
            continue;
        };
        let lock = entry.path();
        let draft = named_after(path, &format!(".{id}{DRAFT}"));
        if is_left_over(&lock, &draft).unwrap_or(false) {
            remove(&draft);
            // Last: a draft without it would not be removed if this program is killed now.
            let _ = fs::remove_file(lock);
        }
    }
}

/// Returns how many drafts of the file at `path` are hard links to it: between the two steps of [`Draft::publish`], and after
/// a program was killed there, it is one.
pub(super) fn drafts_of_same_file(path: &Path) -> u64 {
    let (Some(name), Ok(file), Ok(entries)) = (
        path.file_name(),
        Stamp::of(path),
        fs::read_dir(folder_of(path)),
    ) else {
        return 0;
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let drafts = names.filter(|entry| id_of(entry.as_bytes(), name.as_bytes(), DRAFT).is_some());
    let same = drafts.filter(|draft| {
        let draft = path.with_file_name(draft);
        !draft.is_symlink() && Stamp::of(&draft).is_ok_and(|stamp| stamp.is_of_same_file(&file))
    });
    same.count() as u64
}

/// Returns whether no program works on the draft: the one that made it holds the lock.
fn is_left_over(lock: &Path, draft: &Path) -> io::Result<bool> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(lock, flags, Mode::empty())?);
    if !file.metadata()?.is_file() || file.try_lock().is_err() {
        return Ok(false);
    }
    Ok(draft.symlink_metadata().is_ok() || Stamp::of(lock)?.is_older_than(LOCKED_WITHIN))
}

/// Removes a draft and the files that SQLite keeps beside it.
fn remove(draft: &Path) {
    let _ = fs::remove_file(draft);
    for suffix in SIDE_FILES {
        let _ = fs::remove_file(beside(draft, suffix));
    }
}

/// Returns whether a file of that name belongs to the database `database`: the database itself, a draft of it, or a file
/// that SQLite or this program keeps beside either.
pub fn is_file_of(name: &[u8], database: &[u8]) -> bool {
    let name = SIDE_FILES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix.as_bytes()))
        .unwrap_or(name);
    let has_id = |suffix| id_of(name, database, suffix).is_some();
    name == database || has_id(DRAFT) || has_id(LOCK)
}

/// Returns the id in a name of the form `DATABASE.ID` and `suffix`: 32 hexadecimal digits.
fn id_of<'n>(name: &'n [u8], database: &[u8], suffix: &str) -> Option<&'n str> {
    let id = name
        .strip_prefix(stem_of(database))?
        .strip_prefix(b".")?
        .strip_suffix(suffix.as_bytes())?;
    is_id(id).then_some(str::from_utf8(id).ok()?)
}

fn is_id(id: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    id.len() == 32 && id.iter().all(is_digit)
}

/// Returns whether a draft of any file, or the lock of one, could have that name.
pub(super) fn has_name_of_draft(name: &[u8]) -> bool {
    let of_draft = name.strip_suffix(DRAFT.as_bytes());
    let of_either = of_draft.or_else(|| name.strip_suffix(LOCK.as_bytes()));
    let id = of_either.and_then(|name| name.rsplit(|byte| *byte == b'.').next());
    id.is_some_and(is_id)
}

impl Drop for Draft {
    fn drop(&mut self) {
        remove(&self.path);
    }
}
