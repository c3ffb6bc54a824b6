//! Measures pairs of figures in rounds, and takes medians.

use std::time::{Duration, Instant};

use crate::Result;

/// How often and how long each figure is measured.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// The number of rounds.
    pub count: usize,
    /// The time of each round before the measurement starts.
    pub warm: Duration,
    /// The time of the measurement.
    pub time: Duration,
}

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Responses per second: more is better.
    PerSecond,
    /// Seconds: less is better.
    Seconds,
    /// Bytes of memory: less is better.
    Memory,
}

/// Two figures, each the median of its rounds.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The unit of both.
    pub unit: Unit,
    /// The figure of the baseline.
    pub baseline: f64,
    /// The figure of the program.
    pub measured: f64,
    /// The ratios of the rounds. 1 is as good as the baseline, 0.5 half as good.
    pub ratio: Spread,
}

/// The middle of several numbers, and between which they lie.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The least number.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The greatest number.
    pub high: f64,
}

impl Spread {
    /// Returns the spread of these numbers.
    pub fn of(numbers: impl Iterator<Item = f64> + Clone) -> Self {
        Self {
            low: numbers.clone().fold(f64::INFINITY, f64::min),
            median: median(numbers.clone()),
            high: numbers.fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// Measures the baseline and the program in turn.
pub fn paired(
    unit: Unit,
    rounds: usize,
    mut baseline: impl FnMut() -> Result<f64>,
    mut measured: impl FnMut() -> Result<f64>,
) -> Result<Pair> {
    let pairs = (0..rounds)
        .map(|_| Ok((baseline()?, measured()?)))
        .collect::<Result<Vec<_>>>()?;
    let ratio = |(baseline, measured): &(f64, f64)| match unit {
        Unit::PerSecond => measured / baseline,
        Unit::Seconds | Unit::Memory => baseline / measured,
    };
    Ok(Pair {
        unit,
        baseline: median(pairs.iter().map(|pair| pair.0)),
        measured: median(pairs.iter().map(|pair| pair.1)),
        ratio: Spread::of(pairs.iter().map(ratio)),
    })
}

/// Returns the middle number, or the mean of the two in the middle.
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

/// Returns the number that `percent` percent of the numbers do not exceed.
pub fn percentile(numbers: &mut [f64], percent: usize) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    numbers
        .get(last * percent / 100)
        .copied()
        .unwrap_or(f64::NAN)
}

/// Counts events after the warm-up, from one event to the last.
#[derive(Debug)]
pub struct Meter {
    from: Instant,
    until: Instant,
    first: Option<Instant>,
    last: Instant,
    count: u32,
}

impl Meter {
    /// Starts now.
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

    /// Counts an event. Returns false if it was the last.
    pub fn tick(&mut self) -> bool {
        self.last = Instant::now();
        match self.first {
            None if self.last >= self.from => self.first = Some(self.last),
            None => {}
            Some(_) => self.count += 1,
        }
        self.last < self.until || self.count == 0
    }

    /// Returns events per second.
    pub fn rate(&self) -> f64 {
        let first = self.first.unwrap_or(self.last);
        f64::from(self.count) / (self.last - first).as_secs_f64()
    }
}
