//! Generates any number of plausible packages for load tests. The same number and clock always give the same data, and
//! a larger number begins with the data of a smaller one.

use super::apply::{Applier, NewTimes};
use super::entry::{
    AppEntry, ByKind, Entry, EntryKind, Object, OrganizationEntry, PackageEntry, Position,
    RoleEntry, SeedFormat, SpaceEntry, UserEntry,
};
use super::fault::{Faults, SeedError};
use super::field::{
    Annotations, Guid, Labels, Name, PackageType, Reference, Role, Sha1, Sha256, State, Text,
};
use super::reading::Reading;
use super::report::{Progress, Report};
use crate::records::{Metadata, package};
use crate::store::Transaction;

/// The name of the seed in messages.
const LABEL: &str = "--generate";
/// The mean number of packages of an app. A few apps have far more, most have fewer.
const PACKAGES_PER_APP: u64 = 20;
/// The mean number of apps of a space.
const APPS_PER_SPACE: u64 = 32;
const SPACES_PER_ORGANIZATION: u64 = 20;
/// Packages were created within this time before the clock's time: 400 days, in seconds.
const CREATED_WITHIN: u64 = 400 * 86_400;

const APP_NAMES: &[&str] = &[
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
const SPACE_NAMES: &[&str] = &["dev", "test", "staging", "prod"];

/// Generates `count` packages, and the organizations, spaces, apps and users around them. `now` is the time of the
/// clock, in seconds since 1970.
///
/// # Errors
///
/// Fails if a guid or a name is used for something else, or if the database cannot be written. The transaction must
/// then be rolled back.
pub fn generate(transaction: &Transaction<'_>, count: u64, now: i64) -> Result<Report, SeedError> {
    if count == 0 {
        return Ok(Report::default());
    }
    let apps = apps(count - 1);
    let spaces = spaces(apps - 1);
    let organizations = spaces.div_ceil(SPACES_PER_ORGANIZATION);
    // Each organization has a manager, each space a developer, and all have one auditor.
    let total = 2 * organizations + 2 * spaces + apps + 1 + count;
    let mut generator = Generator {
        applier: Applier::new(
            transaction,
            NewTimes {
                created_at: now.saturating_sub_unsigned(CREATED_WITHIN).max(0),
                updated_at: None,
            },
            false,
            Progress::start(Some(total)),
        ),
        counts: ByKind::default(),
    };
    for organization in 0..organizations {
        generator.add(self::organization(organization))?;
    }
    for space in 0..spaces {
        generator.add(self::space(space))?;
    }
    for app in 0..apps {
        generator.add(self::app(app))?;
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
        let created_at = now
            .saturating_sub_unsigned(1 + mixed % CREATED_WITHIN)
            .max(0);
        generator.applier.set_times(NewTimes {
            created_at,
            updated_at: (!mixed.is_multiple_of(3))
                .then(|| created_at.saturating_add_unsigned(mixed % 600).min(now)),
        });
        generator.add(self::package(package, mixed))?;
    }
    let mut faults = Faults::default();
    let ended = generator.reading(&mut faults).end(None);
    faults.into_result_of(ended)?;
    Ok(generator.applier.into_report())
}

struct Generator<'t, 'c> {
    applier: Applier<'t, 'c>,
    /// How many entries of each kind were generated.
    counts: ByKind<u64>,
}

impl<'t, 'c> Generator<'t, 'c> {
    fn reading<'r>(&'r mut self, faults: &'r mut Faults) -> Reading<'r, 't, 'c> {
        Reading {
            seed: LABEL,
            applier: &mut self.applier,
            faults,
        }
    }

    fn add(&mut self, entry: Entry<'_>) -> Result<(), SeedError> {
        let kind = entry.kind();
        let position = Position {
            format: SeedFormat::Json,
            kind,
            number: self.counts[kind],
        };
        self.counts[kind] += 1;
        match self.applier.apply(position, &entry) {
            Ok(()) => Ok(()),
            Err(error) => {
                let mut faults = Faults::default();
                let mut reading = self.reading(&mut faults);
                let added = reading.add_if_wrong(None, position, Err(error));
                faults.into_result_of(added)
            }
        }
    }
}

fn organization(number: u64) -> Entry<'static> {
    Entry::Organization(OrganizationEntry {
        guid: Some(guid(EntryKind::Organization, number)),
        name: Some(Name::trusted(format!("generated-{}", number + 1))),
        ..OrganizationEntry::default()
    })
}

fn space(number: u64) -> Entry<'static> {
    let name = pick(SPACE_NAMES, number);
    Entry::Space(SpaceEntry {
        guid: Some(guid(EntryKind::Space, number)),
        name: Some(Name::trusted(format!("{name}-{}", number + 1))),
        organization: Some(reference(
            EntryKind::Organization,
            number / SPACES_PER_ORGANIZATION,
        )),
        ..SpaceEntry::default()
    })
}

fn app(number: u64) -> Entry<'static> {
    let name = pick(APP_NAMES, number);
    let space = space_of(number);
    Entry::App(AppEntry {
        guid: Some(guid(EntryKind::App, number)),
        name: Some(Name::trusted(format!("{name}-{}", number + 1))),
        space: Some(reference(EntryKind::Space, space)),
        ..AppEntry::default()
    })
}

/// The manager of an organization.
fn manager(organization: u64) -> Entry<'static> {
    user(
        format!("generated-manager-{}", organization + 1),
        vec![organization_role("organization_manager", organization)],
    )
}

/// The developer of a space.
fn developer(space: u64) -> Entry<'static> {
    let organization = space / SPACES_PER_ORGANIZATION;
    user(
        format!("generated-developer-{}", space + 1),
        vec![
            organization_role("organization_user", organization),
            space_role("space_developer", space),
        ],
    )
}

