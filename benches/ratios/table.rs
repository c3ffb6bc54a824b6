//! The table of results, in Markdown.

use std::fmt;

use crate::measure::{Pair, Spread, Unit};

const HEAD: [&str; 6] = [
    "what",
    "baseline",
    "at the baseline",
    "measured",
    "ratio, more is better",
    "goal",
];

/// The rows, as text.
#[derive(Debug, Default)]
pub struct Table(Vec<[String; 6]>);

impl Table {
    /// Adds a row. `goal` is the ratio to reach.
    pub fn add(
        &mut self,
        what: String,
        baseline: impl Into<String>,
        pair: Pair,
        goal: Option<f64>,
    ) {
        let row = [
            what,
            baseline.into(),
            number(pair.baseline, pair.unit),
            number(pair.measured, pair.unit),
            ratio(pair.ratio),
            goal.map_or_else(|| "–".into(), |goal| format!("≥ {goal:.2}")),
        ];
        eprintln!("  {}: {} ({})", row[0], row[4], row[3]);
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = HEAD.map(str::to_owned);
        let mut widths = [0; 6];
        for row in self.0.iter().chain([&head]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut line = |row: &[String; 6]| {
            for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
                // Text is aligned to the left, numbers to the right.
                if index < 2 {
                    write!(f, "| {cell:<width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            writeln!(f, "|")
        };
        line(&head)?;
        line(&std::array::from_fn(|index| {
            let dashes = "-".repeat(widths[index] - 1);
            if index < 2 {
                format!("{dashes}-")
            } else {
                format!("{dashes}:")
            }
        }))?;
        self.0.iter().try_for_each(line)
    }
}

fn number(number: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond if number < 100.0 => format!("{number:.1}/s"),
        Unit::PerSecond => format!("{}/s", grouped(&format!("{number:.0}"))),
        Unit::Seconds if number < 0.01 => format!("{:.0} µs", number * 1_000_000.0),
        Unit::Seconds if number < 1.0 => format!("{:.1} ms", number * 1000.0),
        Unit::Seconds => format!("{number:.2} s"),
        Unit::Memory => format!("{:.1} MiB", number / f64::from(1 << 20)),
    }
}

/// Returns a text like `0.83 (0.80–0.86)`: the median of the rounds, the least and the greatest ratio.
fn ratio(Spread { low, median, high }: Spread) -> String {
    let digits = |ratio: f64| {
        if ratio < 0.1 {
            format!("{ratio:.4}")
        } else {
            format!("{ratio:.2}")
        }
    };
    let median = digits(median);
    let (low, high) = (digits(low), digits(high));
    if low == high {
        median
    } else {
        format!("{median} ({low}–{high})")
    }
}

/// Returns `1234567` as `1,234,567`.
pub fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
