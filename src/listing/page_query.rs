//! The page query: the SQL that finds the ids of one page, in order, along one index.
//!
//! The access path depends on how many rows fulfil each condition. If few rows fulfil one, that condition's index finds
//! them and they are sorted. Otherwise, in stored order, the index of one value is read, because it ends in `id`; the
//! indexes of several values are read side by side and merged. Any other order is read along its own index, row by row,
//! until the page is full.

use super::conditions::{
    Index, Sql, add_condition, add_label_set, add_label_values, add_visibility,
};
use super::request::{Condition, LabelRequirement, ListRequest, OrderBy, Page};
use super::visibility::Visibility;
use crate::records::{By, LabelIndex, Resource, SortColumn};
use crate::store::dialect::{JOIN_IN_ORDER, TRUE};
use crate::store::{Snapshot, StoreError, dialect};

/// If fewer rows than this fulfil a condition, they are read by its index and then sorted.
const FEW: i64 = 1000;
/// The indexes of at most this many values are merged. With more values, rows are read in stored order and compared.
const MOST_MERGED: usize = 32;

/// Returns the statement that finds the ids of one page, or of the whole list if `page` is `None`, in the list's order.
pub(super) fn page_query<R: Resource>(
    snapshot: &Snapshot<'_>,
    visibility: &Visibility,
    request: &ListRequest,
    page: Option<Page>,
) -> Result<Sql, StoreError> {
    let query = PageQuery::new(snapshot, visibility, request)?;
    let mut sql = match query.access_path::<R>(snapshot)? {
        AccessPath::Merge(column, ids) => query.merged::<R>(column, ids),
        AccessPath::Label(label) => query.by_label::<R>(label),
        AccessPath::Few(candidate) => query.by_index::<R>(Some(candidate), Sorted::Afterwards),
        AccessPath::Equal(candidate) => query.by_index::<R>(Some(candidate), Sorted::ByIndex),
        AccessPath::Order => query.by_index::<R>(None, Sorted::ByIndex),
    };
    if let Some(page) = page {
        let limit = sql.bind(i64::from(page.per_page()));
        let offset = i64::try_from(page.offset()).expect("`Page` holds only offsets that fit");
        let offset = sql.bind(offset);
        sql.append(format_args!(" limit ${limit} offset ${offset}"));
    }
    Ok(sql)
}

/// A list request whose guids of apps, spaces and organizations are replaced by ids.
struct PageQuery<'r> {
    /// A row matches if, for each set, the column of the set holds one of its ids. Each column occurs once.
    sets: Vec<Visibility>,
    conditions: Vec<&'r Condition>,
    order: Option<OrderBy>,
}

