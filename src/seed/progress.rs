//! How far a long job is, on a terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Entries between two looks at the clock.
const STRIDE: u64 = 1024;
/// What takes less than this needs no bar.
const SHORT: Duration = Duration::from_secs(1);

/// Counts entries; shows them on stderr once that has taken a while, if that is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: bool,
    total: Option<u64>,
    started: Instant,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// `total`: how many there will be, where it is known.
    pub(super) fn start(total: Option<u64>) -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            total,
            started: Instant::now(),
            done: 0,
            bar: None,
        }
    }

    /// One entry more is done.
    pub(super) fn step(&mut self) {
        self.done += 1;
        if !self.terminal || !self.done.is_multiple_of(STRIDE) {
            return;
        }
        if self.bar.is_none() && self.started.elapsed() > SHORT {
            self.bar = Some(bar(self.total));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "seeding {bar:40} {human_pos} of {human_len} entries, {per_sec}, {eta} left",
        ),
        None => (
            ProgressBar::no_length(),
            "seeding {spinner} {human_pos} entries, {per_sec}",
        ),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
