//! Random changes of the stored data.

use cf_packages::seed;
use cf_packages::store::{StoreError, Transaction, Value};

use crate::support::generated_data;
use crate::support::random::Random;

const SPACES: i64 = 60;
const STATES: [&str; 4] = ["READY", "FAILED", "EXPIRED", "COPYING"];
/// Ids per block of the list cache.
const BLOCK: i64 = 512;

/// Inserts packages, a user with roles in few spaces, one with roles in many, and a manager of organizations.
pub fn fill(transaction: &Transaction<'_>, packages: i64) -> Result<(), StoreError> {
    generated_data::insert(transaction, packages, SPACES)?;
    transaction.execute("insert into users (guid) values ('many'), ('manager')", &[])?;
    transaction.execute(
        "insert into space_roles (user_id, space_id, role)
         select u.id, s.id, 'space_auditor' from users u, spaces s where u.guid = 'many' and s.id % 3 < 2",
        &[],
    )?;
    transaction.execute(
        "insert into organization_roles (user_id, organization_id, role)
         select u.id, o.id, 'organization_manager' from users u, organizations o
         where u.guid = 'manager' and o.id in (1, 4)",
        &[],
    )?;
    Ok(())
}

fn guid(random: &mut Random) -> String {
    format!("w{:016x}", random.next())
}

/// Inserts `count` packages of one app, with the greatest ids.
fn insert(
    transaction: &Transaction<'_>,
    random: &mut Random,
    count: i64,
) -> Result<(), StoreError> {
    let app = random_id(transaction, random, "apps")?;
    let values = [
        count.into(),
        guid(random).into(),
        (*random.choose(&STATES)).into(),
        Value::from(i64::from(random.one_in(2)) * 43_000 + random.below(400) as i64),
        random.one_in(2).then_some(130_000).into(),
        app.into(),
    ];
    transaction.execute(
        "with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < $1)
         insert into packages (guid, app_id, app_guid, space_id, type, state, created_at, updated_at)
         select $2 || '-' || n.i, a.id, a.guid, a.space_id, 'bits', $3, $4 + n.i, $5 from n, apps a where a.id = $6",
        &values,
    )?;
    if random.one_in(2) {
        transaction.execute(
            "insert into package_labels (key, value, package_id) values ('env', 'prod', $1)",
            &[transaction.int("select max(id) from packages", &[])?.into()],
        )?;
    }
    Ok(())
}

/// Returns a random id of a table.
fn random_id(
    transaction: &Transaction<'_>,
    random: &mut Random,
    table: &str,
) -> Result<i64, StoreError> {
    let last = transaction
        .int(&format!("select max(id) from {table}"), &[])?
        .unwrap_or(1);
    let from = 1 + random.below(usize::try_from(last).unwrap()) as i64;
    let found = transaction.int(
        &format!("select min(id) from {table} where id >= $1"),
        &[from.into()],
    )?;
    Ok(found.unwrap_or(last))
}

