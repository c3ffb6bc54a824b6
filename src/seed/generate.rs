//! Any number of believable packages, for load tests: the same number and clock, the same bytes, and a larger
//! number begins with what a smaller one gives.

use std::borrow::Cow;

use super::apply::{Applier, NewTimes};
use super::entry::{App, Content, Credentials, Entry, Organization, Package, Space, User};
use super::fault::{SeedError, Stop};
use super::field::{Checksum, Guid, Lifecycle, Name, Reference, Role, STATES, State, Text};
use super::kind::{Form, Kind, Place};
use super::metadata::Pairs;
use super::progress::Progress;
use super::report::Report;
use crate::store::Transaction;

/// What refusals call it.
const LABEL: &str = "--generate";
const PACKAGES_PER_SPACE: u64 = 1000;
const APPS_PER_SPACE: u64 = 10;
const SPACES_PER_ORGANIZATION: u64 = 20;
/// Packages were made within so many seconds before the clock's time: 400 days.
const SPAN: u64 = 400 * 86_400;

const NAMES: [&str; 10] = [
    "storefront",
    "checkout",
    "catalog",
    "search",
    "payments",
    "inventory",
    "mailer",
    "reports",
    "gateway",
    "worker",
];
const STAGES: [&str; 4] = ["dev", "test", "staging", "prod"];

/// Generates `count` packages and what holds them, through the same way as every seed.
pub(super) fn generate(
    transaction: &Transaction<'_>,
    count: u64,
    now: i64,
) -> Result<Report, SeedError> {
    if count == 0 {
        return Ok(Report::default());
    }
    let mut generator = Generator {
        applier: Applier::new(
            transaction,
            NewTimes {
                created_at: now.saturating_sub_unsigned(SPAN).max(0),
                updated_at: None,
            },
        ),
        progress: Progress::start(Some(count)),
        numbers: [0; 5],
    };
    let spaces = count.div_ceil(PACKAGES_PER_SPACE);
    let organizations = spaces.div_ceil(SPACES_PER_ORGANIZATION);
    for organization in 0..organizations {
        generator.add(self::organization(organization))?;
    }
    for space in 0..spaces {
        generator.add(self::space(space))?;
        for app in space * APPS_PER_SPACE..(space + 1) * APPS_PER_SPACE {
            generator.add(self::app(app))?;
        }
    }
    for organization in 0..organizations {
        generator.add(manager(organization))?;
    }
    for space in 0..spaces {
        generator.add(developer(space))?;
    }
    generator.add(auditor(spaces))?;
    for package in 0..count {
        let mixed = mix(package);
        let created_at = now.saturating_sub_unsigned(1 + mixed % SPAN).max(0);
        generator.applier.set_times(NewTimes {
            created_at,
            updated_at: (!mixed.is_multiple_of(3))
                .then(|| created_at.saturating_add_unsigned(mixed % 600).min(now)),
        });
        generator.add(self::package(package, mixed))?;
        generator.progress.step();
    }
    generator
        .applier
        .end_seed()
        .map_err(|(place, stop)| stop.at(LABEL, place))?;
    Ok(generator.applier.into_report())
}

struct Generator<'d, 'c> {
    applier: Applier<'d, 'c>,
    progress: Progress,
    numbers: [u64; 5],
}

impl Generator<'_, '_> {
    fn add(&mut self, entry: Entry<'_>) -> Result<(), SeedError> {
        let number = &mut self.numbers[entry.kind().index()];
        let place = Place {
            form: Form::Json,
            kind: entry.kind(),
            number: *number,
        };
        *number += 1;
        self.applier
            .apply(place, entry)
            .map_err(|stop: Stop| stop.at(LABEL, place))
    }
}

fn organization(number: u64) -> Entry<'static> {
    Entry::Organization(Organization {
        guid: Some(guid(Kind::Organization, number)),
        name: Name(Cow::Owned(format!("generated-{}", number + 1))),
        suspended: false,
        created_at: None,
    })
}

fn space(number: u64) -> Entry<'static> {
    let stage = STAGES[index(number, STAGES.len())];
    Entry::Space(Space {
        guid: Some(guid(Kind::Space, number)),
        name: Name(Cow::Owned(format!("{stage}-{}", number + 1))),
        organization: reference(Kind::Organization, number / SPACES_PER_ORGANIZATION),
        created_at: None,
    })
}

