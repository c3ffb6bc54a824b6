//! The last bytes of a bundle: where the data is, and checksums of the data, the flags and the trailer itself.

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;

use ring::digest::{Context, SHA256};

/// The length of a trailer, in bytes.
pub(super) const LENGTH: usize = 120;
/// The version of the form of a bundle.
const VERSION: u32 = 1;
/// How many bytes may follow the trailer, such as a signature.
const MOST_APPENDED: u64 = 64 << 10;
/// The most bytes of flags. A command line of Linux is limited to 2 MiB.
const MOST_FLAGS: u64 = 4 << 20;
/// The length of the marks, in bytes.
const MARK: usize = 16;
/// The first bytes of a trailer, inverted: so that no program holds the mark itself, which is searched for in its file.
const TRAILER_INVERTED: [u8; MARK] = inverted(*b"cf-packages end\n");
/// The bytes before the data, inverted.
const START_INVERTED: [u8; MARK] = inverted(*b"\ncf-packages db\n");

const fn inverted(mut mark: [u8; MARK]) -> [u8; MARK] {
    let mut at = 0;
    while at < MARK {
        mark[at] = !mark[at];
        at += 1;
    }
    mark
}

/// Returns the mark that follows the program in a bundle.
pub(super) fn start_mark() -> [u8; MARK] {
    black_box(START_INVERTED).map(|byte| !byte)
}

fn trailer_mark() -> [u8; MARK] {
    black_box(TRAILER_INVERTED).map(|byte| !byte)
}

/// Where the parts of a bundle are. All numbers are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    /// Where the compressed database begins in the file.
    pub(super) offset: u64,
    /// The length of the compressed database.
    pub(super) stored: u64,
    /// The length of the database.
    pub(super) raw: u64,
    /// The length of the flags, which follow the compressed database.
    pub(super) flags: u64,
    /// The SHA-256 of the compressed database.
    pub(super) sha256: [u8; 32],
}

impl Trailer {
    /// Returns where the flags begin.
    pub(super) fn flags_at(&self) -> u64 {
        self.offset + self.stored
    }

    /// Returns the length of the program, which ends before the start mark.
    pub(super) fn program(&self) -> u64 {
        self.offset - MARK as u64
    }

    /// Returns the bytes of the trailer that follows `flags`. The numbers are little-endian.
    pub(super) fn to_bytes(self, flags: &[u8]) -> [u8; LENGTH] {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&trailer_mark());
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        for number in [self.offset, self.stored, self.raw, self.flags] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.sha256);
        let checksum = checksum(&bytes, flags);
        bytes.extend_from_slice(&checksum);
        let mut trailer = [0; LENGTH];
        trailer.copy_from_slice(&bytes);
        trailer
    }

    /// Returns the trailer that was found at `at`. `None` if its version is another one, or if its numbers do not lead to
    /// `at`. [`matches`](Self::matches) verifies its checksum.
    pub(super) fn parse(bytes: &[u8; LENGTH], at: u64) -> Option<Self> {
        let version = u32::from_le_bytes(bytes[16..20].try_into().ok()?);
        let number = |at: usize| Some(u64::from_le_bytes(bytes[at..at + 8].try_into().ok()?));
        let trailer = Self {
            offset: number(24)?,
            stored: number(32)?,
            raw: number(40)?,
            flags: number(48)?,
            sha256: bytes[56..88].try_into().ok()?,
        };
        let end = trailer.offset.checked_add(trailer.stored)?;
        let is_right = version == VERSION
            && trailer.offset >= MARK as u64
            && trailer.flags <= MOST_FLAGS
            && end.checked_add(trailer.flags) == Some(at);
        is_right.then_some(trailer)
    }

    /// Returns whether `bytes`, from which this was parsed, hold the checksum of themselves and of `flags`.
    pub(super) fn matches(&self, bytes: &[u8; LENGTH], flags: &[u8]) -> bool {
        let (before, found) = bytes.split_at(LENGTH - 32);
        checksum(before, flags) == found
    }
}

fn checksum(before: &[u8], flags: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(before);
    context.update(flags);
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    sha256
}

/// Returns the last trailer among the last bytes of a file of that length, and where it begins. For one that is cut off,
/// returns zeros, which are no trailer.
pub(super) fn find(file: &File, length: u64) -> io::Result<Option<(u64, [u8; LENGTH])>> {
    let window = length.min(MOST_APPENDED + LENGTH as u64);
    let begin = length - window;
    let mut bytes = vec![0; usize::try_from(window).unwrap_or(0)];
    file.read_exact_at(&mut bytes, begin)?;
    let mark = trailer_mark();
    // The first byte is compared first: the search is part of each start.
    let found = bytes
        .windows(MARK)
        .rposition(|window| window[0] == mark[0] && window == mark);
    Ok(found.map(|at| {
        let mut trailer = [0; LENGTH];
        if let Some(whole) = bytes.get(at..at + LENGTH) {
            trailer.copy_from_slice(whole);
        }
        (begin + at as u64, trailer)
    }))
}
