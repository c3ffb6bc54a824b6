//! The messages of a running server, on stderr, as text or as JSON Lines.
//!
//! No message holds a token, a password or a key, at no level, or a control or format character as such. Of libraries only warnings and errors are written: below
//! that, warp writes the segments of each path.

mod printable;
mod queue;

use std::io;

pub use printable::printable;
use queue::LineQueue;
pub use queue::LogGuard;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The format of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text, for people.
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// Which messages are written: those of this level and of the levels before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Level {
    /// A request or the server failed.
    Error,
    /// The server goes on, but something has to be looked at.
    Warn,
    /// What an operator may want to know, such as requests and migrations.
    Info,
    /// Why tokens were refused and connections ended.
    Debug,
}

impl From<Level> for tracing::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
        }
    }
}

/// Starts the log. A second call in the same process changes nothing. Messages are written by a thread of their own: a
/// stderr that takes nothing, such as a stopped terminal, makes no request wait. See [`LogGuard`].
///
/// # Errors
///
/// Fails if the operating system starts no thread.
pub fn start(format: Format, level: Level) -> io::Result<LogGuard> {
    let (lines, guard) = LineQueue::start(io::stderr(), format)?;
    let level = LevelFilter::from_level(level.into());
    let levels = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let log = tracing_subscriber::fmt()
        .with_writer(move || lines.clone())
        .with_max_level(level)
        .with_target(false);
    // Fails if a log was started before, as when a test starts several servers in one process.
    let _ = match format {
        Format::Text => log.finish().with(levels).try_init(),
        Format::Json => log
            .json()
            .flatten_event(true)
            .finish()
            .with(levels)
            .try_init(),
    };
    Ok(guard)
}
