//! The command line of the benchmark.

use std::path::PathBuf;
use std::time::Duration;

use crate::Result;
use crate::measure::Rounds;

/// The numbers of packages by default.
const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];

/// The task of this process. `cargo bench` measures; it starts the other two.
pub enum Command {
    /// Measure and print.
    Measure(Options),
    /// Serve the bytes of a file by a static route.
    Serve(PathBuf),
    /// Write to a database until standard input ends.
    Write(PathBuf),
}

/// What is measured, how often and how long.
#[derive(Debug)]
pub struct Options {
    /// The numbers of packages, in ascending order. Never empty.
    pub sizes: Vec<u64>,
    /// How often and how long each figure is measured.
    pub rounds: Rounds,
    /// How often the start of a process is measured.
    pub starts: usize,
    /// The number of different requests after which memory must not grow.
    pub distinct: usize,
    only: Option<String>,
}

impl Options {
    /// Returns whether the group of that name is measured.
    pub fn includes(&self, group: &str) -> bool {
        self.only.as_deref().is_none_or(|only| group.contains(only))
    }

    /// Returns the smallest number of packages.
    pub fn smallest(&self) -> u64 {
        self.sizes.first().copied().unwrap_or(SIZES[0])
    }

    /// Returns the largest number of packages.
    pub fn largest(&self) -> u64 {
        self.sizes.last().copied().unwrap_or(SIZES[0])
    }
}

/// Parses the arguments. Ignores unknown ones, since cargo adds `--bench`.
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
    let rounds = |count, milliseconds| Rounds {
        count,
        warm: Duration::from_millis(milliseconds / 5),
        time: Duration::from_millis(milliseconds),
    };
    Ok(Command::Measure(if quick {
        Options {
            sizes: sizes.unwrap_or_else(|| SIZES[..2].to_vec()),
            rounds: rounds(3, 400),
            starts: 5,
            distinct: 20_000,
            only,
        }
    } else {
        Options {
            sizes: sizes.unwrap_or_else(|| SIZES.to_vec()),
            rounds: rounds(3, 1500),
            starts: 11,
            distinct: 100_000,
            only,
        }
    }))
}

fn sizes(text: &str) -> Result<Vec<u64>> {
    let sizes: std::result::Result<Vec<u64>, _> = text.split(',').map(str::parse).collect();
    let mut sizes = sizes.map_err(|_| format!("`--sizes {text}` is not a list of numbers"))?;
    sizes.sort_unstable();
    if sizes.first().is_none_or(|smallest| *smallest == 0) {
        return Err("`--sizes` needs a number above 0".into());
    }
    Ok(sizes)
}
