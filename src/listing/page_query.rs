//! The SQL of one page: its ids, in order, along one index.
//!
//! Which index depends on how many rows fulfil what is query. A condition that few rows fulfil is the way in, and its
//! rows are sorted. If there is none, the stored order is that of an index on one value, or of several such side by
//! side and merged; any other order is its own index, along which rows are looked at until the page is full.

use std::fmt::Write;

use super::conditions::{Sql, fulfil, label_set, label_values, see};
use super::request::{Condition, LabelRequirement, ListRequest, OrderBy, Page};
use super::visibility::Visibility;
use crate::records::{By, Resource, SortColumn};
use crate::store::dialect::{JOIN_IN_ORDER, NO_INDEX, TRUE};
use crate::store::{Snapshot, StoreError, dialect};

/// Fewer rows than this may be sorted for the sake of a page.
const FEW: i64 = 1000;
/// Up to this many values are walked side by side and merged; more are looked for row by row.
const MERGED: usize = 32;

/// `select` the ids of one page, or of the whole list, in the list's order.
pub(super) fn page_query<R: Resource>(
    snapshot: &Snapshot<'_>,
    visibility: &Visibility,
    request: &ListRequest,
    page: Option<Page>,
) -> Result<Sql, StoreError> {
    let query = PageQuery::of(snapshot, visibility, request)?;
    let mut sql = match query.access_path::<R>(snapshot)? {
        AccessPath::Merge(column, ids) => query.merged::<R>(column, ids),
        AccessPath::Label(label) => query.along_label::<R>(label),
        AccessPath::Few(part) => query.along::<R>(Some(part), true),
        AccessPath::Equal(part) => query.along::<R>(Some(part), false),
        AccessPath::SortColumn => query.along::<R>(None, false),
    };
    if let Some(page) = page {
        let limit = sql.bind(i64::from(page.per_page()));
        // `Page` holds only offsets that fit.
        let offset = sql.bind(i64::try_from(page.offset()).unwrap_or(i64::MAX));
        let _ = write!(sql.text, " limit ${limit} offset ${offset}");
    }
    Ok(sql)
}

/// What is query, with the guids of apps, spaces and organizations as the ids that they stand for.
struct PageQuery<'r> {
    /// A row's column holds one of the ids, in each of these. No column stands here twice.
    sets: Vec<Visibility>,
    conditions: Vec<&'r Condition>,
    order: Option<OrderBy>,
}