/// The auditor of every second space.
fn auditor(spaces: u64) -> Entry<'static> {
    let roles = (0..spaces).step_by(2);
    user(
        "generated-auditor".to_owned(),
        roles
            .map(|space| space_role("space_auditor", space))
            .collect(),
    )
}

fn organization_role(role: &'static str, organization: u64) -> RoleEntry<'static> {
    RoleEntry {
        role: Some(Role::trusted(role)),
        organization: Some(reference(EntryKind::Organization, organization)),
        space: None,
    }
}

fn space_role(role: &'static str, space: u64) -> RoleEntry<'static> {
    RoleEntry {
        role: Some(Role::trusted(role)),
        organization: None,
        space: Some(reference(EntryKind::Space, space)),
    }
}

fn user(name: String, roles: Vec<RoleEntry<'static>>) -> Entry<'static> {
    Entry::User(UserEntry {
        guid: Some(Guid::trusted(name.clone())),
        name: Some(Name::trusted(name)),
        roles: Some(roles.into_iter().map(Object).collect()),
    })
}

fn package(number: u64, mixed: u64) -> Entry<'static> {
    let app = app_of(number);
    // Most packages of a real foundation are ready.
    let state = match mixed >> 16 & 15 {
        n @ 0..6 => pick(package::STATES, n),
        _ => package::READY,
    };
    let app_name = pick(APP_NAMES, app);
    let mut entry = PackageEntry {
        guid: Some(guid(EntryKind::Package, number)),
        app: Some(reference(EntryKind::App, app)),
        state: Some(State::trusted(state)),
        error: (state == "FAILED").then(|| Text::trusted("The upload was cut short.")),
        ..PackageEntry::default()
    };
    if (mixed >> 24).is_multiple_of(4) {
        let image = format!("registry.example.com/{app_name}:1.{}", number % 100);
        entry.r#type = Some(PackageType::trusted(package::DOCKER));
        entry.image = Some(Text::trusted(image));
    } else {
        let uploaded = matches!(state, "READY" | "EXPIRED" | "COPYING");
        entry.r#type = Some(PackageType::trusted(package::BITS));
        entry.sha1 = uploaded.then(|| Sha1::trusted(hex_digits(mixed, 40)));
        entry.sha256 = uploaded.then(|| Sha256::trusted(hex_digits(!mixed, 64)));
    }
    if (mixed >> 32).is_multiple_of(4) {
        let space_name = pick(SPACE_NAMES, space_of(app));
        entry.labels = Some(Labels(Metadata(vec![
            ("env".into(), space_name.into()),
            ("example.com/team".into(), app_name.into()),
        ])));
    }
    if (mixed >> 40).is_multiple_of(8) {
        let note = format!("Built from revision {}.", hex_digits(mixed, 8));
        entry.annotations = Some(Annotations(Metadata(vec![(
            "example.com/note".into(),
            note.into(),
        )])));
    }
    Entry::Package(Box::new(entry))
}

/// Returns how many apps there were when the package of that number was stored. It doubles as packages are added.
fn apps(package: u64) -> u64 {
    (package / PACKAGES_PER_APP).next_power_of_two()
}

/// Returns how many spaces there were when the app of that number was stored.
fn spaces(app: u64) -> u64 {
    (app / APPS_PER_SPACE).next_power_of_two()
}

/// Returns the app of a package: any of those that there were, but a few of them far more often than the others.
fn app_of(package: u64) -> u64 {
    skewed(mix(package ^ 0x5555), apps(package))
}

/// Returns the space of an app, chosen like the app of a package.
fn space_of(app: u64) -> u64 {
    skewed(mix(app ^ 0xaaaa), spaces(app))
}

/// Returns a number below `count`, which is a power of two, from a random one. The rank of the result is distributed as the
/// cube of an even distribution: the first hundredth of the ranks gets a fifth of the results. The numbers of neighbouring
/// ranks lie far apart.
fn skewed(random: u64, count: u64) -> u64 {
    let even = u128::from(random >> 32);
    let rank = (even * even * even * u128::from(count)) >> 96;
    let rank = u64::try_from(rank).expect("it is less than `count`");
    rank.wrapping_mul(0x9e37_79b9_7f4a_7c15) & (count - 1)
}

fn reference(kind: EntryKind, number: u64) -> Reference<'static> {
    Reference(guid(kind, number).0)
}

/// Returns a UUID v8, whose bits are free to choose. It is different for every kind and number.
fn guid(kind: EntryKind, number: u64) -> Guid<'static> {
    let kind = kind as u128 + 1;
    let bits =
        u128::from(mix(number)) << 64 | kind << 56 | u128::from(number) & 0x00ff_ffff_ffff_ffff;
    let uuid = uuid::Builder::from_u128(bits)
        .with_version(uuid::Version::Custom)
        .with_variant(uuid::Variant::RFC4122)
        .into_uuid();
    Guid::trusted(uuid.hyphenated().to_string())
}

fn hex_digits(seed: u64, count: usize) -> String {
    let mut text = String::with_capacity(count + 16);
    let mut state = seed;
    while text.len() < count {
        state = mix(state);
        text.push_str(&format!("{state:016x}"));
    }
    text.truncate(count);
    text
}

fn pick(words: &[&'static str], number: u64) -> &'static str {
    let index = usize::try_from(number % words.len() as u64).unwrap_or(0);
    words.get(index).copied().unwrap_or_default()
}

/// Mixes the bits of a number, so that numbers that follow each other give very different results. Two numbers never
/// give the same one. It is the finalizer of `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
