//! A process that creates, changes or deletes a package every 100 ms, in turn.

use std::io::{Write, stdout};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use cf_packages::clock;
use cf_packages::store::{Durability, OpenMode, Store, StoreError, Transaction};

use crate::Result;
use crate::process::on_end_of_input;

/// The time from one change to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// Copies a package from anywhere in the table.
const CREATE: &str = "\
insert into packages (guid, app_id, app_guid, space_id, type, state, error, sha1, sha256, image, store_image, created_at) \
select $1, app_id, app_guid, space_id, type, state, error, sha1, sha256, image, store_image, $2 \
from packages where id >= $3 order by id limit 1";
/// Changes the state, by which lists can be filtered.
const CHANGE: &str = "\
update packages set state = iif(state = 'READY', 'EXPIRED', 'READY'), updated_at = $1 \
where id = (select min(id) from packages where id >= $2)";
/// Deletes a package, which moves all packages after it to other pages.
const DELETE: &str =
    "delete from packages where id = (select min(id) from packages where id >= $1)";

/// Writes until the end of standard input, then prints the number of commits.
pub fn run(database: &Path) -> Result<()> {
    let (open, ended) = channel::<()>();
    on_end_of_input(move || drop(open));
    let store = Store::open(database, OpenMode::ReadWrite, Durability::Full)?;
    let mut written: u64 = 0;
    while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        store.write(|transaction| change(transaction, written))?;
        written += 1;
    }
    store.close()?;
    writeln!(stdout(), "{written}")?;
    Ok(())
}

fn change(transaction: &Transaction<'_>, number: u64) -> std::result::Result<usize, StoreError> {
    let last = transaction
        .int("select max(id) from packages", &[])?
        .unwrap_or(0);
    // Multiples of the golden ratio are spread evenly over the table.
    let spread = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let id = (spread * u128::from(last.unsigned_abs())) >> 64;
    let id = i64::try_from(id).unwrap_or(0);
    let now = clock::system_now();
    match number % 3 {
        0 => {
            let guid = uuid::Uuid::new_v4().hyphenated().to_string();
            transaction.execute(CREATE, &[guid.into(), now.into(), id.into()])
        }
        1 => transaction.execute(CHANGE, &[now.into(), id.into()]),
        _ => transaction.execute(DELETE, &[id.into()]),
    }
}
