//! Saved answers of the API as a seed: pages of lists, with or without `included`, and single resources, of both editions.
//!
//! The answers that follow each other in a command are one seed. They may be in any order, because parents are applied
//! first; a resource that several of them hold counts once. A parent that they refer to and do not hold is made up, unless
//! the database has it.

pub(super) mod document;
mod made_up;
pub(super) mod resource;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde_path_to_error::Track;

use super::apply::Applier;
use super::entry::{Entry, EntryKind, Object, SeedFormat, UserEntry};
use super::fault::{ApplyError, EntryError, Faults, Place, Stop};
use super::field::{Guid, Name, Text};
use super::json_error;
use super::json_text::{JsonText, Segment, find};
use super::messages;
use super::reading::Reading;
use super::syntax;
use crate::records::user::RoleScope;
use document::{AnswerFault, Resource, ResourceKind};
use made_up::Parents;
use resource::{
    AppAnswer, HeldRole, OrganizationAnswer, PackageAnswer, RoleAnswer, SpaceAnswer, UserAnswer,
};

/// How many bytes the answers of one command may have together. They are held in memory.
const LARGEST_ANSWERS: usize = 256 << 20;

/// The answers that were read and not applied yet.
#[derive(Debug, Default)]
pub(super) struct Answers {
    files: Vec<SavedText>,
    size: usize,
}

/// The text of a file with answers.
#[derive(Debug)]
struct SavedText {
    /// The name of the file in messages.
    seed: String,
    text: String,
    lines_before: u64,
    columns_before: u64,
}

impl SavedText {
    fn document(&self) -> JsonText<'_> {
        JsonText {
            text: &self.text,
            lines_before: self.lines_before,
            columns_before: self.columns_before,
        }
    }
}

impl Answers {
    /// Whether a text in JSON consists of answers.
    pub(super) fn are(text: &str) -> bool {
        let is_kind = |key: &str| EntryKind::named(EntryKind::plural, key).is_ok();
        document::first_key(text).is_some_and(|key| !is_kind(&key)) && document::is_answer(text)
    }

    /// Keeps the answers of one file.
    ///
    /// # Errors
    ///
    /// Fails with the last fault that is reported, if all answers together are too large.
    pub(super) fn add(
        &mut self,
        reading: &mut Reading<'_, '_, '_>,
        document: JsonText<'_>,
    ) -> Result<(), Stop> {
        self.size += document.text.len();
        if self.size > LARGEST_ANSWERS {
            reading.add_fault(Place::default(), messages::LARGE_ANSWERS)?;
            return Err(Stop::Unreadable);
        }
        self.files.push(SavedText {
            seed: reading.seed.to_owned(),
            text: document.text.to_owned(),
            lines_before: document.lines_before,
            columns_before: document.columns_before,
        });
        Ok(())
    }

    /// Applies all answers as one seed, and forgets them.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be written, or if enough faults were found.
    pub(super) fn apply(
        &mut self,
        applier: &mut Applier<'_, '_>,
        faults: &mut Faults,
    ) -> Result<(), Stop> {
        let files = std::mem::take(&mut self.files);
        self.size = 0;
        if files.is_empty() {
            return Ok(());
        }
        let mut run = Run {
            files: &files,
            applier,
            faults,
            resources: Vec::new(),
            parents: Parents::default(),
        };
        let applied = run.read().and_then(|()| run.apply());
        // The faults of several files are in the order in which they were found.
        faults.end_answers();
        applied
    }
}

/// The application of answers.
struct Run<'r, 'f, 't, 'c> {
    files: &'f [SavedText],
    applier: &'r mut Applier<'t, 'c>,
    faults: &'r mut Faults,
    /// Each resource once, with the index of its file.
    resources: Vec<(usize, Resource<'f>)>,
    parents: Parents,
}

/// The users of the answers, in the order in which they are named.
#[derive(Default)]
struct UsersOfAnswers<'f> {
    users: Vec<UserOfAnswers<'f>>,
    /// Places in `users`, by guid.
    places: HashMap<String, usize>,
}

impl<'f> UsersOfAnswers<'f> {
    /// Returns the user with that guid. `index` is the resource that names it.
    fn with_guid(&mut self, guid: &str, index: usize) -> &mut UserOfAnswers<'f> {
        let place = match self.places.get(guid) {
            Some(place) => *place,
            None => {
                self.users.push(UserOfAnswers {
                    guid: guid.to_owned(),
                    first: index,
                    name: None,
                    roles: Vec::new(),
                });
                let place = self.users.len() - 1;
                self.places.insert(guid.to_owned(), place);
                place
            }
        };
        &mut self.users[place]
    }
}

