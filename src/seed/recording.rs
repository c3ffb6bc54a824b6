//! The pages of a Cloud Controller as lines of a seed.

mod members;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::anonymize::Anonymizer;
use super::answers::document::{self, Resource, ResourceKind};
use super::answers::resource::{
    AppAnswer, HeldRole, OrganizationAnswer, PackageAnswer, RoleAnswer, SpaceAnswer, UserAnswer,
};
use super::entry::{ByKind, EntryKind, SeedFormat};
use super::fault::EntryError;
use super::field::{Guid, Name, Reference, Text};
use super::json_error;
use super::messages;
use super::source::LARGEST_LINE;
use crate::records::user::RoleScope;
use members::Members;

/// A list that is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedList {
    /// `/v3/organizations`.
    Organizations,
    /// `/v3/spaces`.
    Spaces,
    /// `/v3/apps`.
    Apps,
    /// `/v3/roles`, with their users.
    Roles,
    /// `/v3/users`.
    Users,
    /// `/v3/packages`.
    Packages,
}

impl RecordedList {
    /// Every list, in the order in which they are recorded: parents first.
    pub const ALL: [Self; 6] = [
        Self::Organizations,
        Self::Spaces,
        Self::Apps,
        Self::Roles,
        Self::Users,
        Self::Packages,
    ];

    /// Returns the last part of the path.
    pub fn name(self) -> &'static str {
        self.resource_kind().list_name()
    }

    fn resource_kind(self) -> ResourceKind {
        match self {
            Self::Organizations => ResourceKind::Organization,
            Self::Spaces => ResourceKind::Space,
            Self::Apps => ResourceKind::App,
            Self::Roles => ResourceKind::Role,
            Self::Users => ResourceKind::User,
            Self::Packages => ResourceKind::Package,
        }
    }
}

/// What a page held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedPage {
    /// The `href` of the next page.
    pub next: Option<String>,
    /// How many resources the whole list has, if the page says it.
    pub total: Option<u64>,
    /// How many resources the page has.
    pub listed: u64,
    /// How many of them were not recorded before.
    pub new: u64,
    /// How many of them were left out: their parent is not recorded, or no seed can hold them.
    pub left_out: u64,
}

/// A resource of a page, for which a caller looks by name or guid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedResource {
    /// The guid.
    pub guid: String,
    /// The name.
    pub name: String,
    /// The guid of the space of an app, or of the organization of a space.
    pub parent: Option<String>,
}

/// Turns pages into lines of a seed. Remembers what was recorded, so that nothing is written twice and nothing refers to
/// something that was not written.
#[derive(Debug)]
pub struct Recorder {
    anonymizer: Option<Anonymizer>,
    /// The hashes of the guids that were written.
    known: ByKind<HashSet<u128>>,
    /// The hashes of the names that were written, with their parents. While pages are read, a name may pass from one app to
    /// another, as in a deployment; a seed can have it once.
    names: HashSet<u128>,
    members: Members,
}

impl Recorder {
    /// Starts a recording. With an anonymizer, what identifies people and systems is replaced.
    pub fn new(anonymizer: Option<Anonymizer>) -> Self {
        Self {
            anonymizer,
            known: ByKind::default(),
            names: HashSet::new(),
            members: Members::default(),
        }
    }