fn app(number: u64) -> Entry<'static> {
    let name = NAMES[index(number, NAMES.len())];
    Entry::App(App {
        guid: Some(guid(Kind::App, number)),
        name: Name(Cow::Owned(format!(
            "{name}-{}",
            number / APPS_PER_SPACE + 1
        ))),
        space: reference(Kind::Space, number / APPS_PER_SPACE),
        lifecycle: Lifecycle::DEFAULT,
        created_at: None,
    })
}

fn manager(organization: u64) -> Entry<'static> {
    let role = Role::Organization("organization_manager");
    user(
        format!("generated-manager-{}", organization + 1),
        vec![(role, reference(Kind::Organization, organization))],
    )
}

fn developer(space: u64) -> Entry<'static> {
    let organization = reference(Kind::Organization, space / SPACES_PER_ORGANIZATION);
    user(
        format!("generated-developer-{}", space + 1),
        vec![
            (Role::Organization("organization_user"), organization),
            (
                Role::Space("space_developer"),
                reference(Kind::Space, space),
            ),
        ],
    )
}

/// Sees every second space.
fn auditor(spaces: u64) -> Entry<'static> {
    let role = Role::Space("space_auditor");
    let roles = (0..spaces).step_by(2);
    user(
        "generated-auditor".to_owned(),
        roles
            .map(|space| (role, reference(Kind::Space, space)))
            .collect(),
    )
}

fn user(name: String, roles: Vec<(Role, Reference<'static>)>) -> Entry<'static> {
    Entry::User(User {
        guid: Guid(Cow::Owned(name.clone())),
        name: Some(Name(Cow::Owned(name))),
        roles,
    })
}

fn package(number: u64, mixed: u64) -> Entry<'static> {
    let app = number / PACKAGES_PER_SPACE * APPS_PER_SPACE + (mixed >> 8) % APPS_PER_SPACE;
    // Most packages of a foundation are ready.
    let state = match mixed >> 16 & 15 {
        other @ 0..6 => State(STATES[index(other, STATES.len())]),
        _ => State("READY"),
    };
    let docker = (mixed >> 24).is_multiple_of(4);
    let name = NAMES[index(app, NAMES.len())];
    let content = if docker {
        Content::Docker {
            image: Text(Cow::Owned(format!(
                "registry.example.com/{name}:1.{}",
                number % 100
            ))),
            store_image: false,
            credentials: Credentials::default(),
        }
    } else {
        let uploaded = matches!(state.0, "READY" | "EXPIRED" | "COPYING");
        Content::Bits {
            sha1: uploaded.then(|| Checksum(Cow::Owned(digits(mixed, 40)))),
            sha256: uploaded.then(|| Checksum(Cow::Owned(digits(!mixed, 64)))),
        }
    };
    let mut labels = Vec::new();
    if (mixed >> 32).is_multiple_of(4) {
        let stage = STAGES[index(app / APPS_PER_SPACE, STAGES.len())];
        labels.push((Cow::Borrowed("env"), Cow::Borrowed(stage)));
        labels.push((Cow::Borrowed("example.com/team"), Cow::Borrowed(name)));
    }
    Entry::Package(Box::new(Package {
        guid: Some(guid(Kind::Package, number)),
        app: reference(Kind::App, app),
        content,
        state,
        error: (state.0 == "FAILED").then_some(Text(Cow::Borrowed("The upload was cut short."))),
        labels: Pairs::new(labels),
        annotations: Pairs::default(),
        created_at: None,
        updated_at: None,
    }))
}

fn reference(kind: Kind, number: u64) -> Reference<'static> {
    Reference(guid(kind, number).0)
}

/// In the form of a UUID v8, whose bits are free: no two numbers or kinds have the same.
fn guid(kind: Kind, number: u64) -> Guid<'static> {
    let kind = kind.index() as u128 + 1;
    let bits =
        u128::from(mix(number)) << 64 | kind << 56 | u128::from(number) & 0x00ff_ffff_ffff_ffff;
    let uuid = uuid::Builder::from_u128(bits)
        .with_version(uuid::Version::Custom)
        .with_variant(uuid::Variant::RFC4122)
        .into_uuid();
    Guid(Cow::Owned(uuid.hyphenated().to_string()))
}

fn digits(seed: u64, count: usize) -> String {
    let mut text = String::with_capacity(count + 16);
    let mut state = seed;
    while text.len() < count {
        state = mix(state);
        text.push_str(&format!("{state:016x}"));
    }
    text.truncate(count);
    text
}

fn index(number: u64, length: usize) -> usize {
    usize::try_from(number % length as u64).unwrap_or(0)
}

/// Spreads numbers that follow each other (the finalizer of `SplitMix64`, which maps no two to the same).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