/// A user with the roles of the answers.
struct UserOfAnswers<'f> {
    guid: String,
    /// The index of the resource that names the user first.
    first: usize,
    name: Option<Text<'f>>,
    roles: Vec<HeldRole<'f>>,
}

impl<'f, 't, 'c> Run<'_, 'f, 't, 'c> {
    /// Reads the structure of the answers.
    fn read(&mut self) -> Result<(), Stop> {
        let mut known = HashSet::new();
        let (mut listed, mut included) = (Vec::new(), Vec::new());
        // The totals of the lists that go on after a page.
        let mut totals = BTreeMap::new();
        let files = self.files;
        for (index, file) in files.iter().enumerate() {
            let documents = match document::documents(&file.text) {
                Ok(documents) => documents,
                Err(error) => {
                    self.applier.refuse_any();
                    let (document, format) = (file.document(), SeedFormat::Json);
                    let mut reading = self.reading(index);
                    if error.is_eof() {
                        let place = document.place_at(file.text.len(), String::new());
                        reading.add_fault(place, messages::CUT_OFF)?;
                    } else {
                        syntax::add_fault(&mut reading, &document, &error, format)?;
                    }
                    continue;
                }
            };
            for text in documents {
                let answer = match document::read(text) {
                    Ok(answer) => answer,
                    Err(AnswerFault { part, path, text }) => {
                        self.applier.refuse_any();
                        let place = file.document().place_of(part, path);
                        self.reading(index).add_fault(place, text)?;
                        continue;
                    }
                };
                if let (Some(first), Some(total), Some(_)) =
                    (answer.resources.first(), answer.total, &answer.next)
                {
                    let largest = totals.entry(first.kind).or_insert(total);
                    *largest = total.max(*largest);
                }
                let mut resources = answer.resources.into_iter().map(|one| (index, one));
                listed.extend(resources.by_ref().take(answer.listed));
                included.extend(resources);
            }
        }
        // A list has an order, which what another list includes must not change.
        for (index, resource) in listed.into_iter().chain(included) {
            let guid = resource.guid.as_str().to_owned();
            if known.insert((resource.kind, guid)) {
                self.resources.push((index, resource));
            }
        }
        for (kind, total) in totals {
            let held = self.of_kind(kind).len() as u64;
            if held < total {
                self.applier.note_incomplete(kind.list_name(), held, total);
            }
        }
        Ok(())
    }

    /// Applies the resources, parents first.
    fn apply(&mut self) -> Result<(), Stop> {
        for index in self.of_kind(ResourceKind::Organization) {
            if let Some(answer) = self.parse::<OrganizationAnswer<'_>>(index)? {
                let entry = Entry::Organization(answer.into_entry());
                let applied = self.parents.apply(self.applier, &entry);
                self.add_if_wrong(index, applied)?;
            }
        }
        for index in self.of_kind(ResourceKind::Space) {
            if let Some(answer) = self.parse::<SpaceAnswer<'_>>(index)? {
                let applied = self.parents.apply_space(self.applier, answer.into_entry());
                self.add_if_wrong(index, applied)?;
            }
        }
        for index in self.of_kind(ResourceKind::App) {
            if let Some(answer) = self.parse::<AppAnswer<'_>>(index)? {
                let applied = self.parents.apply_app(self.applier, answer.into_entry());
                self.add_if_wrong(index, applied)?;
            }
        }
        self.apply_users()?;
        for index in self.of_kind(ResourceKind::Package) {
            if let Some(answer) = self.parse::<PackageAnswer<'_>>(index)? {
                let applied = match answer.into_entry() {
                    Ok(entry) => self.parents.apply_package(self.applier, entry),
                    Err(error) => Err(error.into()),
                };
                self.add_if_wrong(index, applied)?;
            }
        }
        for (position, error) in self.applier.end_seed() {
            let last = self.files.len() - 1;
            self.reading(last)
                .add_if_wrong(None, position, Err(error.into()))?;
        }
        Ok(())
    }

    fn apply_users(&mut self) -> Result<(), Stop> {
        let mut users = UsersOfAnswers::default();
        for index in self.of_kind(ResourceKind::User) {
            if let Some(answer) = self.parse::<UserAnswer<'_>>(index)? {
                let guid = self.resources[index].1.guid.as_str();
                users.with_guid(guid, index).name = answer.username;
            }
        }
        for index in self.of_kind(ResourceKind::Role) {
            if let Some(answer) = self.parse::<RoleAnswer<'_>>(index)? {
                match answer.into_role() {
                    Ok((guid, role)) => users.with_guid(guid.as_str(), index).roles.push(role),
                    Err(error) => self.add_if_wrong(index, Err(error.into()))?,
                }
            }
        }
        for user in users.users {
            let first = user.first;
            let applied = self.apply_user(user);
            self.add_if_wrong(first, applied)?;
        }
        Ok(())
    }

    fn apply_user(&mut self, user: UserOfAnswers<'f>) -> Result<(), ApplyError> {
        let checked = |field: &str, fault: String| EntryError::new(field, fault);
        let guid =
            Guid::checked(Text::trusted(user.guid)).map_err(|fault| checked("guid", fault))?;
        let name = user.name.map(Name::checked).transpose();
        let name = name.map_err(|fault| checked("username", fault))?;
        let mut roles = Vec::new();
        for role in user.roles {
            let kind = match role.scope {
                RoleScope::Organization => EntryKind::Organization,
                RoleScope::Space => EntryKind::Space,
            };
            self.parents
                .require(self.applier, kind, role.parent.as_str())?;
            roles.push(Object(role.into_entry()));
        }
        let entry = UserEntry {
            guid: Some(guid),
            name,
            roles: (!roles.is_empty()).then_some(roles),
        };
        self.parents.apply(self.applier, &Entry::User(entry))
    }

    /// Returns the indexes of the resources of one kind.
    fn of_kind(&self, kind: ResourceKind) -> Vec<usize> {
        let resources = self.resources.iter().enumerate();
        resources
            .filter(|(_, (_, resource))| resource.kind == kind)
            .map(|(index, _)| index)
            .collect()
    }

    /// Reads a resource. If it is wrong, adds a fault and returns `None`.
    fn parse<T: Deserialize<'f>>(&mut self, index: usize) -> Result<Option<T>, Stop> {
        let (file, resource) = &self.resources[index];
        let (file, text) = (*file, resource.text);
        let error = match serde_json::from_str(text) {
            Ok(parsed) => return Ok(Some(parsed)),
            Err(error) => error,
        };
        let path = path_of_error::<T>(text);
        let whole_path = resource.path(&Segment::join(&path));
        let place = self.files[file]
            .document()
            .place_of(find(text, &path), whole_path);
        self.applier.refuse(self.resources[index].1.guid.as_str());
        let said = json_error::text_of(&error, None, SeedFormat::Json);
        self.reading(file).add_fault(place, said)?;
        Ok(None)
    }

    /// Adds the fault of a resource that could not be applied.
    fn add_if_wrong(&mut self, index: usize, applied: Result<(), ApplyError>) -> Result<(), Stop> {
        let error = match applied {
            Ok(()) | Err(ApplyError::Dependent) => return Ok(()),
            Err(ApplyError::Store(error)) => return Err(error.into()),
            Err(ApplyError::Entry(error)) => error,
        };
        let (file, resource) = &self.resources[index];
        let file = *file;
        let field = field_of_answer(error.field());
        let found = find(resource.text, &Segment::parse_all(&field));
        let place = self.files[file]
            .document()
            .place_of(found, resource.path(&field));
        self.applier.refuse(self.resources[index].1.guid.as_str());
        self.reading(file).add_fault(place, error.text())
    }

    fn reading(&mut self, file: usize) -> Reading<'_, 't, 'c> {
        Reading {
            seed: &self.files[file].seed,
            applier: self.applier,
            faults: self.faults,
        }
    }
}

/// Returns the path at which a parser stops.
fn path_of_error<'t, T: Deserialize<'t>>(text: &'t str) -> Vec<Segment> {
    let mut track = Track::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // The error is known; only the path of it is new.
    let _ = T::deserialize(serde_path_to_error::Deserializer::new(
        &mut deserializer,
        &mut track,
    ))
    .is_err();
    Segment::of_track(track)
}

/// Returns where an answer has the field of an entry.
fn field_of_answer(field: &str) -> String {
    let (first, _) = field.split_once(['.', '[']).unwrap_or((field, ""));
    match first {
        "organization" | "space" | "app" => format!("relationships.{first}.data.guid"),
        "image" | "store_image" | "error" | "credentials" => format!("data.{field}"),
        "checksum" | "sha1" | "sha256" => "data.checksum".to_owned(),
        "labels" | "annotations" => format!("metadata.{field}"),
        "roles" => String::new(),
        _ => field.to_owned(),
    }
}
