//! Simulated power cuts. strace records the writes and syncs of the real program, in the order of the kernel; a model of
//! a disk replays them up to a cut, where each write that no sync covers is kept, dropped or torn at 512 byte sectors.
//! The program then opens the files. A control run ignores the syncs, and must lose something.

mod disk;
mod record;

use std::collections::BTreeMap;

use rustix::process::Signal;

use self::disk::{Disk, Syncs};
use self::record::{Event, Recording};
use crate::client::Client;
use crate::data::{Sent, batch, faults};
use crate::kills::old_file;
use crate::run::{Row, Run};
use crate::support::WorkDir;
use crate::support::random::Random;

pub fn of_servers(run: &Run) -> Row {
    cuts(
        run,
        "power cuts of a server, a restart and a `seed`",
        300,
        served,
    )
}

pub fn of_a_checkpoint(run: &Run) -> Row {
    cuts(
        run,
        "power cuts while a server checkpoints 16 MiB",
        40,
        checkpointed,
    )
}

pub fn of_a_creation(run: &Run) -> Row {
    cuts(run, "power cuts while the file is created", 100, created)
}

pub fn of_a_migration(run: &Run) -> Row {
    cuts(run, "power cuts while the file is migrated", 100, migrated)
}

/// A recording, and what must be found after a cut.
struct Scenario {
    recording: Recording,
    /// Returns the faults of the files in the folder, when that many acknowledgements had been sent.
    faults: Box<dyn Fn(&WorkDir, usize) -> Vec<String>>,
}

/// Cuts the power `count` times at moments of the recording that `record` makes.
fn cuts(run: &Run, what: &str, count: u64, record: fn() -> Scenario) -> Row {
    let mut row = Row::begin(what);
    if !record::is_available() {
        return row.failed("strace is needed: install it, or choose other trials".into());
    }
    let scenario = &record();
    let mut random = run.random(what);
    let count = run.count(count);
    for_each_cut(
        scenario,
        count,
        Syncs::Counted,
        &mut random,
        |files, acknowledged, cut| {
            if !run.goes_on(row.tried) {
                return;
            }
            row.tried += 1;
            let found = faults_of(scenario, files, acknowledged);
            let at = |text: &String| format!("cut after event {cut}: {text}");
            row.failures.extend(found.iter().map(at));
        },
    );
    let recording = &scenario.recording;
    let (writes, syncs) = (recording.writes(), recording.syncs());
    let acknowledgements = recording.acknowledgements();
    row.seen(&format!(
        "recorded: {writes} writes, {syncs} syncs, {acknowledgements} acknowledgements"
    ))
}

/// Such cuts without the effect of the syncs. It shows that the trial can fail.
pub fn of_servers_without_syncs(run: &Run) -> Row {
    let row = Row::begin("control: such cuts, syncs ignored; must lose data");
    if !record::is_available() {
        return row.failed("strace is needed: install it, or choose other trials".into());
    }
    let scenario = &served();
    let mut random = run.random("control");
    let (mut tried, mut lost) = (0, 0);
    let count = run.count(60);
    for_each_cut(
        scenario,
        count,
        Syncs::Ignored,
        &mut random,
        |files, acknowledged, _| {
            tried += 1;
            lost += usize::from(!faults_of(scenario, files, acknowledged).is_empty());
        },
    );
    let mut row = match lost {
        0 => row.failed("no cut lost anything, so the trial proves nothing".into()),
        lost => row.seen(&format!("{lost} cuts lost or damaged data, as they must")),
    };
    row.tried = tried;
    row
}

fn faults_of(
    scenario: &Scenario,
    files: &BTreeMap<String, Vec<u8>>,
    acknowledged: usize,
) -> Vec<String> {
    let dir = WorkDir::new();
    for (name, content) in files {
        dir.write(name, content);
    }
    (scenario.faults)(&dir, acknowledged)
}

/// Passes the files after each of `count` cuts to `try_cut`, with the number of acknowledgements and of events before it.
/// Every second cut comes right after an acknowledgement or the begin of a sync.
fn for_each_cut(
    scenario: &Scenario,
    count: u64,
    syncs: Syncs,
    random: &mut Random,
    mut try_cut: impl FnMut(&BTreeMap<String, Vec<u8>>, usize, usize),
) {
    let events = &scenario.recording.events;
    let is_critical = |event: &Event| event.is_acknowledgement() || event.begins_sync();
    let critical: Vec<usize> = (0..events.len())
        .filter(|index| is_critical(&events[*index]))
        .collect();
    let mut cuts: Vec<usize> = (0..count)
        .map(|number| match number % 2 {
            0 => random.below(events.len()),
            _ => *random.choose(&critical),
        })
        .collect();
    cuts.sort_unstable();
    let mut disk = Disk::new(&scenario.recording.before);
    let (mut applied, mut acknowledged) = (0, 0);
    for cut in cuts {
        for event in &events[applied..=cut] {
            disk.apply(event, syncs);
            acknowledged += usize::from(event.is_acknowledgement());
        }
        applied = cut + 1;
        try_cut(&disk.after_cut(random), acknowledged, cut);
    }
}

/// Returns the faults after a cut of batches that were sent one after the other: what was stored is a prefix of them.
fn faults_of_batches(
    dir: &WorkDir,
    sizes: &BTreeMap<u64, u64>,
    acknowledged: usize,
) -> Vec<String> {
    let sent = Sent {
        sizes: sizes.clone(),
        acknowledged: (0..acknowledged as u64).collect(),
    };
    let found = faults(dir, "f", &sent);
    if !found.is_empty() {
        return found;
    }
    let export = dir.run_ok(&["export", "--jsonl", "--db", "f"]);
    let holds = |number: &u64| export.contains(&format!("\"guid\":\"batch-{number}-0\""));
    let stored = sizes.keys().take_while(|number| holds(number)).count();
    if sizes.keys().skip(stored).any(|number| holds(number)) {
        return vec![format!(
            "batch {stored} is missing, and a later one is stored"
        )];
    }
    // The database goes on.
    let next = dir.run(&["seed", "demo", "--db", "f"]);
    match next.status {
        0 => faults(dir, "f", &sent),
        _ => vec![format!("the next `seed`: {}", next.stderr.trim_end())],
    }
}

