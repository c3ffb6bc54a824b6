//! What references refer to: by guid, or by a name that only one has.

use std::collections::HashMap;

use super::super::fault::{Fault, Stop, quoted};
use super::super::field::Reference;
use super::super::kind::{Form, Kind, Place};
use crate::store::{StoreError, Transaction};

/// So many are remembered of each kind.
const REMEMBERED: usize = 1 << 16;

/// What was found lately, of organizations, spaces and apps.
#[derive(Debug, Default)]
pub(super) struct References {
    found: [HashMap<String, Target>; 3],
}

/// What a reference refers to.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) id: i64,
    /// The row that holds it; of an organization, itself.
    pub(super) parent_id: i64,
    pub(super) guid: String,
}

impl References {
    /// Something of this kind is new or has another name.
    pub(super) fn forget(&mut self, kind: Kind) {
        if let Some(found) = self.found.get_mut(kind.index()) {
            found.clear();
        }
    }

    /// The `kind` that `reference`, in the field `field`, refers to.
    pub(super) fn find(
        &mut self,
        transaction: &Transaction<'_>,
        kind: Kind,
        reference: &Reference<'_>,
        field: &str,
        place: Place,
    ) -> Result<&Target, Stop> {
        let found = &mut self.found[kind.index().min(2)];
        if !found.contains_key(&*reference.0) {
            let target = look_up(transaction, kind, &reference.0, field, place)?;
            if found.len() >= REMEMBERED {
                found.clear();
            }
            found.insert(reference.0.clone().into_owned(), target);
        }
        found
            .get(&*reference.0)
            .ok_or_else(|| Fault::new(field, "is not found").into())
    }
}

fn look_up(
    transaction: &Transaction<'_>,
    kind: Kind,
    text: &str,
    field: &str,
    place: Place,
) -> Result<Target, Stop> {
    let (by_guid, by_name) = match kind {
        Kind::Organization => (
            "select id, id, guid from organizations where guid = $1",
            "select id, id, guid from organizations where folded_name = $1",
        ),
        Kind::Space => (
            "select id, organization_id, guid from spaces where guid = $1",
            "select id, organization_id, guid from spaces where folded_name = $1",
        ),
        Kind::App | Kind::User | Kind::Package => (
            "select id, space_id, guid from apps where guid = $1",
            "select id, space_id, guid from apps where folded_name = $1",
        ),
    };
    let mut target = None;
    let mut count = 0_u64;
    for (sql, value) in [(by_guid, text.to_owned()), (by_name, text.to_lowercase())] {
        transaction.rows(sql, &[value.into()], |columns| {
            count += 1;
            if count == 1 {
                target = Some(Target {
                    id: columns.int(0)?,
                    parent_id: columns.int(1)?,
                    guid: columns.text(2)?.to_owned(),
                });
            }
            Ok::<_, StoreError>(())
        })?;
        if count > 0 {
            break;
        }
    }
    match (target, count) {
        (Some(target), 1) => Ok(target),
        (Some(_), count) => Err(Fault::new(
            field,
            format!(
                "{} is the name of {count} {}; refer to one by its guid",
                quoted(text),
                kind.plural()
            ),
        )
        .into()),
        (None, _) => {
            let first = match place.form {
                Form::Json => "",
                Form::JsonLines => "; in JSON Lines it must stand in an earlier line",
            };
            Err(Fault::new(
                field,
                format!(
                    "no {} has the guid or the name {}{first}",
                    kind.singular(),
                    quoted(text)
                ),
            )
            .into())
        }
    }
}