    /// Returns how many entries of each kind were written, by the plural of the kind.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        EntryKind::ALL
            .iter()
            .map(|kind| (kind.plural(), self.known[*kind].len()))
    }

    /// Returns how many packages were written.
    pub fn packages(&self) -> u64 {
        self.known[EntryKind::Package].len() as u64
    }

    /// Continues a recording of which `line` was written. Returns whether the line is one of a recording.
    pub fn remember(&mut self, line: &str) -> bool {
        #[derive(Deserialize)]
        struct Line<'a> {
            #[serde(default, borrow)]
            organization: Option<Written<'a>>,
            #[serde(default, borrow)]
            space: Option<Written<'a>>,
            #[serde(default, borrow)]
            app: Option<Written<'a>>,
            #[serde(default, borrow)]
            user: Option<Written<'a>>,
            #[serde(default, borrow)]
            package: Option<Written<'a>>,
        }
        #[derive(Deserialize)]
        struct Written<'a> {
            #[serde(borrow)]
            guid: Text<'a>,
            #[serde(default, borrow)]
            name: Option<Text<'a>>,
            #[serde(default, borrow)]
            organization: Option<Text<'a>>,
            #[serde(default, borrow)]
            space: Option<Text<'a>>,
        }
        let Ok(line) = serde_json::from_str::<Line<'_>>(line) else {
            return false;
        };
        let entries = [
            (EntryKind::Organization, line.organization),
            (EntryKind::Space, line.space),
            (EntryKind::App, line.app),
            (EntryKind::User, line.user),
            (EntryKind::Package, line.package),
        ];
        let mut is_entry = false;
        for (kind, entry) in entries {
            let Some(entry) = entry else {
                continue;
            };
            is_entry = true;
            self.known[kind].insert(hash(entry.guid.as_str()));
            // Names of users are not unique.
            if let Some(name) = entry.name.filter(|_| kind != EntryKind::User) {
                let parent = entry.organization.or(entry.space);
                let parent = parent.as_ref().map_or("", Text::as_str);
                self.names.insert(hash_of_name(kind, parent, name.as_str()));
            }
        }
        is_entry
    }

    /// Appends the lines of a page of `list` to `out`: at most `limit`. Roles and users are kept until
    /// [`end_users`](Self::end_users).
    ///
    /// # Errors
    ///
    /// Fails with what is wrong if the body is not such a page, or if a seed cannot hold a resource.
    pub fn page(
        &mut self,
        list: RecordedList,
        body: &str,
        limit: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Result<RecordedPage, String> {
        let answer = read_list(list, body)?;
        let mut page = RecordedPage {
            next: answer.next,
            total: answer.total,
            listed: answer.listed as u64,
            ..RecordedPage::default()
        };
        let (listed, included) = answer.resources.split_at(answer.listed);
        if list == RecordedList::Roles {
            for resource in included {
                if resource.kind == ResourceKind::User {
                    self.add_name(resource)?;
                }
            }
        }
        for resource in listed {
            if limit.is_some_and(|limit| page.new >= limit) {
                break;
            }
            match self.record(list, resource, out)? {
                Recorded::New => page.new += 1,
                Recorded::Before => {}
                Recorded::LeftOut => page.left_out += 1,
            }
        }
        Ok(page)
    }

    fn record(
        &mut self,
        list: RecordedList,
        resource: &Resource<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Recorded, String> {
        let anonymizer = self.anonymizer.as_ref();
        match list {
            RecordedList::Organizations => {
                let mut entry = parse::<OrganizationAnswer<'_>>(resource)?.into_entry();
                if let Some(anonymizer) = anonymizer {
                    entry = anonymizer.organization(entry);
                }
                let guid = guid_of(entry.guid.as_ref());
                self.write_named(
                    EntryKind::Organization,
                    guid,
                    (None, &entry.name),
                    &entry,
                    out,
                )
            }
            RecordedList::Spaces => {
                let mut entry = parse::<SpaceAnswer<'_>>(resource)?.into_entry();
                if let Some(anonymizer) = anonymizer {
                    entry = anonymizer.space(entry);
                }
                let guid = guid_of(entry.guid.as_ref());
                if !self.has(EntryKind::Organization, entry.organization.as_ref()) {
                    return Ok(Recorded::LeftOut);
                }
                let name = (entry.organization.as_ref(), &entry.name);
                self.write_named(EntryKind::Space, guid, name, &entry, out)
            }
            RecordedList::Apps => {
                let mut entry = parse::<AppAnswer<'_>>(resource)?.into_entry();
                if let Some(anonymizer) = anonymizer {
                    entry = anonymizer.app(entry);
                }
                let guid = guid_of(entry.guid.as_ref());
                if !self.has(EntryKind::Space, entry.space.as_ref()) {
                    return Ok(Recorded::LeftOut);
                }
                let name = (entry.space.as_ref(), &entry.name);
                self.write_named(EntryKind::App, guid, name, &entry, out)
            }
            RecordedList::Packages => {
                let entry = parse::<PackageAnswer<'_>>(resource)?.into_entry();
                let mut entry = entry.map_err(|error| at(resource, &error))?;
                if let Some(anonymizer) = anonymizer {
                    entry = anonymizer.package(entry);
                }
                let guid = guid_of(entry.guid.as_ref());
                if !self.has(EntryKind::App, entry.app.as_ref()) {
                    return Ok(Recorded::LeftOut);
                }
                self.write(EntryKind::Package, guid, &entry, out)
            }
            RecordedList::Roles => self.add_role(resource),
            RecordedList::Users => self.add_listed(resource),
        }
    }

    /// Whether a parent was written.
    fn has(&self, kind: EntryKind, guid: Option<&Reference<'_>>) -> bool {
        guid.is_some_and(|guid| self.known[kind].contains(&hash(guid.as_str())))
    }

    /// Writes an entry whose name is unique within its parent, unless it was written before or another one has the name.
    fn write_named(
        &mut self,
        kind: EntryKind,
        guid: &str,
        (parent, name): (Option<&Reference<'_>>, &Option<Name<'_>>),
        entry: &impl Serialize,
        out: &mut Vec<u8>,
    ) -> Result<Recorded, String> {
        if self.known[kind].contains(&hash(guid)) {
            return Ok(Recorded::Before);
        }
        let parent = parent.map_or("", Reference::as_str);
        let name = name.as_ref().map_or("", Name::as_str);
        if !self.names.insert(hash_of_name(kind, parent, name)) {
            return Ok(Recorded::LeftOut);
        }
        self.write(kind, guid, entry, out)
    }

    /// Writes an entry, unless it was written before.
    fn write(
        &mut self,
        kind: EntryKind,
        guid: &str,
        entry: &impl Serialize,
        out: &mut Vec<u8>,
    ) -> Result<Recorded, String> {
        if !self.known[kind].insert(hash(guid)) {
            return Ok(Recorded::Before);
        }
        write_line(kind, guid, entry, out)?;
        Ok(Recorded::New)
    }

    /// Keeps the name of a user.
    fn add_name(&mut self, resource: &Resource<'_>) -> Result<(), String> {
        let user = parse::<UserAnswer<'_>>(resource)?;
        // A name that no seed can hold is not known.
        let name = user.username.and_then(|name| Name::checked(name).ok());
        if Guid::checked(resource.guid.clone()).is_ok() {
            let name = name.map(|name| name.0.into_owned());
            self.members.set_name(resource.guid.as_str(), name);
        }
        Ok(())
    }

    /// Keeps a user of the list of users.
    fn add_listed(&mut self, resource: &Resource<'_>) -> Result<Recorded, String> {
        if Guid::checked(resource.guid.clone()).is_err() {
            return Ok(Recorded::LeftOut);
        }
        self.add_name(resource)?;
        Ok(match self.members.list(resource.guid.as_str()) {
            true => Recorded::New,
            // Pages may overlap.
            false => Recorded::Before,
        })
    }

    fn add_role(&mut self, resource: &Resource<'_>) -> Result<Recorded, String> {
        let role = parse::<RoleAnswer<'_>>(resource)?.into_role();
        let (user, role) = role.map_err(|error| at(resource, &error))?;
        let HeldRole {
            role,
            scope,
            parent,
        } = role;
        let kind = match scope {
            RoleScope::Organization => EntryKind::Organization,
            RoleScope::Space => EntryKind::Space,
        };
        let names = scope.roles().iter();
        let Some(name) = names.copied().find(|name| *name == role.as_str()) else {
            return Ok(Recorded::LeftOut);
        };
        let is_parent_known = self.known[kind].contains(&self.hash_of_parent(parent.as_str()));
        // The guid of a client of a UAA may be any text.
        if !is_parent_known || Guid::checked(user.clone()).is_err() {
            return Ok(Recorded::LeftOut);
        }
        // Pages may overlap.
        if !self.members.roles.insert(hash(resource.guid.as_str())) {
            return Ok(Recorded::Before);
        }
        self.members.add_role(user.as_str(), name, parent.as_str());
        Ok(Recorded::New)
    }

    fn hash_of_parent(&self, guid: &str) -> u128 {
        match &self.anonymizer {
            Some(anonymizer) => hash(&anonymizer.uuid(guid)),
            None => hash(guid),
        }
    }

    /// Forgets the roles that were read, and their users.
    pub fn forget_roles(&mut self) {
        self.members = Members::default();
    }

    /// Returns the guids of the users whose roles were read.
    pub fn role_holders(&self) -> impl Iterator<Item = &str> {
        self.members.role_holders()
    }

    /// Appends the lines of the users: those of the list of users, in its order, then those who only have roles. Users
    /// without a role are appended if `with_all` is set.
    ///
    /// # Errors
    ///
    /// Fails if a line would be too long for a seed.
    pub fn end_users(&mut self, with_all: bool, out: &mut Vec<u8>) -> Result<(), String> {
        for mut entry in std::mem::take(&mut self.members).into_entries(with_all) {
            if let Some(anonymizer) = &self.anonymizer {
                entry = anonymizer.user(entry);
            }
            let guid = guid_of(entry.guid.as_ref());
            self.write(EntryKind::User, guid, &entry, out)?;
        }
        Ok(())
    }
}

/// What became of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorded {
    New,
    /// It was recorded before.
    Before,
    LeftOut,
}

