//! The parents of resources. Those that the answers refer to and neither they nor the database hold are made up.

use std::collections::HashSet;

use super::super::apply::Applier;
use super::super::entry::{
    AppEntry, ByKind, Entry, EntryKind, OrganizationEntry, PackageEntry, Position, SeedFormat,
    SpaceEntry,
};
use super::super::fault::{ApplyError, EntryError};
use super::super::field::{Guid, Lifecycle, Name, Reference, Text};
use super::super::messages;
use crate::records::app;
use crate::records::package::DOCKER;

/// The name of the organization, and of the space in it, to which parents belong whose own parent is not known.
const PLACEHOLDER: &str = "recorded";

/// Applies entries of answers, and makes their parents up where that is necessary.
#[derive(Debug, Default)]
pub(super) struct Parents {
    /// The guids of parents that exist.
    present: ByKind<HashSet<String>>,
    /// The guids of the placeholders: the organization and the space.
    organization: Option<String>,
    space: Option<String>,
    /// How many entries were applied.
    count: u64,
}

impl Parents {
    /// Applies one entry, whose parents exist.
    pub(super) fn apply(
        &mut self,
        applier: &mut Applier<'_, '_>,
        entry: &Entry<'_>,
    ) -> Result<(), ApplyError> {
        let position = Position {
            format: SeedFormat::Json,
            kind: entry.kind(),
            number: self.count,
        };
        self.count += 1;
        applier.apply(position, entry)
    }

    pub(super) fn apply_space(
        &mut self,
        applier: &mut Applier<'_, '_>,
        mut entry: SpaceEntry<'_>,
    ) -> Result<(), ApplyError> {
        match &entry.organization {
            Some(guid) => self.require(applier, EntryKind::Organization, guid.as_str())?,
            None => entry.organization = Some(Reference::trusted(self.organization(applier)?)),
        }
        self.apply(applier, &Entry::Space(entry))
    }

    pub(super) fn apply_app(
        &mut self,
        applier: &mut Applier<'_, '_>,
        mut entry: AppEntry<'_>,
    ) -> Result<(), ApplyError> {
        match &entry.space {
            Some(guid) => self.require(applier, EntryKind::Space, guid.as_str())?,
            None => entry.space = Some(Reference::trusted(self.space(applier)?)),
        }
        self.apply(applier, &Entry::App(entry))
    }

    pub(super) fn apply_package(
        &mut self,
        applier: &mut Applier<'_, '_>,
        entry: PackageEntry<'_>,
    ) -> Result<(), ApplyError> {
        let Some(app) = &entry.app else {
            let text = messages::NO_RELATED_RESOURCE;
            return Err(EntryError::new("app", text).into());
        };
        // A controller has packages of images only in apps with this lifecycle.
        let is_docker = entry.r#type.as_ref().map(|r#type| r#type.as_str()) == Some(DOCKER);
        let lifecycle = if is_docker {
            DOCKER
        } else {
            app::DEFAULT_LIFECYCLE
        };
        if !self.is_present(applier, EntryKind::App, app.as_str())? {
            let guid = checked(EntryKind::App, app.as_str())?;
            let made_up = AppEntry {
                name: Some(Name::trusted(guid.as_str().to_owned())),
                space: Some(Reference::trusted(self.space(applier)?)),
                lifecycle: Some(Lifecycle::trusted(lifecycle)),
                guid: Some(guid),
                ..AppEntry::default()
            };
            self.make_up(applier, &Entry::App(made_up))?;
        }
        self.apply(applier, &Entry::Package(Box::new(entry)))
    }

    /// Makes an organization or a space up, unless there is one with that guid. Its name is its guid.
    pub(super) fn require(
        &mut self,
        applier: &mut Applier<'_, '_>,
        kind: EntryKind,
        guid: &str,
    ) -> Result<(), ApplyError> {
        if self.is_present(applier, kind, guid)? {
            return Ok(());
        }
        let guid = checked(kind, guid)?;
        let name = Name::trusted(guid.as_str().to_owned());
        let made_up = if kind == EntryKind::Organization {
            Entry::Organization(OrganizationEntry {
                name: Some(name),
                guid: Some(guid),
                ..OrganizationEntry::default()
            })
        } else {
            Entry::Space(SpaceEntry {
                name: Some(name),
                organization: Some(Reference::trusted(self.organization(applier)?)),
                guid: Some(guid),
                ..SpaceEntry::default()
            })
        };
        self.make_up(applier, &made_up)
    }

    fn is_present(
        &mut self,
        applier: &Applier<'_, '_>,
        kind: EntryKind,
        guid: &str,
    ) -> Result<bool, ApplyError> {
        if self.present[kind].contains(guid) {
            return Ok(true);
        }
        let is_present = applier.has(kind, guid)?;
        if is_present {
            self.present[kind].insert(guid.to_owned());
        }
        Ok(is_present)
    }

    /// Returns the guid of the placeholder organization, which is made up once.
    fn organization(&mut self, applier: &mut Applier<'_, '_>) -> Result<String, ApplyError> {
        let kind = EntryKind::Organization;
        if self.organization.is_none() {
            self.organization = applier.guid_of(kind, PLACEHOLDER)?;
        }
        if let Some(guid) = &self.organization {
            return Ok(guid.clone());
        }
        let made_up = OrganizationEntry {
            name: Some(Name::trusted(PLACEHOLDER)),
            ..OrganizationEntry::default()
        };
        self.make_up(applier, &Entry::Organization(made_up))?;
        // A reference may be a name.
        let guid = applier.guid_of(kind, PLACEHOLDER)?;
        Ok(guid.unwrap_or_else(|| PLACEHOLDER.to_owned()))
    }

    /// Returns the guid of the placeholder space, which is made up once.
    fn space(&mut self, applier: &mut Applier<'_, '_>) -> Result<String, ApplyError> {
        let kind = EntryKind::Space;
        let path = format!("{PLACEHOLDER}/{PLACEHOLDER}");
        if self.space.is_none() {
            self.space = applier.guid_of(kind, &path)?;
        }
        if let Some(guid) = &self.space {
            return Ok(guid.clone());
        }
        let made_up = SpaceEntry {
            name: Some(Name::trusted(PLACEHOLDER)),
            organization: Some(Reference::trusted(self.organization(applier)?)),
            ..SpaceEntry::default()
        };
        self.make_up(applier, &Entry::Space(made_up))?;
        Ok(applier.guid_of(kind, &path)?.unwrap_or(path))
    }

    fn make_up(
        &mut self,
        applier: &mut Applier<'_, '_>,
        entry: &Entry<'_>,
    ) -> Result<(), ApplyError> {
        self.apply(applier, entry)?;
        applier.count_made_up(entry.kind());
        Ok(())
    }
}

/// Returns the guid of a parent of that kind, if it is a valid one.
fn checked(kind: EntryKind, guid: &str) -> Result<Guid<'static>, EntryError> {
    Guid::checked(Text::trusted(guid.to_owned()))
        .map_err(|fault| EntryError::new(kind.singular(), fault))
}
