//! Batches: seeds of a few packages each, which must be in the database whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::support::WorkDir;

/// Returns a seed of the batch with that number: packages of the app of the bundled seed `example`.
pub fn batch(number: u64, size: u64, annotation: usize) -> String {
    let text = "x".repeat(annotation);
    let metadata =
        format!(r#""labels": {{"batch": "{number}"}}, "annotations": {{"text": "{text}"}}"#);
    let mut seed = String::new();
    for index in 0..size {
        let _ = writeln!(
            seed,
            r#"{{"package": {{"guid": "batch-{number}-{index}", "app": "my-app", "type": "bits", {metadata}}}}}"#,
        );
    }
    seed
}

/// What was sent, and what the program acknowledged.
#[derive(Default)]
pub struct Sent {
    /// The sizes of all batches that were sent.
    pub sizes: BTreeMap<u64, u64>,
    pub acknowledged: BTreeSet<u64>,
}

impl Sent {
    /// Compares an export with what was sent. Returns what is wrong with it.
    pub fn faults(&self, export: &str) -> Vec<String> {
        let mut found = BTreeMap::<u64, u64>::new();
        for rest in export.split("\"guid\":\"batch-").skip(1) {
            if let Some(number) = rest.split('-').next().and_then(|text| text.parse().ok()) {
                *found.entry(number).or_default() += 1;
            }
        }
        let mut faults = Vec::new();
        for (number, size) in &self.sizes {
            let held = found.remove(number).unwrap_or(0);
            if held != *size && held != 0 {
                faults.push(format!(
                    "batch {number} has {held} of {size} packages: half of a transaction"
                ));
            } else if held == 0 && self.acknowledged.contains(number) {
                faults.push(format!("batch {number} was acknowledged and is lost"));
            }
        }
        faults.extend(
            found
                .keys()
                .map(|number| format!("batch {number} was never sent")),
        );
        faults
    }
}

/// Returns what `check` and a comparison of the export with `sent` find wrong with the file.
pub fn faults(dir: &WorkDir, file: &str, sent: &Sent) -> Vec<String> {
    let checked = dir.run(&["check", "--db", file]);
    if checked.status != 0 {
        return vec![format!("check: {}", checked.stderr.trim_end())];
    }
    let exported = dir.run(&["export", "--jsonl", "--db", file]);
    if exported.status != 0 {
        return vec![format!("export: {}", exported.stderr.trim_end())];
    }
    sent.faults(&exported.stdout)
}
