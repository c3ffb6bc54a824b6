//! The arguments.

use std::path::PathBuf;
use std::time::Duration;

use crate::Result;
use crate::measure::Rounds;

/// The tables that are measured, by their packages.
const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];

/// What this process is for. Whoever types `cargo bench` measures; the rest is started by that.
pub enum Command {
    /// Measure and print.
    Measure(Options),
    /// Serve the bytes of a file by a static route.
    Serve(PathBuf),
    /// Write to a database until standard input ends.
    Write(PathBuf),
}

/// What is measured, and how long.
#[derive(Debug)]
pub struct Options {
    /// Tables, by their packages, ascending; never none.
    pub sizes: Vec<u64>,
    /// How often and how long each side is measured.
    pub rounds: Rounds,
    /// How often a process is started.
    pub starts: usize,
    /// How many distinct requests must not make memory grow.
    pub distinct: usize,
    only: Option<String>,
}

impl Options {
    /// Whether the group of that name is to be measured.
    pub fn wants(&self, group: &str) -> bool {
        self.only.as_deref().is_none_or(|only| group.contains(only))
    }

    /// The smallest table.
    pub fn smallest(&self) -> u64 {
        self.sizes.first().copied().unwrap_or(SIZES[0])
    }

    /// The largest table.
    pub fn largest(&self) -> u64 {
        self.sizes.last().copied().unwrap_or(SIZES[0])
    }
}

/// Reads the arguments. What is not known is left to whoever passed it: cargo gives `--bench`.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command> {
    let (mut quick, mut only, mut sizes) = (false, None, None);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            let value = arguments.next();
            value.ok_or_else(|| format!("`{argument}` needs a value"))
        };
        match argument.as_str() {
            "--quick" => quick = true,
            "--only" => only = Some(value()?),
            "--sizes" => sizes = Some(self::sizes(&value()?)?),
            "--static" => return Ok(Command::Serve(value()?.into())),
            "--writer" => return Ok(Command::Write(value()?.into())),
            _ => {}
        }
    }
    let measured = |count, milliseconds| Rounds {
        count,
        warm: Duration::from_millis(milliseconds / 5),
        time: Duration::from_millis(milliseconds),
    };
    Ok(Command::Measure(if quick {
        Options {
            sizes: sizes.unwrap_or_else(|| SIZES[..2].to_vec()),
            rounds: measured(2, 400),
            starts: 5,
            distinct: 20_000,
            only,
        }
    } else {
        Options {
            sizes: sizes.unwrap_or_else(|| SIZES.to_vec()),
            rounds: measured(3, 1500),
            starts: 11,
            distinct: 100_000,
            only,
        }
    }))
}

fn sizes(text: &str) -> Result<Vec<u64>> {
    let sizes: std::result::Result<Vec<u64>, _> = text.split(',').map(str::parse).collect();
    let mut sizes = sizes.map_err(|_| format!("`--sizes {text}` is no list of numbers"))?;
    sizes.sort_unstable();
    if sizes.first().is_none_or(|smallest| *smallest == 0) {
        return Err("`--sizes` needs a number above 0".into());
    }
    Ok(sizes)
}