/// Records a server that gets batches and stops, another one that is killed, and a `seed`.
fn served() -> Scenario {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "f"]);
    let mut recording = Recording::of(&dir);
    let mut sizes = BTreeMap::new();
    for signal in [Signal::TERM, Signal::KILL] {
        let server = recording.serve(&dir, &["--db", "f", "--no-auth", "--admin-api"]);
        let mut client = Client::open(server.address()).expect("a connection");
        for _ in 0..20 {
            let number = sizes.len() as u64;
            let size = 1 + number % 5;
            sizes.insert(number, size);
            let annotation = if number % 4 == 3 { 3000 } else { 20 };
            let answer = client.post_seed(&batch(number, size, annotation));
            assert_eq!(answer.expect("an answer").status, 200);
        }
        recording.end(&dir, server, signal);
    }
    let number = sizes.len() as u64;
    sizes.insert(number, 40);
    dir.write("batch.jsonl", batch(number, 40, 500));
    recording.run(&dir, &["seed", "batch.jsonl", "--db", "f"]);
    Scenario {
        recording,
        faults: Box::new(move |dir, acknowledged| faults_of_batches(dir, &sizes, acknowledged)),
    }
}

/// Records a server that finds a log of 16 MiB, so that its commits move the log into the file and cut it.
fn checkpointed() -> Scenario {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "f"]);
    let flags = ["--db", "f", "--no-auth", "--admin-api"];
    let server = dir.serve(&flags);
    let mut client = Client::open(server.address()).expect("a connection");
    let text = "x".repeat(5000);
    for round in 0..17 {
        let annotations: Vec<_> = (0..180)
            .map(|number| format!("\"a{number}\": \"{round}{}\"", &text[2..]))
            .collect();
        let seed = format!(
            r#"{{"packages": [{{"guid": "large", "app": "my-app", "type": "bits", "annotations": {{{}}}}}]}}"#,
            annotations.join(",")
        );
        assert_eq!(client.post_seed(&seed).expect("an answer").status, 200);
    }
    server.signal("KILL");
    server.wait();
    let mut recording = Recording::of(&dir);
    let server = recording.serve(&dir, &flags);
    let mut client = Client::open(server.address()).expect("a connection");
    let sizes: BTreeMap<u64, u64> = (0..6).map(|number| (number, 3)).collect();
    for (number, size) in &sizes {
        let answer = client.post_seed(&batch(*number, *size, 20));
        assert_eq!(answer.expect("an answer").status, 200);
    }
    recording.end(&dir, server, Signal::TERM);
    Scenario {
        recording,
        faults: Box::new(move |dir, acknowledged| {
            let mut found = faults_of_batches(dir, &sizes, acknowledged);
            if !dir
                .run(&["export", "--db", "f"])
                .stdout
                .contains("\"large\"")
            {
                found.push("what was stored before is lost".into());
            }
            found
        }),
    }
}

/// Records a `seed` that creates the file.
fn created() -> Scenario {
    let dir = WorkDir::new();
    let mut recording = Recording::of(&dir);
    let arguments = ["seed", "example", "--db", "f"];
    recording.run(&dir, &arguments);
    let expected = dir.run_ok(&["export", "--db", "f"]);
    let created = move |dir: &WorkDir, acknowledged: usize| {
        let without_times = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        let expected = without_times(&expected);
        let is_whole = |dir: &WorkDir| {
            let exported = dir.run(&["export", "--db", "f"]).stdout;
            dir.run(&["check", "--db", "f"]).status == 0 && without_times(&exported) == expected
        };
        let mut found = Vec::new();
        let exists = dir.path("f").exists();
        if exists && !is_whole(dir) || acknowledged > 0 && !exists {
            found.push(format!(
                "{acknowledged} acknowledged, and {:?}",
                dir.file_names()
            ));
        }
        let again = dir.run(&arguments);
        if again.status != 0 || !is_whole(dir) {
            found.push(format!("the next `seed`: {}", again.stderr.trim_end()));
        }
        found
    };
    Scenario {
        recording,
        faults: Box::new(created),
    }
}

/// Records a `seed` that migrates a file of an earlier release.
fn migrated() -> Scenario {
    let dir = WorkDir::new();
    dir.write("f", old_file());
    let mut recording = Recording::of(&dir);
    let arguments = ["seed", "example", "--db", "f"];
    recording.run(&dir, &arguments);
    let expected = dir.run_ok(&["export", "--db", "f"]);
    let migrated = move |dir: &WorkDir, _: usize| {
        let again = dir.run(&arguments);
        let exported = dir.run(&["export", "--db", "f"]).stdout;
        let is_kept = dir.path("f.before-1").exists() && dir.read("f.before-1") == old_file();
        let is_whole = exported == expected && dir.run(&["check", "--db", "f"]).status == 0;
        if again.status == 0 && is_kept && is_whole {
            return Vec::new();
        }
        let names = dir.file_names();
        vec![format!(
            "the next `seed`: {} {names:?}, data whole: {is_whole}, copy kept: {is_kept}",
            again.stderr.trim_end()
        )]
    };
    Scenario {
        recording,
        faults: Box::new(migrated),
    }
}
