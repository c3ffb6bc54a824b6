//! Lists to ask for, each as a query string and as the plain SQL that says the same.

use cf_packages::caller::{Caller, Member};
use cf_packages::edition::Edition;
use cf_packages::store::{Snapshot, StoreError};

use crate::model::data::Random;

/// Who asks, in `Foundation`'s data.
pub(crate) const CALLERS: [&str; 5] = ["admin", "member", "many", "manager", "unknown"];

pub(crate) fn caller(name: &str) -> Caller {
    if name == "admin" {
        return Caller::Everything;
    }
    Caller::Member(Member {
        user: name.into(),
        rules: Edition::Current.access_rules(),
    })
}

/// What that caller may see, as SQL.
fn seen_by(name: &str) -> String {
    if name == "admin" {
        return "1".into();
    }
    format!(
        "r.space_id in (select x.space_id from space_roles x join users u on u.id = x.user_id where u.guid = '{name}'
         union all select s.id from spaces s join organization_roles x on x.organization_id = s.organization_id
         join users u on u.id = x.user_id where x.role = 'organization_manager' and u.guid = '{name}')"
    )
}

#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) caller: &'static str,
    query: String,
    plain: String,
}

const CONDITIONS: [(&str, &str); 22] = [
    ("", "1"),
    ("", "1"),
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
        "guids=p1,p100,p500,marker-a",
        "r.guid in ('p1', 'p100', 'p500', 'marker-a')",
    ),
];

const ORDERS: [(&str, &str); 4] = [
    ("created_at", "r.created_at, r.guid"),
    ("-created_at", "r.created_at desc, r.guid desc"),
    ("updated_at", "coalesce(r.updated_at, r.created_at), r.guid"),
    (
        "-updated_at",
        "coalesce(r.updated_at, r.created_at) desc, r.guid desc",
    ),
];

impl Question {
    pub(crate) fn random(random: &mut Random) -> Self {
        let caller = *random.of(&CALLERS);
        let mut pairs = Vec::new();
        let mut plain = format!("from packages r where {}", seen_by(caller));
        let mut met = Vec::new();
        for _ in 0..=random.below(2) {
            let (query, sql) = *random.of(&CONDITIONS);
            let name = query.split(['=', '[']).next().unwrap_or_default();
            if !query.is_empty() && !met.contains(&name) {
                met.push(name);
                pairs.push(query.to_owned());
                plain = format!("{plain} and {sql}");
            }
        }
        plain.push_str(" order by ");
        if random.one_in(3) {
            let (name, sql) = *random.of(&ORDERS);
            pairs.push(format!("order_by={name}"));
            plain.push_str(sql);
        } else {
            plain.push_str("r.id");
        }
        Self {
            caller,
            query: pairs.join("&"),
            plain,
        }
    }

    /// The query string of one page.
    pub(crate) fn page(&self, page: u64, per_page: u64) -> String {
        let and = if self.query.is_empty() { "" } else { "&" };
        format!("page={page}&per_page={per_page}{and}{}", self.query)
    }

    /// Total and ids by `COUNT` and `OFFSET`.
    pub(crate) fn ask(
        &self,
        db: &Snapshot<'_>,
        page: u64,
        per_page: u64,
    ) -> Result<(u64, Vec<i64>), StoreError> {
        let count = db
            .int(&format!("select count(*) {}", self.plain), &[])?
            .unwrap();
        let sql = format!(
            "select r.id {} limit {per_page} offset {}",
            self.plain,
            (page - 1) * per_page
        );
        let mut ids = Vec::new();
        db.rows(&sql, &[], |columns| {
            ids.push(columns.int(0)?);
            Ok::<_, StoreError>(())
        })?;
        Ok((u64::try_from(count).unwrap(), ids))
    }
}
