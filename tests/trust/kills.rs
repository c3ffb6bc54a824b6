//! `kill -9` in the middle of the work.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::data::{Sent, batch, faults};
use crate::run::{Row, Run};
use crate::support::WorkDir;
use crate::support::random::Random;

/// Starts the program without output.
fn start(dir: &WorkDir, arguments: &[&str]) -> Child {
    let mut command = dir.command();
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// Lets the child work for a random time, kills it, and returns whether it had ended with success before.
fn kill_after(child: &mut Child, random: &mut Random, at_most: Duration) -> bool {
    let micros = usize::try_from(at_most.as_micros()).expect("a short time");
    let time = Duration::from_micros(random.below(micros.max(1)) as u64);
    std::thread::sleep(time);
    child.kill().expect("the child is ours");
    child.wait().expect("the child ends").success()
}

/// Returns how long the command takes, with half of that added.
fn duration(dir: &WorkDir, arguments: &[&str]) -> Duration {
    let begin = Instant::now();
    assert!(start(dir, arguments).wait().expect("it ends").success());
    begin.elapsed() * 3 / 2
}

/// Kills `seed` beside a server, whose answers show each batch whole or not at all.
pub fn while_seeding(run: &Run) -> Row {
    const SIZE: u64 = 300;
    let mut row = Row::begin("`kill -9` of `seed`, beside a server that is read");
    let mut random = run.random("kill seed");
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "f"]);
    let server = dir.serve(&["--db", "f", "--no-auth", "--api", "current"]);
    let mut reader = Client::open(server.address()).expect("a connection");
    let mut sent = Sent::default();
    let arguments = ["seed", "batch.jsonl", "--db", "f"];
    dir.write("batch.jsonl", batch(0, SIZE, 100));
    sent.sizes.insert(0, SIZE);
    let at_most = duration(&dir, &arguments);
    sent.acknowledged.insert(0);
    for number in run.rounds(300) {
        let number = number + 1;
        dir.write("batch.jsonl", batch(number, SIZE, 100));
        sent.sizes.insert(number, SIZE);
        let is_acknowledged = kill_after(&mut start(&dir, &arguments), &mut random, at_most);
        row.tried += 1;
        if is_acknowledged {
            sent.acknowledged.insert(number);
        }
        let target = format!("/v3/packages?label_selector=batch%3D{number}&per_page=1");
        let body = reader.get(&target).expect("an answer").text();
        let total = body.split("\"total_results\":").nth(1);
        let total: Option<u64> = total.and_then(|rest| rest.split(',').next()?.parse().ok());
        if total != Some(SIZE) && (is_acknowledged || total != Some(0)) {
            row.failures.push(format!(
                "acknowledged: {is_acknowledged}; the server shows {total:?} of {SIZE} packages"
            ));
        }
        if number % 20 == 0 {
            row.failures.extend(faults(&dir, "f", &sent));
        }
    }
    row.failures.extend(faults(&dir, "f", &sent));
    server.stop();
    let seen = format!(
        "{} acknowledged before the kill",
        sent.acknowledged.len() - 1
    );
    row.seen(&seen)
}