/// The index along which a page is read.
#[derive(Clone, Copy)]
enum AccessPath<'a> {
    /// The index of the order; in stored order, the table itself.
    Order,
    /// The index of a condition that few rows fulfil.
    Few(Candidate<'a>),
    /// The index of one value. It ends in `id`, so it gives the stored order.
    Equal(Candidate<'a>),
    /// The label index of one value. It ends in the package's `id`.
    Label(&'a Condition),
    /// The index of a column, read once for each of these ids, and merged.
    Merge(&'static str, &'a [i64]),
}

/// A set or a condition that one index can resolve.
#[derive(Clone, Copy)]
enum Candidate<'a> {
    Set(&'a Visibility),
    Condition(&'a Condition),
    /// All conditions on one time.
    Times(&'static SortColumn),
}

/// How the rows of an access path are put in order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sorted {
    /// The index gives them in order.
    ByIndex,
    /// They are few, and SQLite sorts them.
    Afterwards,
}

impl<'r> PageQuery<'r> {
    fn new(
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
            query.intersect(Visibility::Ids(filter.column, ids.into()));
        }
        query.intersect(visibility.clone());
        Ok(query)
    }

    /// Adds a set, or intersects it with the set of the same column.
    fn intersect(&mut self, set: Visibility) {
        let Visibility::Ids(column, ids) = &set else {
            return;
        };
        for known in &mut self.sets {
            if let Visibility::Ids(other, both) = known
                && other == column
            {
                let is_in_set = |id: &&i64| ids.binary_search(id).is_ok();
                *both = both.iter().filter(is_in_set).copied().collect();
                return;
            }
        }
        self.sets.push(set);
    }

    fn access_path<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
    ) -> Result<AccessPath<'_>, StoreError> {
        for candidate in self.candidates() {
            if self.finds_few::<R>(snapshot, candidate)? {
                return Ok(AccessPath::Few(candidate));
            }
        }
        if self.order.is_some() {
            return Ok(AccessPath::Order);
        }
        for set in &self.sets {
            match set {
                Visibility::Ids(_, ids) if ids.len() == 1 => {
                    return Ok(AccessPath::Equal(Candidate::Set(set)));
                }
                Visibility::Ids(column, ids) if ids.len() <= MOST_MERGED => {
                    return Ok(AccessPath::Merge(column, ids));
                }
                Visibility::Ids(..) | Visibility::All => {}
            }
        }
        let conditions = || self.conditions.iter().copied();
        if let Some(label) = conditions().find(|condition| one_label(condition).is_some()) {
            return Ok(AccessPath::Label(label));
        }
        let one_value = conditions().find(
            |condition| matches!(condition, Condition::OneOf(_, values) if values.len() == 1),
        );
        Ok(one_value.map_or(AccessPath::Order, |condition| {
            AccessPath::Equal(Candidate::Condition(condition))
        }))
    }

    /// Returns what an index can find: selective filters first, then sets, other conditions and times.
    fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        let is_selective = |condition: &&Condition| matches!(condition, Condition::OneOf(filter, _) if filter.selective);
        let is_other = |condition: &&Condition| match condition {
            Condition::OneOf(filter, _) => !filter.selective,
            Condition::Label(_, label) => !label.negated,
            Condition::Nothing | Condition::At(..) | Condition::Time(..) => false,
        };
        let mut times = Vec::new();
        for condition in &self.conditions {
            if let Condition::At(time, _) | Condition::Time(time, ..) = condition
                && !times.contains(time)
                && self.order.is_none_or(|by| by.order != *time)
            {
                times.push(*time);
            }
        }
        let conditions = || self.conditions.iter().copied();
        conditions()
            .filter(is_selective)
            .map(Candidate::Condition)
            .chain(self.sets.iter().map(Candidate::Set))
            .chain(conditions().filter(is_other).map(Candidate::Condition))
            .chain(times.into_iter().map(Candidate::Times))
    }

    /// Whether the index of `candidate` finds fewer than `FEW` rows. Stops counting at `FEW`.
    fn finds_few<R: Resource>(
        &self,
        snapshot: &Snapshot<'_>,
        candidate: Candidate<'_>,
    ) -> Result<bool, StoreError> {
        let mut sql = Sql::default();
        sql.push("select count(*) from (select 1 from ");
        if let Candidate::Condition(Condition::Label(labels, label)) = candidate {
            let key = sql.bind(label.key.as_str());
            sql.append(format_args!("{} l where l.key = ${key}", labels.table));
            add_label_values(&mut sql, label);
        } else {
            sql.append(format_args!("{} r where {TRUE}", R::TABLE));
            match candidate {
                Candidate::Set(set) => add_visibility(&mut sql, set, Index::Allowed),
                Candidate::Condition(condition) => {
                    add_condition(&mut sql, condition, Index::Allowed);
                }
                Candidate::Times(time) => {
                    for condition in self.conditions.iter().filter(|c| is_about(c, time)) {
                        add_condition(&mut sql, condition, Index::Allowed);
                    }
                }
            }
        }
        let few = sql.bind(FEW);
        sql.append(format_args!(" limit ${few}) few"));
        let count = snapshot.int(&sql.text, &sql.values)?;
        Ok(count.expect("`count(*)` always returns a number") < FEW)
    }

    /// Returns the statement that reads the index of `candidate`, or the index of the order.
    fn by_index<R: Resource>(&self, candidate: Option<Candidate<'_>>, sorted: Sorted) -> Sql {
        let mut sql = Sql::default();
        sql.append(format_args!("select r.id from {} r where {TRUE}", R::TABLE));
        for set in &self.sets {
            let is_candidate =
                matches!(candidate, Some(Candidate::Set(chosen)) if std::ptr::eq(chosen, set));
            add_visibility(&mut sql, set, Index::allowed_if(is_candidate));
        }
        for condition in &self.conditions {
            let is_candidate = match candidate {
                Some(Candidate::Condition(chosen)) => std::ptr::eq(chosen, *condition),
                Some(Candidate::Times(time)) => is_about(condition, time),
                Some(Candidate::Set(_)) => false,
                None => self.order.is_some_and(|by| is_about(condition, by.order)),
            };
            match condition {
                Condition::Label(labels, label) if is_candidate => {
                    add_label_set(&mut sql, labels, label);
                }
                other => add_condition(&mut sql, other, Index::allowed_if(is_candidate)),
            }
        }
        // If the rows are few and sorted afterwards, SQLite must not use the index of the order: it would read many rows.
        let prefix = Index::allowed_if(sorted == Sorted::ByIndex).prefix();
        match self.order {
            None => sql.append(format_args!(" order by {prefix}r.id")),
            Some(OrderBy { order, descending }) => {
                let direction = if descending { "desc" } else { "asc" };
                sql.append(format_args!(
                    " order by {prefix}{} {direction}, r.guid {direction}",
                    order.column
                ));
            }
        }
        sql
    }

    /// Returns the statement that reads the label index of one value.
    fn by_label<R: Resource>(&self, label: &Condition) -> Sql {
        let mut sql = Sql::default();
        let (labels, key, value) =
            one_label(label).expect("this access path is chosen for one label");
        let (key, value) = (sql.bind(key), sql.bind(value));
        let LabelIndex { table, owner } = labels;
        sql.append(format_args!(
            "select l.{owner} from {table} l {JOIN_IN_ORDER} {} r on r.id = l.{owner}
             where l.key = ${key} and l.value = ${value}",
            R::TABLE
        ));
        self.add_others(&mut sql, None, Some(label));
        sql.append(format_args!(" order by l.{owner}"));
        sql
    }

    /// Returns the statement that reads the index of `column` once for each id. SQLite merges the parts without a sort,
    /// because each comes in stored order.
    fn merged<R: Resource>(&self, column: &'static str, ids: &[i64]) -> Sql {
        let mut sql = Sql::default();
        let mut others = String::new();
        for (n, id) in ids.iter().enumerate() {
            sql.push(if n == 0 { "" } else { " union all " });
            let id = sql.bind(*id);
            sql.append(format_args!(
                "select r.id as id from {} r where {column} = ${id}",
                R::TABLE
            ));
            if n == 0 {
                let start = sql.text.len();
                self.add_others(&mut sql, Some(column), None);
                others = sql.text[start..].to_owned();
            } else {
                // The later parts use the values that the first part bound.
                sql.push(&others);
            }
        }
        sql.push(" order by 1");
        sql
    }

    /// Adds all sets and conditions except those that the access path already fulfils. They are compared row by row.
    fn add_others(&self, sql: &mut Sql, column: Option<&str>, condition: Option<&Condition>) {
        for set in &self.sets {
            if !matches!(set, Visibility::Ids(of, _) if column == Some(*of)) {
                add_visibility(sql, set, Index::Forbidden);
            }
        }
        for other in &self.conditions {
            if !condition.is_some_and(|condition| std::ptr::eq(condition, *other)) {
                add_condition(sql, other, Index::Forbidden);
            }
        }
    }
}

fn is_about(condition: &Condition, time: &'static SortColumn) -> bool {
    matches!(condition, Condition::At(column, _) | Condition::Time(column, ..) if *column == time)
}

/// Returns the index, the key and the value of a requirement that one label has one value.
fn one_label(condition: &Condition) -> Option<(&LabelIndex, &str, &str)> {
    match condition {
        Condition::Label(
            labels,
            LabelRequirement {
                key,
                values: Some(values),
                negated: false,
            },
        ) => match values.as_slice() {
            [value] => Some((labels, key, value)),
            _ => None,
        },
        _ => None,
    }
}