/// Returns the `href` of the next page, and the guids, names and parents of the organizations, spaces or apps of a page.
///
/// # Errors
///
/// Fails with what is wrong if the body is not such a page.
pub fn named_resources(
    list: RecordedList,
    body: &str,
) -> Result<(Option<String>, Vec<NamedResource>), String> {
    let answer = read_list(list, body)?;
    let listed = answer.resources.iter().take(answer.listed);
    let named = listed.map(|resource| {
        let (guid, name, parent) = match list {
            RecordedList::Organizations => {
                let entry = parse::<OrganizationAnswer<'_>>(resource)?.into_entry();
                (entry.guid, entry.name, None)
            }
            RecordedList::Spaces => {
                let entry = parse::<SpaceAnswer<'_>>(resource)?.into_entry();
                (entry.guid, entry.name, entry.organization)
            }
            RecordedList::Apps => {
                let entry = parse::<AppAnswer<'_>>(resource)?.into_entry();
                (entry.guid, entry.name, entry.space)
            }
            RecordedList::Roles | RecordedList::Users | RecordedList::Packages => {
                (None, None, None)
            }
        };
        Ok(NamedResource {
            guid: guid_of(guid.as_ref()).to_owned(),
            name: name.map(|name| name.0.into_owned()).unwrap_or_default(),
            parent: parent.map(|parent| parent.0.into_owned()),
        })
    });
    let named = named.collect::<Result<_, String>>()?;
    Ok((answer.next, named))
}

