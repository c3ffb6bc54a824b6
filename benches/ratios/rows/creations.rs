//! Rows about new packages: how fast they are created, and what the lists feel of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use std::{fs, thread};

use cf_packages::records::package::{AWAITING_UPLOAD, BITS};
use cf_packages::records::{Metadata, Package, PackageRecord, Table as _};
use cf_packages::store::{Durability, OpenMode, Store};

use super::Context;
use crate::measure::{Meter, Rounds, Unit, paired};
use crate::process::{Server, run};
use crate::table::Table;
use crate::{Result, client};

/// One app, whose id and whose space's id are 1.
const SEED: &str = r#"{"organizations": [{"name": "acme"}], "spaces": [{"name": "dev", "organization": "acme"}],
    "apps": [{"guid": "shop", "name": "shop", "space": "dev"}]}"#;
/// The time from one creation to the next, beside lists.
const PAUSE: Duration = Duration::from_millis(100);

/// Compares creating packages over HTTP, one after the other, with the transactions that insert the same rows in process.
/// Both are on the disk before the next one begins.
pub fn creations(context: &mut Context, table: &mut Table) -> Result<()> {
    let rounds = context.options.rounds;
    let folder = |name: &str| context.folder.path(name);
    let seed = folder("creations.json");
    fs::write(&seed, SEED)?;
    let (bare, served) = (folder("creations-bare.db"), folder("creations.db"));
    for database in [&bare, &served] {
        let arguments = [seed.as_os_str(), "--db".as_ref(), database.as_os_str()];
        run(
            ["seed".as_ref()].into_iter().chain(arguments),
            std::process::Stdio::null(),
        )?;
    }
    let bare = Store::open(&bare, OpenMode::ReadWrite, Durability::Full)?;
    let server = serve(&served)?;
    let request = request("shop", "");
    let pair = paired(
        Unit::PerSecond,
        rounds.count,
        || insert_rate(&bare, &rounds),
        || client::rate_of_one(server.address, &request, &rounds),
    )?;
    let baseline = "transactions in process";
    table.add("packages created".into(), baseline, pair, None);
    Ok(())
}

fn serve(database: &Path) -> Result<Server> {
    let flags = ["--no-auth", "--api", "current", "--db"].map(AsRef::as_ref);
    Server::program(flags.into_iter().chain([database.as_os_str()]))
}

/// Returns the request that creates a package of that app.
fn request(app: &str, token: &str) -> Vec<u8> {
    let body =
        format!(r#"{{"type":"bits","relationships":{{"app":{{"data":{{"guid":"{app}"}}}}}}}}"#);
    format!(
        "POST /v3/packages HTTP/1.1\r\nHost: {}\r\nAuthorization: bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        client::HOST,
        body.len()
    )
    .into_bytes()
}

/// Inserts packages, each in a transaction of its own. Returns packages per second.
fn insert_rate(store: &Store, rounds: &Rounds) -> Result<f64> {
    let mut meter = Meter::start(rounds);
    loop {
        let guid = uuid::Uuid::new_v4().hyphenated().to_string();
        store.write(|transaction| {
            let record = PackageRecord {
                guid: &guid,
                app_id: 1,
                app_guid: "shop",
                space_id: 1,
                r#type: BITS,
                state: AWAITING_UPLOAD,
                labels: Metadata::EMPTY,
                annotations: Metadata::EMPTY,
                created_at: 1,
                ..PackageRecord::default()
            };
            Package::insert(transaction, &record)
        })?;
        if !meter.tick() {
            return Ok(meter.rate());
        }
    }
}

/// Creates ten packages of that app a second, by requests to that server, while `measure` runs.
pub fn beside<T>(
    address: SocketAddr,
    app: &str,
    token: &str,
    measure: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let request = request(app, token);
    let (open, ended) = channel::<()>();
    thread::scope(|scope| {
        let creations = scope.spawn(move || -> Result<()> {
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                client::body(address, &request)?;
            }
            Ok(())
        });
        let measured = measure();
        drop(open);
        creations.join().map_err(|_| "a thread panicked")??;
        measured
    })
}
