//! Which row an unknown reference may have meant.

use super::{NamedTable, ReferencedRow, path_of};
use crate::store::{StoreError, Transaction};

/// How many rows are compared with a reference.
const MOST_COMPARED: i64 = 20_000;
/// How many characters may be wrong at most: one in three, and no more than this.
const MOST_WRONG: usize = 3;

/// Returns the name, the guid or the path that is nearest to `text`, if one is near. A name that several rows have is
/// returned as a path. Only rows for which `is_known` holds count.
pub(super) fn find<T: NamedTable>(
    transaction: &Transaction<'_>,
    text: &str,
    is_known: impl Fn(i64) -> bool,
) -> Result<Option<String>, StoreError> {
    let wanted = text.to_lowercase();
    let (table, parent_id) = (T::TABLE, T::PARENT_ID);
    let sql = format!("select id, {parent_id}, guid, name from {table} order by id limit $1");
    let last_name = wanted.rsplit('/').next().unwrap_or_default();
    let mut candidates = Vec::new();
    transaction.rows(&sql, &[MOST_COMPARED.into()], |row| {
        let id = row.int(0)?;
        let (guid, name) = (row.text(2)?, row.text(3)?);
        let folded_name = name.to_lowercase();
        let wrong = [guid, &folded_name]
            .iter()
            .filter_map(|known| wrong_characters(&wanted, known))
            .min();
        // The name at the end of a path may be right, and what comes before it wrong.
        let is_near_path =
            wanted.contains('/') && wrong_characters(last_name, &folded_name).is_some();
        if is_known(id) && (wrong.is_some() || is_near_path) {
            candidates.push(Candidate {
                row: ReferencedRow {
                    id,
                    parent_id: row.int(1)?,
                    guid: guid.to_owned(),
                },
                name: name.to_owned(),
                wrong,
            });
        }
        Ok::<_, StoreError>(())
    })?;
    nearest::<T>(transaction, &wanted, candidates)
}

/// A row whose guid, name or path may be near.
struct Candidate {
    row: ReferencedRow,
    name: String,
    /// How many characters of the guid or the name are wrong, if it is near.
    wrong: Option<usize>,
}

fn nearest<T: NamedTable>(
    transaction: &Transaction<'_>,
    wanted: &str,
    candidates: Vec<Candidate>,
) -> Result<Option<String>, StoreError> {
    let mut nearest: Option<(usize, String)> = None;
    for Candidate { row, name, wrong } in &candidates {
        let path = path_of::<T>(transaction, row)?;
        let folded_path = path.to_lowercase();
        let is_unique = candidates
            .iter()
            .filter(|other| other.name == *name)
            .count()
            == 1;
        let found = match wrong {
            Some(wrong) if wrong_characters(wanted, &row.guid) == Some(*wrong) => {
                (*wrong, row.guid.clone())
            }
            Some(wrong) if is_unique => (*wrong, name.clone()),
            Some(wrong) => (*wrong, path),
            None if folded_path.ends_with(&format!("/{wanted}")) => (1, path),
            None => match wrong_characters(wanted, &folded_path) {
                Some(wrong) => (wrong, path),
                None => continue,
            },
        };
        if nearest.as_ref().is_none_or(|(wrong, _)| found.0 < *wrong) {
            nearest = Some(found);
        }
    }
    Ok(nearest.map(|(_, text)| text))
}

/// Returns how many characters have to be changed, or `None` if the texts are not near.
fn wrong_characters(wanted: &str, known: &str) -> Option<usize> {
    let most = (wanted.chars().count() / 3).clamp(1, MOST_WRONG);
    if wanted.len().abs_diff(known.len()) > 4 * most || wanted.len() > 1000 {
        return None;
    }
    let wrong = strsim::osa_distance(wanted, known);
    let longest = wanted.chars().count().max(known.chars().count());
    (wrong <= most && 2 * wrong < longest).then_some(wrong)
}
