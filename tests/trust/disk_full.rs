//! Disks that are full, as a limit on the size of files.

use std::process::Command;

use crate::client::Client;
use crate::data::{Sent, batch, faults};
use crate::run::{Row, Run};
use crate::support::{Server, WorkDir};

/// Returns a command that runs the program with a limit of that many KiB on the size of files.
fn limited(dir: &WorkDir, kib: usize) -> Command {
    let program = dir.command();
    let mut command = Command::new("sh");
    // `ulimit -f` counts blocks of 512 bytes (POSIX).
    let script = format!("ulimit -f {}; exec \"$0\" \"$@\"", 2 * kib);
    command.args(["-c", &script]).arg(program.get_program());
    command.current_dir(dir.path(""));
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

pub fn full(run: &Run) -> Row {
    let mut row = Row::begin("writes to a full disk, by a server and by `seed`");
    let mut random = run.random("disk full");
    let (mut stored, mut refused) = (0, 0);
    for _ in run.rounds(40) {
        let dir = WorkDir::new();
        dir.run_ok(&["seed", "example", "--db", "f"]);
        let limit = 200 + random.below(1000);
        let mut command = limited(&dir, limit);
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--db",
            "f",
            "--no-auth",
            "--admin-api",
        ]);
        let server = Server::start_whole(&mut command);
        let mut client = Client::open(server.address()).expect("a connection");
        let mut sent = Sent::default();
        for number in 0..12 {
            row.tried += 1;
            let size = 1 + random.below(40) as u64;
            let answer = client.post_seed(&batch(number, size, random.below(5000)));
            let answer = answer.expect("an answer");
            let first = format!("/v3/packages/batch-{number}-0");
            let found = client.get(&first).expect("an answer").status;
            match answer.status {
                200 if found == 200 => {
                    stored += 1;
                    sent.sizes.insert(number, size);
                    sent.acknowledged.insert(number);
                }
                // Nothing of it may be kept: it counts as never sent.
                503 if found == 404 => refused += 1,
                status => row.failures.push(format!(
                    "answered {status}, and then {found} for the package: {}",
                    answer.text()
                )),
            }
        }
        server.signal("TERM");
        let (code, _, log) = server.wait();
        if code != Some(0) {
            row.failures
                .push(format!("the server ended with {code:?}: {log}"));
        }
        row.failures.extend(faults(&dir, "f", &sent));

        row.tried += 1;
        dir.write("batch.jsonl", batch(100, 60, 4000));
        let mut seed = limited(&dir, limit);
        let output = seed.args(["seed", "batch.jsonl", "--db", "f"]).output();
        let output = output.expect("the program runs");
        if output.status.success() {
            stored += 1;
            sent.sizes.insert(100, 60);
            sent.acknowledged.insert(100);
        } else if output.status.code() == Some(1) {
            refused += 1;
        } else {
            row.failures
                .push(format!("`seed` ended with {:?}", output.status));
        }
        row.failures.extend(faults(&dir, "f", &sent));
        // Without the limit, the next write works.
        let next = dir.run(&["seed", "demo", "--db", "f"]);
        if next.status != 0 {
            row.failures
                .push(format!("the next `seed`: {}", next.stderr.trim_end()));
        }
    }
    row.seen(&format!("{stored} stored, {refused} refused whole"))
}
