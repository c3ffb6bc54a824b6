//! Random data, in memory and in a database.

use std::collections::BTreeMap;

use cf_packages::store::{StoreError, Transaction, Value};

use super::ask::List;

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn of<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        &choices[self.below(choices.len())]
    }
}

/// One row of any list.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) guid: String,
    pub(crate) created: i64,
    /// As it is sorted and filtered.
    pub(crate) updated: i64,
    /// What a list filter of that name compares.
    pub(crate) fields: BTreeMap<&'static str, String>,
    /// As names are compared.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) space: usize,
    pub(crate) organization: usize,
    pub(crate) suspended: bool,
}

#[derive(Default)]
pub(crate) struct User {
    pub(crate) guid: String,
    pub(crate) space_roles: Vec<(usize, &'static str)>,
    pub(crate) organization_roles: Vec<(usize, &'static str)>,
    pub(crate) scope: Option<&'static str>,
}

pub(crate) struct Data {
    pub(crate) organizations: Vec<Row>,
    pub(crate) spaces: Vec<Row>,
    pub(crate) apps: Vec<Row>,
    pub(crate) packages: Vec<Row>,
    /// The first is an admin, the second a global auditor, the third nobody that the data knows.
    pub(crate) users: Vec<User>,
    statements: Vec<(&'static str, Vec<Value>)>,
}

pub(crate) const STATES: [&str; 6] = [
    "AWAITING_UPLOAD",
    "PROCESSING_UPLOAD",
    "READY",
    "FAILED",
    "COPYING",
    "EXPIRED",
];
pub(crate) const KEYS: [&str; 5] = ["env", "tier", "example.com/env", "a.b_c-d", "team"];
pub(crate) const VALUES: [&str; 5] = ["prod", "dev", "", "1.0", "A_b-c"];
const SPACE_ROLES: [&str; 4] = [
    "space_auditor",
    "space_developer",
    "space_manager",
    "space_supporter",
];
const ORGANIZATION_ROLES: [&str; 4] = [
    "organization_user",
    "organization_auditor",
    "organization_manager",
    "organization_billing_manager",
];
const NAMES: [&str; 6] = ["Shop", "api", "Ümläut", "z-last", "B2", "with space"];

/// Times with many ties.
pub(crate) fn second(random: &mut Random) -> i64 {
    1_600_000_000 + 3600 * random.below(12) as i64 + i64::from(random.one_in(3))
}

impl Data {
    pub(crate) fn random(random: &mut Random) -> Self {
        let mut data = Self {
            organizations: Vec::new(),
            spaces: Vec::new(),
            apps: Vec::new(),
            packages: Vec::new(),
            users: Vec::new(),
            statements: Vec::new(),
        };
        for n in 0..5 {
            data.organization(random, n);
        }
        for n in 0..45 {
            data.space(random, n);
        }
        for n in 0..90 {
            data.app(random, n);
        }
        for n in 0..1500 {
            data.package(random, n);
        }
        for (guid, scope) in [
            ("admin", Some("cloud_controller.admin")),
            ("auditor", Some("cloud_controller.global_auditor")),
            ("nobody", None),
        ] {
            data.users.push(User {
                guid: guid.into(),
                scope,
                ..User::default()
            });
        }
        for n in 0..9 {
            data.user(random, n);
        }
        data
    }

    fn organization(&mut self, random: &mut Random, n: usize) {
        let mut row = named(random, "o", n);
        row.organization = n;
        row.suspended = n == 1;
        self.push(
            "insert into organizations (guid, name, folded_name, suspended, created_at) values ($1, $2, $3, $4, $5)",
            &row,
            vec![row.suspended.into()],
        );
        self.organizations.push(row);
    }

    fn space(&mut self, random: &mut Random, n: usize) {
        let mut row = named(random, "s", n);
        row.space = n;
        row.organization = random.below(self.organizations.len());
        let organization = self.organizations[row.organization].guid.clone();
        row.fields.insert("organization_guids", organization);
        self.push(
            "insert into spaces (guid, name, folded_name, organization_id, created_at) values ($1, $2, $3, $4, $5)",
            &row,
            vec![id(row.organization)],
        );
        self.spaces.push(row);
    }

    fn app(&mut self, random: &mut Random, n: usize) {
        let mut row = named(random, "a", n);
        // Some spaces hold much, some nothing.
        row.space = random
            .below(self.spaces.len())
            .min(random.below(self.spaces.len()));
        self.place(&mut row);
        let lifecycle = *random.of(&["buildpack", "buildpack", "docker", "cnb"]);
        row.fields.insert("lifecycle_type", lifecycle.into());
        if lifecycle == "buildpack" {
            row.fields.insert("stacks", "cflinuxfs4".into());
        }
        self.push(
            "insert into apps (guid, name, folded_name, space_id, lifecycle, created_at) values ($1, $2, $3, $4, $5, $6)",
            &row,
            vec![id(row.space), lifecycle.into()],
        );
        self.apps.push(row);
    }

    fn place(&self, row: &mut Row) {
        let space = &self.spaces[row.space];
        row.organization = space.organization;
        row.fields.insert("space_guids", space.guid.clone());
        row.fields.insert(
            "organization_guids",
            space.fields["organization_guids"].clone(),
        );
    }

    fn package(&mut self, random: &mut Random, n: usize) {
        let app = random
            .below(self.apps.len())
            .min(random.below(self.apps.len()));
        let created = second(random);
        let updated = (!random.one_in(3)).then(|| created + 3600 * random.below(6) as i64);
        // The last two are rare.
        let states = *random.of(&[4, 4, 4, 6]);
        let state = *random.of(&STATES[..states]);
        let docker = random.one_in(3);
        let mut row = Row {
            guid: format!("p{:03}-{n}", random.below(1000)),
            created,
            updated: updated.unwrap_or(created),
            space: self.apps[app].space,
            ..Row::default()
        };
        self.place(&mut row);
        let kind = if docker { "docker" } else { "bits" };
        for (name, value) in [
            ("guids", row.guid.as_str()),
            ("states", state),
            ("types", kind),
            ("app_guids", &self.apps[app].guid),
        ] {
            row.fields.insert(name, value.to_owned());
        }
        for key in KEYS {
            if random.one_in(3) {
                row.labels.insert(key.into(), (*random.of(&VALUES)).into());
            }
        }
        let image: Option<&str> = docker.then_some("image");
        self.statements.push((
            "insert into packages (guid, app_id, space_id, type, state, image, store_image, labels, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            vec![
                row.guid.as_str().into(),
                id(app),
                id(row.space),
                kind.into(),
                state.into(),
                image.into(),
                docker.then_some(0).into(),
                serde_json::to_string(&row.labels).unwrap().into(),
                created.into(),
                updated.into(),
            ],
        ));
        for (key, value) in &row.labels {
            self.statements.push((
                "insert into package_labels (key, value, package_id) values ($1, $2, $3)",
                vec![key.as_str().into(), value.as_str().into(), id(n)],
            ));
        }
        self.packages.push(row);
    }

    /// From no role at all to one in nearly every space.
    fn user(&mut self, random: &mut Random, n: usize) {
        let mut user = User {
            guid: format!("user-{n}"),
            ..User::default()
        };
        self.statements.push((
            "insert into users (guid) values ($1)",
            vec![user.guid.as_str().into()],
        ));
        for space in 0..self.spaces.len() {
            let wanted = match n {
                0 => false,
                1 => space == 0,
                2 => space < 3,
                _ => random.below(9) < n,
            };
            if wanted {
                user.space_roles.push((space, *random.of(&SPACE_ROLES)));
            }
        }
        for organization in 0..self.organizations.len() {
            if n > 2 && random.one_in(3) {
                user.organization_roles
                    .push((organization, *random.of(&ORGANIZATION_ROLES)));
            }
        }
        for (space, role) in &user.space_roles {
            self.statements.push((
                "insert into space_roles (user_id, space_id, role) values ($1, $2, $3)",
                vec![id(n), id(*space), (*role).into()],
            ));
        }
        for (organization, role) in &user.organization_roles {
            self.statements.push((
                "insert into organization_roles (user_id, organization_id, role) values ($1, $2, $3)",
                vec![id(n), id(*organization), (*role).into()],
            ));
        }
        self.users.push(user);
    }

    fn push(&mut self, sql: &'static str, row: &Row, between: Vec<Value>) {
        let mut values = vec![
            row.guid.as_str().into(),
            row.fields["name"].as_str().into(),
            row.name.as_str().into(),
        ];
        values.extend(between);
        values.push(row.created.into());
        self.statements.push((sql, values));
    }

    pub(crate) fn fill(&self, db: &Transaction<'_>) -> Result<(), StoreError> {
        for (sql, values) in &self.statements {
            db.execute(sql, values)?;
        }
        Ok(())
    }

    pub(crate) fn rows(&self, list: List) -> &[Row] {
        match list {
            List::Packages => &self.packages,
            List::Apps => &self.apps,
            List::Spaces => &self.spaces,
            List::Organizations => &self.organizations,
        }
    }

    /// Whether the user reads what lies in that space; the first two read everything, but the auditor only today.
    pub(crate) fn reads(&self, user: usize, space: usize, today: bool) -> bool {
        let who = &self.users[user];
        let organization = self.spaces[space].organization;
        user == 0
            || (user == 1 && today)
            || who
                .space_roles
                .iter()
                .any(|(at, role)| *at == space && (today || *role != "space_supporter"))
            || who
                .organization_roles
                .contains(&(organization, "organization_manager"))
    }

    /// Whether the user belongs to that organization.
    pub(crate) fn belongs(&self, user: usize, organization: usize) -> bool {
        let who = &self.users[user];
        user <= 1
            || who
                .organization_roles
                .iter()
                .any(|(at, _)| *at == organization)
            || who
                .space_roles
                .iter()
                .any(|(space, _)| self.spaces[*space].organization == organization)
    }
}

fn id(place: usize) -> Value {
    (place as i64 + 1).into()
}

/// A row with a guid that does not sort as it was stored, and a name.
fn named(random: &mut Random, kind: &str, n: usize) -> Row {
    let guid = format!("{kind}{:02}-{n}", random.below(100));
    let shown = format!("{}{}", random.of(&NAMES), n);
    let created = second(random);
    Row {
        fields: BTreeMap::from([
            ("guids", guid.clone()),
            ("names", shown.to_lowercase()),
            ("name", shown.clone()),
        ]),
        name: shown.to_lowercase(),
        guid,
        created,
        updated: created,
        ..Row::default()
    }
}
