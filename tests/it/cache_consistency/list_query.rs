//! Lists, each as a query string and as simple SQL with the same meaning.

use cf_packages::caller::{Caller, Member};
use cf_packages::edition::Edition;
use cf_packages::store::{Snapshot, StoreError};

use crate::support::random::Random;

/// The callers; see [`super::changes::fill`]. `unknown` is not in the database.
pub const CALLERS: [&str; 5] = ["admin", "member", "many", "manager", "unknown"];

pub fn caller(name: &str) -> Caller {
    if name == "admin" {
        return Caller::Everything;
    }
    Caller::Member(Member {
        user: name.into(),
        rules: Edition::Current.access_rules(),
    })
}

/// Returns a condition for the packages that the caller sees.
fn visible_to(name: &str) -> String {
    if name == "admin" {
        return "true".into();
    }
    format!(
        "r.space_id in (select x.space_id from space_roles x join users u on u.id = x.user_id where u.guid = '{name}'
         union all select s.id from spaces s join organization_roles x on x.organization_id = s.organization_id
         join users u on u.id = x.user_id where x.role = 'organization_manager' and u.guid = '{name}')"
    )
}

#[derive(Clone, Debug)]
pub struct ListQuery {
    pub caller: &'static str,
    query: String,
    /// From `from` to `order by`.
    sql: String,
}

/// Filters, and the SQL conditions that they mean.
const CONDITIONS: [(&str, &str); 22] = [
    ("", "true"),
    ("", "true"),
    ("states=READY", "r.state = 'READY'"),
    ("states=READY,FAILED", "r.state in ('READY', 'FAILED')"),
    ("states=EXPIRED", "r.state = 'EXPIRED'"),
    ("types=docker", "r.type = 'docker'"),
    (
        "app_guids=a7",
        "r.app_id in (select id from apps where guid = 'a7')",
    ),
    (
        "app_guids=a5,a21,nope",
        "r.app_id in (select id from apps where guid in ('a5', 'a21'))",
    ),
    (
        "space_guids=s1",
        "r.space_id in (select id from spaces where guid = 's1')",
    ),
    (
        "space_guids=s1,s4,s8",
        "r.space_id in (select id from spaces where guid in ('s1', 's4', 's8'))",
    ),
    (
        "organization_guids=o0",
        "r.space_id in (select s.id from spaces s join organizations o on o.id = s.organization_id where o.guid = 'o0')",
    ),
    (
        "organization_guids=o0,o1",
        "r.space_id in (select s.id from spaces s join organizations o on o.id = s.organization_id
                        where o.guid in ('o0', 'o1'))",
    ),
    (
        "label_selector=env%3Dprod",
        "r.id in (select package_id from package_labels where key = 'env' and value = 'prod')",
    ),
    (
        "label_selector=env%20in%20(prod,dev)",
        "r.id in (select package_id from package_labels where key = 'env' and value in ('prod', 'dev'))",
    ),
    (
        "label_selector=env",
        "r.id in (select package_id from package_labels where key = 'env')",
    ),
    (
        "label_selector=!env",
        "r.id not in (select package_id from package_labels where key = 'env')",
    ),
    (
        "label_selector=tier!%3Dtier1",
        "r.id not in (select package_id from package_labels where key = 'tier' and value = 'tier1')",
    ),
    (
        "label_selector=rare%3Dyes",
        "r.id in (select package_id from package_labels where key = 'rare' and value = 'yes')",
    ),
    (
        "created_ats[gt]=1970-01-01T12:00:00Z",
        "r.created_at > 43200",
    ),
    (
        "created_ats[gte]=1970-01-01T12:00:00Z&created_ats[lt]=1970-01-01T12:05:00Z",
        "r.created_at between 43200 and 43499",
    ),
    (
        "updated_ats[lt]=1970-01-02T12:00:00Z",
        "coalesce(r.updated_at, r.created_at) < 129600",
    ),
    (
        "guids=p1,p100,p500,counter-a",
        "r.guid in ('p1', 'p100', 'p500', 'counter-a')",
    ),
];

/// Values of `order_by`, and the SQL that they mean.
const ORDERS: [(&str, &str); 4] = [
    ("created_at", "r.created_at, r.guid"),
    ("-created_at", "r.created_at desc, r.guid desc"),
    ("updated_at", "coalesce(r.updated_at, r.created_at), r.guid"),
    (
        "-updated_at",
        "coalesce(r.updated_at, r.created_at) desc, r.guid desc",
    ),
];

impl ListQuery {
    pub fn random(random: &mut Random) -> Self {
        let caller = *random.choose(&CALLERS);
        let mut pairs = Vec::new();
        let mut sql = format!("from packages r where {}", visible_to(caller));
        let mut used = Vec::new();
        for _ in 0..=random.below(2) {
            let (query, condition) = *random.choose(&CONDITIONS);
            let name = query.split(['=', '[']).next().unwrap_or_default();
            if !query.is_empty() && !used.contains(&name) {
                used.push(name);
                pairs.push(query.to_owned());
                sql = format!("{sql} and {condition}");
            }
        }
        sql.push_str(" order by ");
        if random.one_in(3) {
            let (name, columns) = *random.choose(&ORDERS);
            pairs.push(format!("order_by={name}"));
            sql.push_str(columns);
        } else {
            sql.push_str("r.id");
        }
        Self {
            caller,
            query: pairs.join("&"),
            sql,
        }
    }

    /// Returns the query string of one page.
    pub fn page(&self, page: u64, per_page: u64) -> String {
        let and = if self.query.is_empty() { "" } else { "&" };
        format!("page={page}&per_page={per_page}{and}{}", self.query)
    }

    /// Returns the total and the ids of a page, found with `count` and `offset`.
    pub fn find(
        &self,
        db: &Snapshot<'_>,
        page: u64,
        per_page: u64,
    ) -> Result<(u64, Vec<i64>), StoreError> {
        let (unordered, _) = self.sql.rsplit_once(" order by ").unwrap();
        let count = db
            .int(&format!("select count(*) {unordered}"), &[])?
            .unwrap();
        let sql = format!(
            "select r.id {} limit {per_page} offset {}",
            self.sql,
            (page - 1) * per_page
        );
        let mut ids = Vec::new();
        db.rows(&sql, &[], |row| {
            ids.push(row.int(0)?);
            Ok::<_, StoreError>(())
        })?;
        Ok((u64::try_from(count).unwrap(), ids))
    }
}
