//! SIGTERM under load: each request that had arrived gets its answer, and the server exits with 0 within 10 seconds.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::data::{Sent, batch, faults};
use crate::run::{Row, Run};
use crate::support::{WorkDir, get};

const CLIENTS: usize = 8;
const BOUND: Duration = Duration::from_secs(10);

pub fn under_load(run: &Run) -> Row {
    let mut row = Row::begin("SIGTERM under load of 8 readers and a writer");
    let mut random = run.random("sigterm");
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "f"]);
    dir.run_ok(&["seed", "--generate", "2000", "--db", "f"]);
    let (mut answered, mut slowest) = (0, Duration::ZERO);
    let mut sent = Sent::default();
    for round in run.rounds(50) {
        row.tried += 1;
        let server = dir.serve(&["--db", "f", "--no-auth", "--admin-api"]);
        let address = server.address();
        let time = Duration::from_millis(50 + random.below(250) as u64);
        let number = round * 1000;
        let (begin, loads, written) = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..CLIENTS)
                .map(|client| scope.spawn(move || load(address, client)))
                .collect();
            let writer = scope.spawn(move || write(address, number));
            std::thread::sleep(time);
            let begin = Instant::now();
            server.terminate();
            let loads: Vec<_> = readers
                .into_iter()
                .map(|reader| reader.join().expect("no panic"))
                .collect();
            (begin, loads, writer.join().expect("no panic"))
        });
        let (code, _, log) = server.wait();
        let took = begin.elapsed();
        slowest = slowest.max(took);
        if code != Some(0) || took > BOUND || !log.is_empty() {
            row.failures
                .push(format!("exit {code:?} after {took:?}: {log}"));
        }
        for load in loads {
            answered += load.answered;
            // A request that was sent after the signal may be refused.
            if load.unanswered.is_some_and(|sent| sent < begin) {
                row.failures
                    .push("a request that had arrived got no answer".into());
            }
        }
        for (number, is_acknowledged) in written {
            sent.sizes.insert(number, WRITTEN);
            if is_acknowledged {
                sent.acknowledged.insert(number);
            }
        }
        row.failures.extend(faults(&dir, "f", &sent));
    }
    row.seen(&format!(
        "{answered} requests answered, {} batches acknowledged; the longest exit took {:.1} s",
        sent.acknowledged.len(),
        slowest.as_secs_f64()
    ))
}

/// What one client saw.
struct Load {
    answered: u64,
    /// When the last request had been sent, if it got no answer.
    unanswered: Option<Instant>,
}

/// Sends one request after the other until the server is gone.
fn load(address: SocketAddr, number: usize) -> Load {
    let mut load = Load {
        answered: 0,
        unanswered: None,
    };
    let Some(mut client) = Client::open(address) else {
        return load;
    };
    for page in number.. {
        let target = format!(
            "/v3/packages?per_page={}&page={}",
            1 + page % 300,
            1 + page % 50
        );
        let is_sent = client.send(get(&target, ""));
        let at = Instant::now();
        match client.read(false) {
            Some(answer) => {
                assert_eq!(answer.status, 200, "{}", answer.text());
                load.answered += 1;
                if answer.header("connection") == Some("close") {
                    return load;
                }
            }
            None => {
                load.unanswered = is_sent.then_some(at);
                return load;
            }
        }
    }
    load
}

/// The packages of one batch.
const WRITTEN: u64 = 20;

/// Posts batches until the server is gone. Returns them with whether they were acknowledged.
fn write(address: SocketAddr, first: u64) -> Vec<(u64, bool)> {
    let mut written = Vec::new();
    let Some(mut client) = Client::open(address) else {
        return written;
    };
    for number in first..first + 1000 {
        let answer = client.post_seed(&batch(number, WRITTEN, 100));
        let Some(answer) = answer else {
            written.push((number, false));
            break;
        };
        written.push((number, answer.status == 200));
        if answer.status != 200 || answer.header("connection") == Some("close") {
            break;
        }
    }
    written
}
