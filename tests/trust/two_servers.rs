//! Two servers and `seed` write one file, and each sees at once what the other acknowledged.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::client::Client;
use crate::data::{Sent, batch, faults};
use crate::run::{Row, Run};
use crate::support::{Server, WorkDir};

pub fn side_by_side(run: &Run) -> Row {
    let mut row = Row::begin("two servers and `seed` write one file");
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "f"]);
    let flags = ["--db", "f", "--no-auth", "--admin-api"];
    let servers = [dir.serve(&flags), dir.serve(&flags)];
    let next = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let wanted = run.count(1500);
    let mut sent = Sent::default();
    let written = std::thread::scope(|scope| {
        let (next, is_over, servers, dir) = (&next, &is_over, &servers, &dir);
        let mut writers: Vec<_> = (0..2)
            .map(|own| {
                scope.spawn(move || {
                    let mut written = Vec::new();
                    while next.load(Ordering::SeqCst) < wanted
                        && run.goes_on(next.load(Ordering::SeqCst) / 10)
                    {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        written.push(post(&servers[own], &servers[1 - own], number));
                    }
                    is_over.store(true, Ordering::SeqCst);
                    written
                })
            })
            .collect();
        writers.push(scope.spawn(move || {
            let mut written = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                let number = next.fetch_add(1, Ordering::SeqCst);
                written.push(seed(dir, servers, number));
            }
            written
        }));
        let written = writers
            .into_iter()
            .map(|writer| writer.join().expect("no panic"));
        written.flatten().collect::<Vec<_>>()
    });
    for (number, fault) in written {
        row.tried += 1;
        sent.sizes.insert(number, SIZE);
        sent.acknowledged.insert(number);
        row.failures.extend(fault);
    }
    for server in servers {
        server.stop();
    }
    row.failures.extend(faults(&dir, "f", &sent));
    row.seen("each batch was requested from the other server at once")
}

const SIZE: u64 = 3;

type Written = (u64, Option<String>);

/// Posts a batch to one server and requests it from the other.
fn post(own: &Server, other: &Server, number: u64) -> Written {
    let mut client = Client::open(own.address()).expect("a connection");
    let answer = client.post_seed(&batch(number, SIZE, 100));
    let answer = answer.expect("an answer");
    if answer.status != 200 {
        return (
            number,
            Some(format!("{}: {}", answer.status, answer.text())),
        );
    }
    (number, missing(other, number))
}

fn seed(dir: &WorkDir, servers: &[Server; 2], number: u64) -> Written {
    dir.write("batch.jsonl", batch(number, SIZE, 100));
    let ran = dir.run(&["seed", "batch.jsonl", "--db", "f"]);
    if ran.status != 0 {
        return (number, Some(format!("`seed`: {}", ran.stderr)));
    }
    let mut missing = servers.iter().filter_map(|server| missing(server, number));
    (number, missing.next())
}

fn missing(server: &Server, number: u64) -> Option<String> {
    let target = format!("/v3/packages/batch-{number}-{}", SIZE - 1);
    let mut client = Client::open(server.address()).expect("a connection");
    let status = client.get(&target).expect("an answer").status;
    (status != 200).then(|| format!("{target}: {status} after the acknowledgement"))
}
