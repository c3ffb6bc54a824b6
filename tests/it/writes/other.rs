//! Another process that writes: this very program, asked line by line.
//!
//! A second store in one process would not do: opening it closes a descriptor of the file, which drops SQLite's locks.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use cf_packages::store::{Durability, OpenMode, Store, StoreError, Version};

use super::change;
use crate::model::data::Random;

const FILE: &str = "CF_PACKAGES_WRITES_OTHER";
const ANSWER: &str = "answer: ";

pub(crate) struct Other {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Other {
    pub(crate) fn start(path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "writes::other::another_process",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(FILE, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (asks, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child,
            asks,
            answers: BufReader::new(answers),
        }
    }

    /// Has it do one thing (`KIND NUMBER WHAT`), which is committed when this returns.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        writeln!(self.asks, "{line}").unwrap();
        loop {
            let mut answer = String::new();
            assert!(
                self.answers.read_line(&mut answer).unwrap() > 0,
                "`{line}` is not answered"
            );
            // The first answer stands behind words of the test harness.
            if let Some((_, answer)) = answer.split_once(ANSWER) {
                return answer.trim_end().to_owned();
            }
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "the other process of the tests above"]
fn another_process() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let store = Store::open(Path::new(&path), OpenMode::ReadWrite, Durability::Off).unwrap();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let [kind, number, what] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let number: u64 = number.parse().unwrap();
        let answer = match kind {
            "mark" => format!("{:?}", mark(&store, what, number)),
            "insert" => {
                insert(&store, what);
                String::new()
            }
            kind => write(&store, kind, number, what.parse().unwrap()),
        };
        println!("{ANSWER}{answer}");
    }
}

/// A random change, kept or undone, or all data made anew; its name.
pub(crate) fn write(store: &Store, kind: &str, seed: u64, packages: i64) -> String {
    let mut random = Random(seed);
    let name = match kind {
        "reset" => store.write(|db| change::reset(db, packages).map(|()| "reset")),
        "undone" => {
            let refused: Result<(), StoreError> = store.write(|db| {
                change::change(db, &mut random, packages / 2)?;
                Err(StoreError::Closed)
            });
            assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
            Ok("undone")
        }
        _ => store.write(|db| change::change(db, &mut random, packages / 2)),
    };
    name.unwrap().to_owned()
}

/// Puts a number into a package, where answers show it; the version of that commit.
pub(crate) fn mark(store: &Store, guid: &str, number: u64) -> Version {
    let sql = "update packages set error = $1 where guid = $2";
    let marked = store.write(|db| {
        db.execute(sql, &[number.to_string().into(), guid.into()])?;
        db.version()
    });
    marked.unwrap()
}

/// Stores a package.
pub(crate) fn insert(store: &Store, guid: &str) {
    let sql = "insert into packages (guid, app_id, space_id, type, state, error, created_at)
               select $1, id, space_id, 'bits', 'FAILED', '0', 1 from apps where guid = 'a0'";
    store.write(|db| db.execute(sql, &[guid.into()])).unwrap();
}