/// Along which index a page is walked.
#[derive(Clone, Copy)]
enum AccessPath<'a> {
    /// The order's own; in stored order the table itself.
    SortColumn,
    /// What few rows fulfil.
    Few(Candidate<'a>),
    /// One value: its index ends in `id`.
    Equal(Candidate<'a>),
    /// The one value of a label: its index ends in `id` too.
    Label(&'a Condition),
    /// A column's, once for each of these ids, side by side.
    Merge(&'static str, &'a [i64]),
}

/// What one index finds.
#[derive(Clone, Copy)]
enum Candidate<'a> {
    Set(&'a Visibility),
    One(&'a Condition),
    /// All that is query of one time.
    Times(&'static SortColumn),
}

impl<'r> PageQuery<'r> {
    fn of(
        snapshot: &Snapshot<'_>,
        visibility: &Visibility,
        request: &'r ListRequest,
    ) -> Result<Self, StoreError> {
        let mut query = Self {
            sets: Vec::new(),
            conditions: Vec::new(),
            order: request.order,
        };
        for condition in &request.conditions {
            let Condition::OneOf(filter, values) = condition else {
                query.conditions.push(condition);
                continue;
            };
            let (By::Id(select) | By::Ids(select)) = filter.by else {
                query.conditions.push(condition);
                continue;
            };
            let sql = dialect::one_of(select, 1);
            let values = dialect::text_list(values.iter().map(String::as_str));
            let mut ids = super::ids(snapshot, &sql, &[values])?;
            ids.sort_unstable();
            ids.dedup();
            query.narrow(Visibility::Of(filter.column, ids.into()));
        }
        query.narrow(visibility.clone());
        Ok(query)
    }

    /// Leaves only the ids that are in `set` too.
    fn narrow(&mut self, set: Visibility) {
        let Visibility::Of(column, ids) = &set else {
            return;
        };
        for known in &mut self.sets {
            if let Visibility::Of(other, both) = known
                && other == column
            {
                let inside = |id: &&i64| ids.binary_search(id).is_ok();
                *both = both.iter().filter(inside).copied().collect();
                return;
            }
        }
        self.sets.push(set);
    }

    fn access_path<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
    ) -> Result<AccessPath<'_>, StoreError> {
        for part in self.parts() {
            if self.are_few::<R>(snapshot, part)? {
                return Ok(AccessPath::Few(part));
            }
        }
        if self.order.is_some() {
            return Ok(AccessPath::SortColumn);
        }
        for set in &self.sets {
            match set {
                Visibility::Of(_, ids) if ids.len() == 1 => {
                    return Ok(AccessPath::Equal(Candidate::Set(set)));
                }
                Visibility::Of(column, ids) if ids.len() <= MERGED => {
                    return Ok(AccessPath::Merge(column, ids));
                }
                Visibility::Of(..) | Visibility::All => {}
            }
        }
        let conditions = || self.conditions.iter().copied();
        let label = conditions().find(|condition| one_label(condition).is_some());
        if let Some(label) = label {
            return Ok(AccessPath::Label(label));
        }
        let value = conditions().find(
            |condition| matches!(condition, Condition::OneOf(_, values) if values.len() == 1),
        );
        Ok(value.map_or(AccessPath::SortColumn, |value| {
            AccessPath::Equal(Candidate::One(value))
        }))
    }

    /// What an index may find, the most selective by nature first.
    fn parts(&self) -> impl Iterator<Item = Candidate<'_>> {
        let selective = |condition: &&Condition| matches!(condition, Condition::OneOf(filter, _) if filter.selective);
        let plain = |condition: &&Condition| match condition {
            Condition::OneOf(filter, _) => !filter.selective,
            Condition::Label(label) => !label.negated,
            Condition::Nothing | Condition::At(..) | Condition::Time(..) => false,
        };
        let mut times = Vec::new();
        for condition in &self.conditions {
            if let Condition::At(order, _) | Condition::Time(order, ..) = condition
                && !times.contains(order)
                && self.order.is_none_or(|by| by.order != *order)
            {
                times.push(*order);
            }
        }
        let conditions = || self.conditions.iter().copied();
        conditions()
            .filter(selective)
            .map(Candidate::One)
            .chain(self.sets.iter().map(Candidate::Set))
            .chain(conditions().filter(plain).map(Candidate::One))
            .chain(times.into_iter().map(Candidate::Times))
    }

    /// Whether few rows fulfil that, counted along its index and no further than few.
    fn are_few<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
        part: Candidate<'_>,
    ) -> Result<bool, StoreError> {
        let mut sql = Sql::default();
        sql.push("select count(*) from (select 1 from ");
        if let Candidate::One(Condition::Label(label)) = part {
            let key = sql.bind(label.key.as_str());
            let _ = write!(sql.text, "package_labels l where l.key = ${key}");
            label_values(&mut sql, label);
        } else {
            let _ = write!(sql.text, "{} r where {TRUE}", R::TABLE);
            match part {
                Candidate::Set(set) => see(&mut sql, set, ""),
                Candidate::One(condition) => fulfil(&mut sql, condition, ""),
                Candidate::Times(order) => {
                    for condition in self.conditions.iter().filter(|c| is_of(c, order)) {
                        fulfil(&mut sql, condition, "");
                    }
                }
            }
        }
        let few = sql.bind(FEW);
        let _ = write!(sql.text, " limit ${few})");
        Ok(snapshot.int(&sql.text, &sql.values)?.unwrap_or(0) < FEW)
    }

    /// Along the index of `access_path`, or else of the order.
    fn along<R: Resource>(&self, access_path: Option<Candidate<'_>>, sorted: bool) -> Sql {
        let mut sql = Sql::default();
        let _ = write!(sql.text, "select r.id from {} r where {TRUE}", R::TABLE);
        for set in &self.sets {
            let leads =
                matches!(access_path, Some(Candidate::Set(part)) if std::ptr::eq(part, set));
            see(&mut sql, set, plus(leads));
        }
        for condition in &self.conditions {
            let leads = match access_path {
                Some(Candidate::One(part)) => std::ptr::eq(part, *condition),
                Some(Candidate::Times(order)) => is_of(condition, order),
                Some(Candidate::Set(_)) => false,
                None => self.order.is_some_and(|by| is_of(condition, by.order)),
            };
            match condition {
                Condition::Label(label) if leads => label_set(&mut sql, label),
                other => fulfil(&mut sql, other, plus(leads)),
            }
        }
        // What is sorted anyway must not tempt SQLite along the order's index.
        let plus = plus(!sorted);
        match self.order {
            None => {
                let _ = write!(sql.text, " order by {plus}r.id");
            }
            Some(OrderBy { order, descending }) => {
                let direction = if descending { "desc" } else { "asc" };
                let _ = write!(
                    sql.text,
                    " order by {plus}{} {direction}, r.guid {direction}",
                    order.column
                );
            }
        }
        sql
    }

    /// Along a label's index.
    fn along_label<R: Resource>(&self, access_path: &Condition) -> Sql {
        let mut sql = Sql::default();
        let Some((key, value)) = one_label(access_path) else {
            return self.along::<R>(None, false);
        };
        let (key, value) = (sql.bind(key), sql.bind(value));
        let _ = write!(
            sql.text,
            "select l.package_id from package_labels l {JOIN_IN_ORDER} {} r on r.id = l.package_id
             where l.key = ${key} and l.value = ${value}",
            R::TABLE
        );
        self.others(&mut sql, None, Some(access_path));
        sql.push(" order by l.package_id");
        sql
    }

    /// One arm an id, each in the order of its index; SQLite merges them without a sort.
    fn merged<R: Resource>(&self, column: &'static str, ids: &[i64]) -> Sql {
        let mut sql = Sql::default();
        let mut rest = String::new();
        for (n, id) in ids.iter().enumerate() {
            sql.push(if n == 0 { "" } else { " union all " });
            let id = sql.bind(*id);
            let _ = write!(
                sql.text,
                "select r.id as id from {} r where {column} = ${id}",
                R::TABLE
            );
            if n == 0 {
                let from = sql.text.len();
                self.others(&mut sql, Some(column), None);
                rest = sql.text[from..].to_owned();
            } else {
                // The later arms name the values that the first one bound.
                sql.push(&rest);
            }
        }
        sql.push(" order by 1");
        sql
    }

    /// All that is query, looked at row by row, but for what the way in has already.
    fn others(&self, sql: &mut Sql, set: Option<&str>, condition: Option<&Condition>) {
        for other in &self.sets {
            if !matches!(other, Visibility::Of(column, _) if set == Some(*column)) {
                see(sql, other, NO_INDEX);
            }
        }
        for other in &self.conditions {
            if !condition.is_some_and(|condition| std::ptr::eq(condition, *other)) {
                fulfil(sql, other, NO_INDEX);
            }
        }
    }
}

fn plus(leads: bool) -> &'static str {
    if leads { "" } else { NO_INDEX }
}

fn is_of(condition: &Condition, time: &'static SortColumn) -> bool {
    matches!(condition, Condition::At(order, _) | Condition::Time(order, ..) if *order == time)
}

/// Key and value of a label that has to have just that.
fn one_label(condition: &Condition) -> Option<(&str, &str)> {
    match condition {
        Condition::Label(LabelRequirement {
            key,
            values: Some(values),
            negated: false,
        }) => match values.as_slice() {
            [value] => Some((key, value)),
            _ => None,
        },
        _ => None,
    }
}