/// Returns what an answer with an error says, if it says something.
pub fn error_of_answer(body: &str) -> Option<String> {
    document::error_of(body).map(|error| messages::shortened(&error))
}

fn read_list(list: RecordedList, body: &str) -> Result<document::Answer<'_>, String> {
    let documents = document::documents(body).map_err(|error| match error.is_eof() {
        true => messages::CUT_OFF.to_owned(),
        false => json_error::text_of(&error, None, SeedFormat::Json),
    })?;
    let ([text], true) = (documents.as_slice(), document::is_answer(body)) else {
        return Err(messages::NOT_A_LIST.to_owned());
    };
    let answer = document::read(text)
        .map_err(|fault| messages::fault_of_answer(&fault.path, &fault.text))?;
    let listed = answer.resources.iter().take(answer.listed);
    for resource in listed {
        if resource.kind != list.resource_kind() {
            let text = messages::resource_of_another_list(list.name());
            return Err(messages::fault_of_answer(&resource.path(""), &text));
        }
    }
    Ok(answer)
}

fn parse<'t, T: Deserialize<'t>>(resource: &Resource<'t>) -> Result<T, String> {
    let mut deserializer = serde_json::Deserializer::from_str(resource.text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let said = json_error::text_of(error.inner(), None, SeedFormat::Json);
        let field = if field == "." { "" } else { &field };
        let text = messages::fault_of_answer(&resource.path(field), &said);
        messages::in_resource(resource.guid.as_str(), &text)
    })
}

fn at(resource: &Resource<'_>, error: &EntryError) -> String {
    let text = messages::fault_of_answer(&resource.path(error.field()), error.text());
    messages::in_resource(resource.guid.as_str(), &text)
}

fn write_line(
    kind: EntryKind,
    guid: &str,
    entry: &impl Serialize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let start = out.len();
    out.extend_from_slice(format!("{{\"{}\":", kind.singular()).as_bytes());
    serde_json::to_writer(&mut *out, entry).map_err(|error| error.to_string())?;
    out.extend_from_slice(b"}\n");
    let length = out.len() - start;
    if length as u64 > LARGEST_LINE {
        return Err(messages::in_resource(guid, messages::LONG_LINE));
    }
    Ok(())
}

fn guid_of<'e>(guid: Option<&'e Guid<'_>>) -> &'e str {
    guid.map_or("", Guid::as_str)
}

/// Upper and lower case are the same.
fn hash_of_name(kind: EntryKind, parent: &str, name: &str) -> u128 {
    // A guid contains no line break.
    hash(&format!("{kind:?}\n{parent}\n{}", name.to_lowercase()))
}

fn hash(guid: &str) -> u128 {
    xxh3_128(guid.as_bytes())
}
