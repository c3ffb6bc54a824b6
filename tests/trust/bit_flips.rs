//! Files with one wrong bit. SQLite has no checksums, so that a wrong bit within a value is not found.

use crate::run::{Row, Run};
use crate::support::WorkDir;

/// Commands that read a damaged file must end with 0 or 1. If `check` finds no fault, `export` must work.
pub fn flipped(run: &Run) -> Row {
    let mut row = Row::begin("one flipped bit, `check` and `export`");
    let mut random = run.random("bit flips");
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo", "--db", "f"]);
    let sound = dir.read("f");
    let expected = dir.run_ok(&["export", "--db", "f"]);
    let (mut found, mut harmless, mut values) = (0, 0, 0);
    for _ in run.rounds(1500) {
        row.tried += 1;
        let mut content = sound.clone();
        let place = random.below(content.len());
        let bit = random.below(8);
        content[place] ^= 1 << bit;
        dir.write("f", &content);
        let checked = dir.run(&["check", "--db", "f"]);
        let exported = dir.run(&["export", "--db", "f"]);
        let at = format!("bit {bit} of byte {place}");
        for (command, ran) in [("check", &checked), ("export", &exported)] {
            if ran.status > 1 || ran.stderr.contains("panicked") {
                row.failures
                    .push(format!("{at}: `{command}`: {}", ran.stderr.trim_end()));
            }
        }
        if dir.file_names() != ["f"] || dir.read("f") != content {
            row.failures
                .push(format!("{at}: a command that reads changed a file"));
        }
        match (checked.status, exported.status) {
            (0, 0) if exported.stdout == expected => harmless += 1,
            (0, 0) => values += 1,
            (0, _) => row.failures.push(format!(
                "{at}: `check` finds no fault, `export`: {}",
                exported.stderr.trim_end()
            )),
            _ => found += 1,
        }
    }
    row.seen(&format!(
        "{found} found; {harmless} in unused bytes; {values} within a value, which only a checksum could find"
    ))
}