/// Makes one random change. Returns its name. With fewer than `least` packages it always inserts some.
pub fn change(
    transaction: &Transaction<'_>,
    random: &mut Random,
    least: i64,
) -> Result<&'static str, StoreError> {
    let count = transaction.int(
        "select count(*) from (select 1 from packages limit $1) few",
        &[least.into()],
    )?;
    if count < Some(least) {
        insert(transaction, random, 700)?;
        return Ok("insert many");
    }
    let id = random_id(transaction, random, "packages")?;
    let state: Value = (*random.choose(&STATES)).into();
    let name = match random.below(24) {
        0..=2 => {
            let count = 1 + random.below(3) as i64;
            insert(transaction, random, count)?;
            "insert"
        }
        3 => {
            insert(transaction, random, 600)?;
            "insert many"
        }
        4 => {
            transaction.execute(
                "update packages set state = $1 where id = $2",
                &[state, id.into()],
            )?;
            "update a state"
        }
        5 => {
            transaction.execute(
                "update packages set updated_at = created_at + 7 where id = $1",
                &[id.into()],
            )?;
            "update updated_at"
        }
        6 => {
            transaction.execute(
                "delete from package_labels where package_id = $1",
                &[id.into()],
            )?;
            transaction.execute(
                "insert into package_labels (key, value, package_id) values ('env', 'dev', $1), ('rare', 'yes', $1)",
                &[id.into()],
            )?;
            transaction.execute(
                "update packages set labels = '{\"env\":\"dev\",\"rare\":\"yes\"}' where id = $1",
                &[id.into()],
            )?;
            "update labels"
        }
        7 => {
            let rest = random.below(509) as i64;
            transaction.execute(
                "update packages set state = $1 where id % 509 = $2",
                &[state, rest.into()],
            )?;
            "update a state in every block"
        }
        8 => {
            let edge = id / BLOCK * BLOCK;
            transaction.execute(
                "update packages set state = $1 where id between $2 and $3",
                &[state, (edge - 2).into(), (edge + 1).into()],
            )?;
            "update the states around the edge of a block"
        }
        9 | 10 => {
            transaction.execute("delete from packages where id = $1", &[id.into()])?;
            "delete"
        }
        11 => {
            transaction.execute(
                "delete from packages where id between $1 and $1 + 700",
                &[id.into()],
            )?;
            "delete many"
        }
        12 => {
            transaction.execute(
                "delete from packages where id > (select max(id) - 3 from packages)",
                &[],
            )?;
            "delete the last"
        }
        13 => {
            transaction.execute(
                "delete from packages where id = (select max(id) from packages)",
                &[],
            )?;
            insert(transaction, random, 1)?;
            "delete the last, insert"
        }
        14 => {
            let (app, space) = (
                random_id(transaction, random, "apps")?,
                random_id(transaction, random, "spaces")?,
            );
            let to: &[Value] = &[space.into(), app.into()];
            transaction.execute("update apps set space_id = $1 where id = $2", to)?;
            "move an app"
        }
        15 => {
            let (app, to) = (random_id(transaction, random, "apps")?, id);
            transaction.execute(
                "update packages set app_id = $1, app_guid = (select guid from apps where id = $1), space_id = (select space_id from apps where id = $1) where id = $2",
                &[app.into(), to.into()],
            )?;
            "move a package"
        }
        16 => {
            let (name, organization) = (
                guid(random),
                random_id(transaction, random, "organizations")?,
            );
            transaction.execute(
                "insert into spaces (guid, name, folded_name, organization_id, created_at) values ($1, $1, $1, $2, 0)",
                &[name.as_str().into(), organization.into()],
            )?;
            transaction.execute(
                "insert into apps (guid, name, folded_name, space_id, created_at) values ($1, $1, $1, $2, 0)",
                &[format!("{name}-app").into(), transaction.last_id().into()],
            )?;
            insert(transaction, random, 1)?;
            "insert a space and an app"
        }
        17 => {
            let (space, organization) = (
                random_id(transaction, random, "spaces")?,
                random_id(transaction, random, "organizations")?,
            );
            transaction.execute(
                "update spaces set organization_id = $1 where id = $2",
                &[organization.into(), space.into()],
            )?;
            "move a space"
        }
        18 | 19 => {
            let space = random_id(transaction, random, "spaces")?;
            transaction.execute(
                "insert into space_roles (user_id, space_id, role)
                 select id, $1, 'space_manager' from users where guid in ('member', 'many') on conflict do nothing",
                &[space.into()],
            )?;
            "insert a role"
        }
        20 => {
            let space = random_id(transaction, random, "spaces")?;
            transaction.execute(
                "delete from space_roles where space_id = $1",
                &[space.into()],
            )?;
            "delete roles"
        }
        21 => {
            let organization = random_id(transaction, random, "organizations")?;
            transaction.execute(
                "update organizations set suspended = 1 - suspended where id = $1",
                &[organization.into()],
            )?;
            "suspend an organization, or end its suspension"
        }
        22 => {
            transaction.execute("delete from users where guid = 'member'", &[])?;
            transaction.execute("insert into users (guid) values ('member')", &[])?;
            let (user, space) = (
                transaction.last_id(),
                random_id(transaction, random, "spaces")?,
            );
            transaction.execute(
                "insert into space_roles (user_id, space_id, role)
                 select $1, id, 'space_developer' from spaces where id between $2 and $2 + 2",
                &[user.into(), space.into()],
            )?;
            "delete a user and insert it again"
        }
        _ => {
            let organization = random_id(transaction, random, "organizations")?;
            transaction.execute(
                "delete from organization_roles where organization_id = $1",
                &[organization.into()],
            )?;
            transaction.execute(
                "insert into organization_roles (user_id, organization_id, role)
                 select id, $1, 'organization_manager' from users where guid = 'manager'
                 on conflict do nothing",
                &[random_id(transaction, random, "organizations")?.into()],
            )?;
            "manage another organization"
        }
    };
    Ok(name)
}

/// Inserts `packages` packages with the greatest ids.
pub fn fill_more(transaction: &Transaction<'_>, packages: i64) -> Result<(), StoreError> {
    insert(transaction, &mut Random(packages.unsigned_abs()), packages)
}

/// Deletes everything and inserts it again.
pub fn reset(transaction: &Transaction<'_>, packages: i64) -> Result<(), StoreError> {
    seed::reset(transaction).map_err(|error| StoreError::Sqlite(error.to_string()))?;
    fill(transaction, packages)
}
