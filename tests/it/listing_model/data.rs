//! Random data, as values for the model and as SQL for the database.

use std::collections::BTreeMap;

use cf_packages::store::{StoreError, Transaction, Value};

use super::request::List;
use crate::support::random::Random;
use crate::support::{ORGANIZATION_ROLES, SPACE_ROLES, STATES};

/// One package, app, space or organization.
#[derive(Default)]
pub struct Resource {
    pub guid: String,
    pub created: i64,
    /// `created` if it was never changed, since the API sorts and filters it so.
    pub updated: i64,
    /// The value that the filter of that name compares.
    pub fields: BTreeMap<&'static str, String>,
    /// In lower case, since names are compared without regard to case.
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub space: usize,
    pub organization: usize,
    pub is_suspended: bool,
}

#[derive(Default)]
pub struct User {
    pub guid: String,
    pub space_roles: Vec<(usize, &'static str)>,
    pub organization_roles: Vec<(usize, &'static str)>,
    pub scope: Option<&'static str>,
}

pub struct Data {
    pub organizations: Vec<Resource>,
    pub spaces: Vec<Resource>,
    pub apps: Vec<Resource>,
    pub packages: Vec<Resource>,
    /// The first is an admin, the second a global auditor. The third does not exist in the database.
    pub users: Vec<User>,
    statements: Vec<(&'static str, Vec<Value>)>,
}

pub const KEYS: [&str; 5] = ["env", "tier", "example.com/env", "a.b_c-d", "team"];
pub const VALUES: [&str; 5] = ["prod", "dev", "", "1.0", "A_b-c"];
const NAMES: [&str; 6] = ["Shop", "api", "Ümläut", "z-last", "B2", "with space"];

/// Returns one of a few times, so that many resources have the same.
pub fn random_time(random: &mut Random) -> i64 {
    1_600_000_000 + 3600 * random.below(12) as i64 + i64::from(random.one_in(3))
}

impl Data {
    pub fn random(random: &mut Random) -> Self {
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
        let mut resource = named(random, "o", n);
        resource.organization = n;
        resource.is_suspended = n == 1;
        self.push(
            "insert into organizations (guid, name, folded_name, suspended, created_at) values ($1, $2, $3, $4, $5)",
            &resource,
            vec![resource.is_suspended.into()],
        );
        self.organizations.push(resource);
    }

    fn space(&mut self, random: &mut Random, n: usize) {
        let mut resource = named(random, "s", n);
        resource.space = n;
        resource.organization = random.below(self.organizations.len());
        let organization = self.organizations[resource.organization].guid.clone();
        resource.fields.insert("organization_guids", organization);
        self.push(
            "insert into spaces (guid, name, folded_name, organization_id, created_at) values ($1, $2, $3, $4, $5)",
            &resource,
            vec![id(resource.organization)],
        );
        self.spaces.push(resource);
    }

    fn app(&mut self, random: &mut Random, n: usize) {
        let mut resource = named(random, "a", n);
        // The minimum of two numbers: some spaces have many apps, some have none.
        resource.space = random
            .below(self.spaces.len())
            .min(random.below(self.spaces.len()));
        self.place(&mut resource);
        let lifecycle = *random.choose(&["buildpack", "buildpack", "docker", "cnb"]);
        resource.fields.insert("lifecycle_type", lifecycle.into());
        if lifecycle == "buildpack" {
            resource.fields.insert("stacks", "cflinuxfs4".into());
        }
        self.push(
            "insert into apps (guid, name, folded_name, space_id, lifecycle, created_at) values ($1, $2, $3, $4, $5, $6)",
            &resource,
            vec![id(resource.space), lifecycle.into()],
        );
        self.apps.push(resource);
    }

    fn place(&self, resource: &mut Resource) {
        let space = &self.spaces[resource.space];
        resource.organization = space.organization;
        resource.fields.insert("space_guids", space.guid.clone());
        resource.fields.insert(
            "organization_guids",
            space.fields["organization_guids"].clone(),
        );
    }

    fn package(&mut self, random: &mut Random, n: usize) {
        let app = random
            .below(self.apps.len())
            .min(random.below(self.apps.len()));
        let created = random_time(random);
        let updated = (!random.one_in(3)).then(|| created + 3600 * random.below(6) as i64);
        // The last two states are rare.
        let states = *random.choose(&[4, 4, 4, 6]);
        let state = *random.choose(&STATES[..states]);
        let docker = random.one_in(3);
        let mut resource = Resource {
            guid: format!("p{:03}-{n}", random.below(1000)),
            created,
            updated: updated.unwrap_or(created),
            space: self.apps[app].space,
            ..Resource::default()
        };
        self.place(&mut resource);
        let kind = if docker { "docker" } else { "bits" };
        for (name, value) in [
            ("guids", resource.guid.as_str()),
            ("states", state),
            ("types", kind),
            ("app_guids", &self.apps[app].guid),
        ] {
            resource.fields.insert(name, value.to_owned());
        }
        for key in KEYS {
            if random.one_in(3) {
                resource
                    .labels
                    .insert(key.into(), (*random.choose(&VALUES)).into());
            }
        }
        let image: Option<&str> = docker.then_some("image");
        self.statements.push((
            "insert into packages (guid, app_id, app_guid, space_id, type, state, image, store_image, labels, created_at, updated_at)
             values ($1, $2, (select guid from apps where id = $2), $3, $4, $5, $6, $7, $8, $9, $10)",
            vec![
                resource.guid.as_str().into(),
                id(app),
                id(resource.space),
                kind.into(),
                state.into(),
                image.into(),
                docker.then_some(0).into(),
                serde_json::to_string(&resource.labels).unwrap().into(),
                created.into(),
                updated.into(),
            ],
        ));
        for (key, value) in &resource.labels {
            self.statements.push((
                "insert into package_labels (key, value, package_id) values ($1, $2, $3)",
                vec![key.as_str().into(), value.as_str().into(), id(n)],
            ));
        }
        self.packages.push(resource);
    }

    /// Adds a user. The greater `n`, the more roles: from none to one in nearly every space.
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
                user.space_roles.push((space, *random.choose(&SPACE_ROLES)));
            }
        }
        for organization in 0..self.organizations.len() {
            if n > 2 && random.one_in(3) {
                user.organization_roles
                    .push((organization, *random.choose(&ORGANIZATION_ROLES)));
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

    fn push(&mut self, sql: &'static str, resource: &Resource, between: Vec<Value>) {
        let mut values = vec![
            resource.guid.as_str().into(),
            resource.fields["name"].as_str().into(),
            resource.name.as_str().into(),
        ];
        values.extend(between);
        values.push(resource.created.into());
        self.statements.push((sql, values));
    }

    pub fn insert(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        for (sql, values) in &self.statements {
            transaction.execute(sql, values)?;
        }
        Ok(())
    }

    pub fn resources(&self, list: List) -> &[Resource] {
        match list {
            List::Packages => &self.packages,
            List::Apps => &self.apps,
            List::Spaces => &self.spaces,
            List::Organizations => &self.organizations,
        }
    }

    /// Returns whether the user sees the resources in that space. The admin sees everything, the global auditor only
    /// in `current`.
    pub fn reads(&self, user: usize, space: usize, is_current: bool) -> bool {
        let roles = &self.users[user];
        let organization = self.spaces[space].organization;
        user == 0
            || (user == 1 && is_current)
            || roles
                .space_roles
                .iter()
                .any(|(at, role)| *at == space && (is_current || *role != "space_supporter"))
            || roles
                .organization_roles
                .contains(&(organization, "organization_manager"))
    }

    /// Returns whether the user has a role in that organization or in one of its spaces.
    pub fn belongs_to(&self, user: usize, organization: usize) -> bool {
        let roles = &self.users[user];
        user <= 1
            || roles
                .organization_roles
                .iter()
                .any(|(at, _)| *at == organization)
            || roles
                .space_roles
                .iter()
                .any(|(space, _)| self.spaces[*space].organization == organization)
    }
}

/// Returns the id of the resource at an index.
fn id(index: usize) -> Value {
    (index as i64 + 1).into()
}

/// Returns a resource with a name and a guid. The order of the guids is not the order of the ids.
fn named(random: &mut Random, kind: &str, n: usize) -> Resource {
    let guid = format!("{kind}{:02}-{n}", random.below(100));
    let shown = format!("{}{}", random.choose(&NAMES), n);
    let created = random_time(random);
    Resource {
        fields: BTreeMap::from([
            ("guids", guid.clone()),
            ("names", shown.to_lowercase()),
            ("name", shown.clone()),
        ]),
        name: shown.to_lowercase(),
        guid,
        created,
        updated: created,
        ..Resource::default()
    }
}
