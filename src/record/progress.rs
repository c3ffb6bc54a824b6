//! What a recording shows on stderr: notes, and on a terminal how far it has come.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::log::printable;

/// Shows notes and the progress of lists.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    list: RefCell<&'static str>,
    done: Cell<u64>,
}

impl Progress {
    pub(super) fn start() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = is_terminal.then(|| {
            let bar = ProgressBar::no_length();
            match ProgressStyle::with_template("recording {spinner} {msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self {
            bar,
            list: RefCell::new(""),
            done: Cell::new(0),
        }
    }

    /// Shows that `more` resources of a list of `total` were read.
    pub(super) fn show(&self, list: &'static str, more: u64, total: Option<u64>) {
        let Some(bar) = &self.bar else {
            return;
        };
        if self.list.replace(list) != list {
            self.done.set(0);
        }
        self.done.set(self.done.get() + more);
        let done = HumanCount(self.done.get());
        let text = match total {
            Some(total) => format!("{list}: {done} of {}", HumanCount(total)),
            None => format!("{list}: {done}"),
        };
        bar.set_message(text);
        bar.tick();
    }

    /// Removes what is shown.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Prints one sentence.
    pub(super) fn note(&self, text: &str) {
        let print = || eprintln!("cf-packages: {}", printable(text));
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
