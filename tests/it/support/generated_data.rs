//! Generated data for tests that need many packages.

use cf_packages::store::{StoreError, Transaction};

const APPS_PER_SPACE: i64 = 5;
const SPACES_PER_ORGANIZATION: i64 = 5;

/// Inserts `packages` packages, evenly distributed over `spaces` spaces, and the user `member`, who has roles in three
/// of the spaces.
pub fn insert(transaction: &Transaction<'_>, packages: i64, spaces: i64) -> Result<(), StoreError> {
    let insert = |sql: &str, count: i64, other: &[i64]| {
        let mut values = vec![count.into()];
        values.extend(other.iter().map(|n| (*n).into()));
        let sql = format!(
            "with recursive n (i) as (select cast(0 as bigint) union all select i + 1 from n where i + 1 < $1) {sql}"
        );
        transaction.execute(&sql, &values)
    };
    insert(
        "insert into organizations (id, guid, name, folded_name, created_at)
         select i + 1, 'o' || i, 'o' || i, 'o' || i, 0 from n",
        spaces / SPACES_PER_ORGANIZATION,
        &[],
    )?;
    insert(
        "insert into spaces (id, guid, name, folded_name, organization_id, created_at)
         select i + 1, 's' || i, 's' || i, 's' || i, i / $2 + 1, 0 from n",
        spaces,
        &[SPACES_PER_ORGANIZATION],
    )?;
    insert(
        "insert into apps (id, guid, name, folded_name, space_id, created_at)
         select i + 1, 'a' || i, 'a' || i, 'a' || i, i / $2 + 1, 0 from n",
        spaces * APPS_PER_SPACE,
        &[APPS_PER_SPACE],
    )?;
    // `m` is a pseudo-random number made of `i`.
    insert(
        ", p as (select i, i * 48271 % 2147483647 as m from n)
         insert into packages (guid, app_id, app_guid, space_id, type, state, image, store_image, created_at, updated_at)
         select 'p' || i, m % $2 + 1, 'a' || (m % $2), m % $2 / $3 + 1, case when m / 7 % 4 = 0 then 'docker' else 'bits' end,
                case m / 11 % 4 when 0 then 'FAILED' when 1 then 'COPYING' else 'READY' end,
                case when m / 7 % 4 = 0 then 'image' end, case when m / 7 % 4 = 0 then 0 end,
                m / 13 % 100000, case when m / 17 % 3 > 0 then 100000 + m / 19 % 100000 end
         from p",
        packages,
        &[spaces * APPS_PER_SPACE, APPS_PER_SPACE],
    )?;
    transaction.execute(
        "insert into package_labels (key, value, package_id)
         select 'env', case id % 3 when 0 then 'prod' else 'dev' end, id from packages where id % 3 < 2
         union all select 'tier', 'tier' || (id * 31 % 4), id from packages
         union all select 'rare', 'yes', id from packages where id <= 20",
        &[],
    )?;
    super::database::note_chosen_ids(transaction);
    transaction.execute("insert into users (guid) values ('member')", &[])?;
    for space in [2, 5, 9] {
        transaction.execute(
            "insert into space_roles (user_id, space_id, role)
             select id, $1, 'space_developer' from users where guid = 'member'",
            &[space.into()],
        )?;
    }
    Ok(())
}
