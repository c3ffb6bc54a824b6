//! Rounds, pairs, medians.

use std::time::{Duration, Instant};

use crate::Result;

/// How often and how long each side of a ratio is measured.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// How often.
    pub count: usize,
    /// How long before anything counts.
    pub warm: Duration,
    /// How long it counts.
    pub time: Duration,
}

/// What a number is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Answers a second: the more the better.
    PerSecond,
    /// Seconds: the fewer the better.
    Seconds,
    /// Bytes of memory: the fewer the better.
    Memory,
}

/// Both sides of a ratio, each the median of its rounds.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// What both numbers are of.
    pub unit: Unit,
    /// The floor.
    pub floor: f64,
    /// What is held against it.
    pub measured: f64,
    /// 1: as good as the floor; 0.5: half as good. The median of the rounds' own ratios.
    pub ratio: f64,
}

/// Measures the floor and the other side in turn, and pairs what lies side by side.
pub fn paired(
    unit: Unit,
    rounds: usize,
    mut floor: impl FnMut() -> Result<f64>,
    mut measured: impl FnMut() -> Result<f64>,
) -> Result<Pair> {
    let pairs = (0..rounds)
        .map(|_| Ok((floor()?, measured()?)))
        .collect::<Result<Vec<_>>>()?;
    let ratio = |(floor, measured): &(f64, f64)| match unit {
        Unit::PerSecond => measured / floor,
        Unit::Seconds | Unit::Memory => floor / measured,
    };
    Ok(Pair {
        unit,
        floor: median(pairs.iter().map(|pair| pair.0)),
        measured: median(pairs.iter().map(|pair| pair.1)),
        ratio: median(pairs.iter().map(ratio)),
    })
}

/// The middle number, or the mean of the two in the middle.
fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => numbers[middle],
        _ => f64::midpoint(numbers[middle - 1], numbers[middle]),
    }
}

/// Counts what is done after the warm-up, from one thing done to the last.
#[derive(Debug)]
pub struct Meter {
    from: Instant,
    until: Instant,
    first: Option<Instant>,
    last: Instant,
    count: u32,
}

impl Meter {
    /// A meter that begins now.
    pub fn start(rounds: &Rounds) -> Self {
        let now = Instant::now();
        Self {
            from: now + rounds.warm,
            until: now + rounds.warm + rounds.time,
            first: None,
            last: now,
            count: 0,
        }
    }

    /// One thing more is done; `false`: that was the last.
    pub fn tick(&mut self) -> bool {
        self.last = Instant::now();
        match self.first {
            None if self.last >= self.from => self.first = Some(self.last),
            None => {}
            Some(_) => self.count += 1,
        }
        self.last < self.until || self.count == 0
    }

    /// How many a second.
    pub fn rate(&self) -> f64 {
        let first = self.first.unwrap_or(self.last);
        f64::from(self.count) / (self.last - first).as_secs_f64()
    }
}
