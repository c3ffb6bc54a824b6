//! The file of the running program, and where the program in it ends.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::trailer::start_mark;

/// The program's own file on Linux, also if another file has its name by now.
const OWN_FILE: &str = "/proc/self/exe";
/// The length of the header of a 64-bit ELF file, in bytes.
const ELF_HEADER: usize = 64;
/// The first bytes of a 64-bit little-endian ELF file.
const ELF: &[u8] = b"\x7fELF\x02\x01";

/// Returns the path by which the file of the running program is read.
pub(super) fn own_file() -> PathBuf {
    match cfg!(target_os = "linux") {
        true => OWN_FILE.into(),
        false => std::env::current_exe().unwrap_or_else(|_| "cf-packages".into()),
    }
}

/// Opens the file of the running program. Returns also its path, for messages.
pub(super) fn open() -> io::Result<(File, PathBuf)> {
    Ok((File::open(own_file())?, std::env::current_exe()?))
}

/// What follows the program in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing: the program carries no data.
    Nothing,
    /// The mark that begins the data of a bundle.
    StartMark,
    /// Other bytes, or the program has another form than ELF.
    Other,
    /// The end of the program is missing too.
    CutShort,
}

/// Returns what follows the program in a file of that length.
pub(super) fn after_program(file: &File, length: u64) -> io::Result<After> {
    let mut header = [0; ELF_HEADER];
    if length < ELF_HEADER as u64 {
        return Ok(After::Other);
    }
    file.read_exact_at(&mut header, 0)?;
    let Some(end) = end_of_elf(&header) else {
        return Ok(After::Other);
    };
    match end.cmp(&length) {
        Ordering::Less => {}
        Ordering::Equal => return Ok(After::Nothing),
        Ordering::Greater => return Ok(After::CutShort),
    }
    let mark = start_mark();
    let mut found = Vec::new();
    Piece::new(file, end, length - end)
        .take(mark.len() as u64)
        .read_to_end(&mut found)?;
    Ok(match found == mark {
        true => After::StartMark,
        false => After::Other,
    })
}

/// Returns where the table of sections ends, which linkers put at the end of the file (elf(5)).
fn end_of_elf(header: &[u8; ELF_HEADER]) -> Option<u64> {
    let table = u64::from_le_bytes(header[40..48].try_into().ok()?);
    let short = |at: usize| Some(u64::from(u16::from_le_bytes([header[at], header[at + 1]])));
    let size = short(58)? * short(60)?;
    (header.starts_with(ELF) && table > 0)
        .then(|| table.checked_add(size))
        .flatten()
}

/// A piece of a file, read without moving the file's position.
pub(super) struct Piece<'f> {
    file: &'f File,
    at: u64,
    left: u64,
}

impl<'f> Piece<'f> {
    pub(super) fn new(file: &'f File, at: u64, length: u64) -> Self {
        Self {
            file,
            at,
            left: length,
        }
    }
}

impl Read for Piece<'_> {
    /// Fails if the file ends within the piece.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        let length = self.file.read_at(&mut buffer[..most], self.at)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += length as u64;
        self.left -= length as u64;
        Ok(length)
    }
}
