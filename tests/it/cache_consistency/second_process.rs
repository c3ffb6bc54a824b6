//! A second process that changes the database: this test program again, which reads commands line by line.
//!
//! A second store in the same process would lose SQLite's locks, since opening it closes a descriptor of the file
//! (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use cf_packages::store::{Durability, Location, Store, StoreError, Version};

use super::changes;
use crate::support::random::Random;

/// The variable with the path or the URL of the database; only the second process has it.
const FILE: &str = "CF_PACKAGES_TEST_SECOND_PROCESS";
/// The start of a line with a result.
const RESULT: &str = "result: ";

pub struct SecondProcess {
    child: Child,
    commands: ChildStdin,
    results: BufReader<ChildStdout>,
}

impl SecondProcess {
    pub fn start(database: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "cache_consistency::second_process::second_process",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(FILE, database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (commands, results) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child,
            commands,
            results: BufReader::new(results),
        }
    }

    /// Runs a command, whose changes are committed when this returns. Returns its result. The commands:
    ///
    /// - `count NUMBER GUID`: see [`count`]
    /// - `insert NUMBER GUID`: see [`insert`]; the number is ignored
    /// - `KIND SEED PACKAGES`: see [`change`]
    pub fn run(&mut self, command: &str) -> String {
        writeln!(self.commands, "{command}").unwrap();
        loop {
            let mut line = String::new();
            assert!(
                self.results.read_line(&mut line).unwrap() > 0,
                "no result of `{command}`"
            );
            // The test harness prints to the same output.
            if let Some((_, result)) = line.split_once(RESULT) {
                return result.trim_end().to_owned();
            }
        }
    }
}

impl Drop for SecondProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "only the second process runs it"]
fn second_process() {
    let Some(database) = std::env::var_os(FILE) else {
        return;
    };
    let location = Location::parse(database).unwrap();
    let store = location.open(Durability::Off).unwrap();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let [kind, number, argument] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let number: u64 = number.parse().unwrap();
        let result = match kind {
            "count" => format!("{:?}", count(&store, argument, number)),
            "insert" => {
                insert(&store, argument);
                String::new()
            }
            kind => change(&store, kind, number, argument.parse().unwrap()),
        };
        println!("{RESULT}{result}");
    }
}

/// Makes a random change (`change`), one that is rolled back (`rollback`), or deletes everything and inserts it again
/// (`reset`). Returns its name.
pub fn change(store: &Store, kind: &str, seed: u64, packages: i64) -> String {
    let mut random = Random(seed);
    let name = match kind {
        "reset" => {
            store.write(|transaction| changes::reset(transaction, packages).map(|()| "reset"))
        }
        "rollback" => {
            let refused: Result<(), StoreError> = store.write(|transaction| {
                changes::change(transaction, &mut random, packages / 2)?;
                Err(StoreError::Closed)
            });
            assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
            Ok("rollback")
        }
        _ => store.write(|transaction| changes::change(transaction, &mut random, packages / 2)),
    };
    name.unwrap().to_owned()
}

/// Stores a number in a package, as the error text that responses show. Returns the data version of the commit.
pub fn count(store: &Store, guid: &str, number: u64) -> Version {
    let sql = "update packages set error = $1 where guid = $2";
    let counted = store.write(|db| {
        db.execute(sql, &[number.to_string().into(), guid.into()])?;
        db.version()
    });
    counted.unwrap()
}

/// Stores a package.
pub fn insert(store: &Store, guid: &str) {
    let sql =
        "insert into packages (guid, app_id, app_guid, space_id, type, state, error, created_at)
               select $1, id, guid, space_id, 'bits', 'FAILED', '0', 1 from apps where guid = 'a0'";
    store.write(|db| db.execute(sql, &[guid.into()])).unwrap();
}
