//! How many files the process may have open, and what follows from it.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many connections are served at a time. A client that requests all pages at once opens 256.
const MAX_CONNECTIONS: usize = 1000;
/// How many more connections are accepted if all places are taken. Each gets one response: that of `/healthz`, or 503. If
/// there are more, the oldest one of which no request is being answered loses its place, so that silent and slow clients do
/// not keep these places.
const MAX_RESERVED: usize = 64;
/// How many open files the process needs beside its connections: those of SQLite, uploads, standard streams.
const OTHER_FILES: usize = 64;
/// The number of open files with which nothing is limited further.
const ENOUGH_FILES: u64 = 2048;
/// The number of open files with which a server starts. With fewer, it may start and then open no connection to its database.
const FEWEST_FILES: u64 = 32;

/// Raises the limit of open files as far as the system allows, if it is low (getrlimit(2)).
///
/// # Errors
///
/// Fails if a server cannot work with the limit: a sentence that names it.
pub fn raise_file_limit() -> Result<(), String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(ENOUGH_FILES, |maximum| maximum.min(ENOUGH_FILES));
    if current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            maximum,
        };
        // If it fails, the server accepts fewer connections.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    match getrlimit(Resource::Nofile).current {
        Some(files) if files < FEWEST_FILES => Err(format!(
            "the limit of open files is `{files}`, and a server needs at least `{FEWEST_FILES}`; raise it with `ulimit -n`"
        )),
        _ => Ok(()),
    }
}

/// Returns how many connections are served at a time, and how many more are accepted to get one response.
pub(super) fn connections() -> (usize, usize) {
    let files = getrlimit(Resource::Nofile).current;
    let files = files.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    });
    let free = files.saturating_sub(OTHER_FILES);
    let reserved = free.clamp(2, MAX_RESERVED);
    let served = free.saturating_sub(reserved).clamp(1, MAX_CONNECTIONS);
    (served, reserved)
}

/// Returns whether there is no descriptor for another file.
pub(super) fn is_out_of_files(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| matches!(errno, Errno::MFILE | Errno::NFILE))
}