/// Kills a server to which seeds are posted, while a reader requests what was acknowledged.
pub fn while_serving(run: &Run) -> Row {
    let mut row = Row::begin("`kill -9` of a server that is written and read");
    let mut random = run.random("kill serve");
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "f"]);
    let mut sent = Sent::default();
    let mut reads = 0;
    for _ in run.rounds(60) {
        let server = dir.serve(&["--db", "f", "--no-auth", "--admin-api"]);
        let address = server.address();
        let first = sent.sizes.len() as u64;
        let next = AtomicU64::new(first);
        let time = Duration::from_millis(20 + random.below(280) as u64);
        let (sizes, acknowledged, read) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut sizes = Vec::new();
                let mut client = Client::open(address).expect("a connection");
                for number in first.. {
                    let size = 1 + number % 7;
                    sizes.push((number, size));
                    let annotation = if number.is_multiple_of(10) { 4000 } else { 10 };
                    match client.post_seed(&batch(number, size, annotation)) {
                        Some(answer) => assert_eq!(answer.status, 200, "{}", answer.text()),
                        None => break,
                    }
                    next.store(number + 1, Ordering::SeqCst);
                }
                (sizes, next.load(Ordering::SeqCst))
            });
            let reader = scope.spawn(|| {
                let mut client = Client::open(address).expect("a connection");
                let mut read = 0;
                loop {
                    let number = next.load(Ordering::SeqCst);
                    let target = match number.checked_sub(1) {
                        Some(last) if last >= first => format!("/v3/packages/batch-{last}-0"),
                        _ => "/v3/packages/guid-1ab9a4fd-8c75-4d3e-a0f2-64e7b5c8d906".into(),
                    };
                    match client.get(&target) {
                        Some(answer) if answer.status == 200 => read += 1,
                        Some(answer) => return Err(format!("{target}: {}", answer.status)),
                        None => return Ok(read),
                    }
                }
            });
            std::thread::sleep(time);
            server.signal("KILL");
            let (sizes, end) = writer.join().expect("no panic");
            (sizes, first..end, reader.join().expect("no panic"))
        });
        assert_eq!(server.wait().0, None, "the server ended by itself");
        row.tried += 1;
        sent.sizes.extend(sizes);
        sent.acknowledged.extend(acknowledged);
        match read {
            Ok(read) => reads += read,
            Err(text) => row.failures.push(format!("acknowledged, but {text}")),
        }
        row.failures.extend(faults(&dir, "f", &sent));
    }
    let seen = format!(
        "{} batches acknowledged, {reads} reads of the last one",
        sent.acknowledged.len()
    );
    row.seen(&seen)
}

pub fn while_creating(run: &Run) -> Row {
    let mut row = Row::begin("`kill -9` of `seed` that creates the file");
    let mut random = run.random("kill create");
    let arguments = ["seed", "demo", "--db", "f"];
    let reference = WorkDir::new();
    let at_most = duration(&reference, &arguments);
    let expected = packages(&reference);
    let mut absent = 0;
    for _ in run.rounds(100) {
        let dir = WorkDir::new();
        let is_acknowledged = kill_after(&mut start(&dir, &arguments), &mut random, at_most);
        row.tried += 1;
        let exists = dir.path("f").exists();
        absent += u64::from(!exists);
        if exists && packages(&dir) != expected || is_acknowledged && !exists {
            row.failures
                .push(format!("acknowledged: {is_acknowledged}; not whole"));
        }
        dir.run_ok(&arguments);
        let mut names = dir.file_names();
        // A lock whose draft was not yet made is kept for an hour: its program may be alive.
        names.retain(|name| !name.ends_with(".lock"));
        if packages(&dir) != expected || names != ["f"] {
            row.failures
                .push(format!("the next `seed` leaves {names:?}"));
        }
    }
    row.seen(&format!(
        "{absent} times no file was left, else a whole one"
    ))
}

/// Returns how many packages the file has, and whether it has no fault.
fn packages(dir: &WorkDir) -> (usize, i32) {
    let exported = dir.run(&["export", "--jsonl", "--db", "f"]);
    let checked = dir.run(&["check", "--db", "f"]);
    (
        exported.stdout.matches("{\"package\":").count(),
        checked.status,
    )
}

pub fn while_migrating(run: &Run) -> Row {
    let mut row = Row::begin("`kill -9` of `seed` that migrates the file");
    let mut random = run.random("kill migrate");
    let old = old_file();
    let arguments = ["seed", "example", "--db", "f"];
    let reference = WorkDir::new();
    reference.write("f", &old);
    let at_most = duration(&reference, &arguments);
    let expected = reference.run_ok(&["export", "--db", "f"]);
    let mut migrated = 0;
    for _ in run.rounds(100) {
        let dir = WorkDir::new();
        dir.write("f", &old);
        kill_after(&mut start(&dir, &arguments), &mut random, at_most);
        row.tried += 1;
        migrated += u64::from(dir.run(&["export", "--db", "f"]).status == 0);
        let again = dir.run(&arguments);
        let names = dir.file_names();
        let is_whole = again.status == 0
            && names == ["f", "f.before-1"]
            && dir.read("f.before-1") == old
            && dir.run_ok(&["export", "--db", "f"]) == expected
            && dir.run(&["check", "--db", "f"]).status == 0;
        if !is_whole {
            row.failures
                .push(format!("{names:?} {}", again.stderr.trim_end()));
        }
    }
    row.seen(&format!("{migrated} were migrated before the kill"))
}

/// Returns the kept file of the first release.
pub fn old_file() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-1.db");
    std::fs::read(path).expect("the fixture")
}
