//! Hostile requests to servers of both editions. No answer may be 5xx, each must be what the OpenAPI document says, and
//! the server must not panic.

mod changes;
mod request;

use std::net::SocketAddr;
use std::path::Path;

use flate2::read::GzDecoder;

use self::request::{Made, Maker};
use crate::client::{Answer, Client};
use crate::run::{Row, Run};
use crate::support::openapi_document::Document;
use crate::support::random::Random;
use crate::support::{Server, WorkDir, archive};

/// The clients that send at the same time, to each server.
const CLIENTS: u64 = 2;
/// How many failures of one client the table counts. Most have one cause.
const MOST_FAILURES: usize = 20;

/// What the requests that change packages name, beside the seed `demo`. `changes.rs` has the same guids.
const PACKAGES: &str = r#"{
  "organizations": [{"name": "trial"}],
  "spaces": [{"name": "trial", "organization": "trial"}],
  "apps": [{"guid": "app-one", "name": "one", "space": "trial"}, {"guid": "app-two", "name": "two", "space": "trial"}],
  "packages": [
    {"guid": "stored", "app": "app-one", "type": "bits", "bits": "bits.zip"},
    {"guid": "waiting", "app": "app-one", "type": "bits"},
    {"guid": "docker", "app": "app-one", "type": "docker", "image": "nginx"}
  ]
}"#;

pub fn hostile(run: &Run, edition: &str) -> Row {
    let mut row = Row::begin(&format!("hostile requests, edition {edition}"));
    let dir = WorkDir::new();
    dir.write("bits.zip", archive(&[("file", b"content")]));
    dir.write("packages.json", PACKAGES);
    let mut flags = vec![
        "--ephemeral",
        "--seed",
        "demo",
        "--seed",
        "packages.json",
        "--token-key",
        "k",
        "--api",
        edition,
    ];
    if edition == "current" {
        flags.extend(["--login", "--login-password", "secret"]);
    }
    let server = Server::start(dir.command().env("TMPDIR", dir.path("")).args(flags));
    let tokens = ["--admin", "--user=nobody"].map(|subject| {
        let token = dir.run_ok(&["token", "--token-key", "k", subject]);
        token.trim_end().to_owned()
    });
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/edition");
    let folder = if edition == "2015" {
        "of_2015"
    } else {
        edition
    };
    let document = std::fs::read(source.join(folder).join("openapi.json")).expect("the document");
    let document = Document::parse(&document);
    let address = server.address();
    let count = run.count(120_000) / CLIENTS;
    let sent: Vec<Sent> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let random = run.random(&format!("hostile {edition} {number}"));
                let maker = Maker::new(tokens.clone());
                let document = &document;
                scope.spawn(move || {
                    let mut sent = Sent::default();
                    sent.send_all(run, address, count, maker, document, random);
                    sent
                })
            })
            .collect();
        let sent = clients
            .into_iter()
            .map(|client| client.join().expect("no panic"));
        sent.collect()
    });
    let (mut by_status, mut unanswered) = (std::collections::BTreeMap::new(), 0);
    for sent in sent {
        row.tried += sent.tried;
        row.failures.extend(sent.failures);
        unanswered += sent.unanswered;
        for (status, count) in sent.statuses {
            *by_status.entry(status).or_insert(0) += count;
        }
    }
    // Still there, and has logged nothing.
    server.signal("TERM");
    let (code, _, log) = server.wait();
    if code != Some(0) || log.contains("panicked") || log.contains("ERROR") {
        row.failures
            .push(format!("the server ended with {code:?}: {log}"));
    }
    let statuses: Vec<_> = by_status
        .iter()
        .map(|(status, count)| format!("{status}: {count}"))
        .collect();
    row.seen(&format!(
        "{}; {unanswered} malformed, without an answer",
        statuses.join(", ")
    ))
}

/// What one client sent, and what it got.
#[derive(Default)]
struct Sent {
    tried: u64,
    statuses: std::collections::BTreeMap<u16, u64>,
    unanswered: u64,
    failures: Vec<String>,
}

impl Sent {
    fn send_all(
        &mut self,
        run: &Run,
        address: SocketAddr,
        count: u64,
        maker: Maker,
        document: &Document,
        mut random: Random,
    ) {
        let mut connection = None;
        for _ in 0..count {
            if !run.goes_on(self.tried / 500) || self.failures.len() > MOST_FAILURES {
                return;
            }
            let made = maker.request(&mut random);
            let answer = exchange(address, &mut connection, &made);
            self.tried += 1;
            let Some(answer) = answer else {
                if made.is_well_formed {
                    self.fail(&made, "no answer");
                } else {
                    self.unanswered += 1;
                }
                continue;
            };
            *self.statuses.entry(answer.status).or_default() += 1;
            if let Err(text) = verify(document, &made, &answer) {
                self.fail(&made, &format!("{}: {text}", answer.status));
            }
        }
    }

    fn fail(&mut self, made: &Made, text: &str) {
        let raw = String::from_utf8_lossy(&made.raw);
        let raw = raw.chars().take(120).collect::<String>();
        self.failures.push(format!("{raw:?}: {text}"));
    }
}

/// Sends a request on the open connection, or on a new one.
fn exchange(address: SocketAddr, connection: &mut Option<Client>, made: &Made) -> Option<Answer> {
    if !made.is_well_formed {
        let mut client = Client::open(address)?;
        client.send(&made.raw);
        client.half_close();
        return client.read(made.is_head());
    }
    // The server may have closed the open connection after the last response.
    for _ in 0..2 {
        let mut client = match connection.take() {
            Some(client) => client,
            None => Client::open(address)?,
        };
        client.send(&made.raw);
        if let Some(answer) = client.read(made.is_head()) {
            if answer.header("connection") != Some("close") {
                *connection = Some(client);
            }
            return Some(answer);
        }
    }
    None
}

fn verify(document: &Document, made: &Made, answer: &Answer) -> Result<(), String> {
    if answer.status >= 500 {
        return Err(answer.text());
    }
    if made.is_head()
        || answer.body.is_empty() && matches!(answer.status, 202 | 204 | 304 | 400 | 431)
    {
        return Ok(());
    }
    let kind = answer.header("content-type");
    if kind == Some("application/zip") {
        let target = made.target.as_deref();
        return match target {
            Some(target) => document.check_zip(&made.method, target, answer.status),
            None => Ok(()),
        };
    }
    // A browser gets the page instead of the root of the API, or of its 404.
    if answer.status == 200 && kind == Some("text/html; charset=utf-8") {
        return Ok(());
    }
    if kind != Some("application/json; charset=utf-8") {
        return Err(format!("the content type {kind:?}"));
    }
    let body = match answer.header("content-encoding") {
        Some("gzip") => serde_json::from_reader(GzDecoder::new(&answer.body[..])),
        _ => serde_json::from_slice(&answer.body),
    }
    .map_err(|error| error.to_string())?;
    match &made.target {
        Some(target) => document.check(&made.method, target, answer.status, &body),
        // A request line that was changed: any document of an error is right.
        None => Ok(()),
    }
}
