//! Clients that send or read slowly, beside one that does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::run::{Row, Run};
use crate::support::{WorkDir, get};

/// Fewer than the 1000 connections that a server has places for: beyond them, new ones may get 503.
const SLOW: usize = 900;

pub fn beside_slow_ones(run: &Run) -> Row {
    let mut row = Row::begin("requests of one client beside 900 slow ones");
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "--generate", "5000"]);
    let server = dir.serve(&["--no-auth"]);
    let address = server.address();
    let is_over = AtomicBool::new(false);
    let mut longest = Duration::ZERO;
    std::thread::scope(|scope| {
        let is_over = &is_over;
        scope.spawn(move || {
            let head = b"GET /v3/packages HTTP/1.1\r\nHost: x\r\nX-Slow: ";
            let mut clients: Vec<Option<Client>> = Vec::new();
            for number in 0.. {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let place = number % SLOW;
                if clients.len() <= place {
                    let mut client = Client::open(address);
                    if let Some(client) = client.as_mut().filter(|_| number % 3 == 0) {
                        // Does not read the megabytes that it requests.
                        client.send(get("/v3/packages?per_page=5000", ""));
                    }
                    clients.push(client);
                } else if place % 3 != 0 {
                    // One more byte of a request that never ends.
                    let byte = head.get(number / SLOW - 1).copied().unwrap_or(b'x');
                    let is_open = clients[place]
                        .as_mut()
                        .is_some_and(|client| client.send([byte]));
                    if !is_open {
                        clients[place] = Client::open(address);
                    }
                } else {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        std::thread::sleep(Duration::from_secs(1));
        for number in run.rounds(4000) {
            row.tried += 1;
            let target = match number % 4 {
                0 => "/v3/packages?per_page=5".to_owned(),
                1 => format!("/v3/packages?page={number}&per_page=3"),
                2 => "/healthz".to_owned(),
                _ => "/v3/packages/unknown".to_owned(),
            };
            let begin = Instant::now();
            let status = Client::open(address).and_then(|mut client| client.get(&target));
            longest = longest.max(begin.elapsed());
            let expected = if number % 4 == 3 { 404 } else { 200 };
            let status = status.map(|answer| answer.status);
            if status != Some(expected) {
                row.failures.push(format!("{target}: {status:?}"));
            }
        }
        is_over.store(true, Ordering::SeqCst);
    });
    // The slow ones must not delay the exit either.
    let begin = Instant::now();
    server.terminate();
    let (code, ..) = server.wait();
    let took = begin.elapsed();
    if code != Some(0) || took > Duration::from_secs(10) {
        row.failures.push(format!("exit {code:?} after {took:?}"));
    }
    row.seen(&format!(
        "the slowest response took {:.0} ms",
        longest.as_secs_f64() * 1000.0
    ))
}
