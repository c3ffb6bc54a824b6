//! The SQL of conditions, and of statements over a whole list. Values that a client sent are bound, never joined into
//! the text.
//!
//! A statement over a whole list reads all of its rows, in any order: SQLite chooses the indexes. A page query
//! (`page_query.rs`) reads few rows, in order, along one index. There, `dialect::NO_INDEX` before a column keeps SQLite
//! from choosing the index of that column and sorting all rows that match.

use std::fmt::Write;

use super::request::{Comparison, Condition, LabelRequirement, ListRequest};
use super::visibility::Visibility;
use crate::records::{By, Filter, LabelIndex, Resource, rules};
use crate::store::dialect::{FALSE, NO_INDEX, TRUE};
use crate::store::{Value, dialect};

/// A statement and the values bound to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

/// Whether SQLite may use the index of a condition's column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    /// It may.
    Allowed,
    /// It must look at the column row by row.
    Forbidden,
}

impl Index {
    /// Returns what stands before a column or an expression.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Allowed => "",
            Self::Forbidden => NO_INDEX,
        }
    }

    pub(super) fn allowed_if(allowed: bool) -> Self {
        if allowed {
            Self::Allowed
        } else {
            Self::Forbidden
        }
    }
}

impl Sql {
    pub(super) fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Binds `value` to the next number and returns that number. It must appear in the text before any later number
    /// does, because SQLite numbers parameters by their first appearance.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> usize {
        self.values.push(value.into());
        self.values.len()
    }

    /// Appends formatted text. Unlike `write!`, it cannot fail.
    pub(super) fn append(&mut self, text: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(text)
            .expect("writing to a String never fails");
    }
}

/// Returns `select {what}` over every row of the list, in any order.
pub(super) fn whole_list<R: Resource>(
    what: &str,
    visibility: &Visibility,
    request: &ListRequest,
) -> Sql {
    list_sql::<R>(what, visibility, request, None)
}

/// Returns `select {what}` over the rows of the list whose id lies between `low` and `high`, both included.
pub(super) fn id_range<R: Resource>(
    what: &str,
    visibility: &Visibility,
    request: &ListRequest,
    low: i64,
    high: i64,
) -> Sql {
    list_sql::<R>(what, visibility, request, Some((low, high)))
}

fn list_sql<R: Resource>(
    what: &str,
    visibility: &Visibility,
    request: &ListRequest,
    range: Option<(i64, i64)>,
) -> Sql {
    let mut sql = Sql::default();
    sql.append(format_args!(
        "select {what} from {} r where {TRUE}",
        R::TABLE
    ));
    // The primary key finds a range of ids; no other index may be used for it.
    let index = Index::allowed_if(range.is_none());
    if let Some((low, high)) = range {
        let (low, high) = (sql.bind(low), sql.bind(high));
        sql.append(format_args!(" and r.id between ${low} and ${high}"));
    }
    add_visibility(&mut sql, visibility, index);
    for condition in &request.conditions {
        match condition {
            Condition::Label(labels, label) if range.is_none() => {
                add_label_set(&mut sql, labels, label);
            }
            other => add_condition(&mut sql, other, index),
        }
    }
    sql
}

/// Returns the statement that finds the id of the row with that guid, if it is visible.
pub(super) fn by_guid<R: Resource>(visibility: &Visibility, guid: &str) -> Sql {
    let mut sql = Sql::default();
    let n = sql.bind(guid);
    sql.append(format_args!(
        "select r.id from {} r where r.guid = ${n}",
        R::TABLE
    ));
    add_visibility(&mut sql, visibility, Index::Forbidden);
    sql
}

/// Restricts a statement to the visible rows, so that totals and pages are the caller's own.
pub(super) fn add_visibility(sql: &mut Sql, visibility: &Visibility, index: Index) {
    let prefix = index.prefix();
    match visibility {
        Visibility::All => {}
        Visibility::Ids(column, ids) => match ids.as_ref() {
            [] => sql.append(format_args!(" and {FALSE}")),
            [id] => {
                let n = sql.bind(*id);
                sql.append(format_args!(" and {prefix}{column} = ${n}"));
            }
            ids => {
                let n = sql.bind(dialect::number_list(ids));
                sql.append(format_args!(" and {prefix}{}", dialect::one_of(column, n)));
            }
        },
    }
}

/// Restricts a statement to the rows that fulfil `condition`.
pub(super) fn add_condition(sql: &mut Sql, condition: &Condition, index: Index) {
    let prefix = index.prefix();
    match condition {
        Condition::Nothing => sql.append(format_args!(" and {FALSE}")),
        Condition::OneOf(filter, values) => add_filter(sql, filter, values, index),
        Condition::At(time, seconds) => {
            let n = sql.bind(dialect::number_list(seconds));
            sql.append(format_args!(
                " and {prefix}{}",
                dialect::one_of(time.column, n)
            ));
        }
        Condition::Time(time, comparison, second) => {
            let n = sql.bind(*second);
            let comparison = match comparison {
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            sql.append(format_args!(
                " and {prefix}{} {comparison} ${n}",
                time.column
            ));
        }
        Condition::Label(labels, label) => add_label_lookup(sql, labels, label),
    }
}

fn add_filter(sql: &mut Sql, filter: &Filter, values: &[String], index: Index) {
    let (column, prefix) = (filter.column, index.prefix());
    if filter.by == By::Part {
        let contains = values.iter().map(|value| {
            let n = sql.bind(value.as_str());
            format!("replace(lower({column}), lower(${n}), '') <> lower({column})")
        });
        let contains = contains.collect::<Vec<_>>().join(" or ");
        sql.append(format_args!(" and ({contains})"));
        return;
    }
    let folded: Vec<String>;
    let values = match filter.by {
        By::FoldedValue => {
            folded = values
                .iter()
                .map(|value| rules::folded_name(value))
                .collect();
            &folded
        }
        _ => values,
    };
    // One value is written as an equality, from which SQLite knows that the index gives the stored order too.
    let (is_one, n) = match values {
        [value] => (true, sql.bind(value.as_str())),
        values => (
            false,
            sql.bind(dialect::text_list(values.iter().map(String::as_str))),
        ),
    };
    let matches = |column: &str| {
        if is_one {
            format!("{column} = ${n}")
        } else {
            dialect::one_of(column, n)
        }
    };
    match filter.by {
        By::Value | By::FoldedValue => {
            sql.append(format_args!(" and {prefix}{}", matches(column)));
        }
        By::Id(select) if is_one => {
            sql.append(format_args!(
                " and {prefix}{column} = ({})",
                matches(select)
            ));
        }
        By::Part => unreachable!("returned above"),
        By::Id(select) | By::Ids(select) => {
            sql.append(format_args!(
                " and {prefix}{column} in ({})",
                matches(select)
            ));
        }
    }
}

/// Adds a label requirement as a set of ids that is read once. For statements over many rows.
pub(super) fn add_label_set(sql: &mut Sql, labels: &LabelIndex, label: &LabelRequirement) {
    let LabelIndex { table, owner } = labels;
    let not = if label.negated { "not " } else { "" };
    let key = sql.bind(label.key.as_str());
    sql.append(format_args!(
        " and r.id {not}in (select l.{owner} from {table} l where l.key = ${key}"
    ));
    add_label_values(sql, label);
    sql.push(")");
}

/// Adds a label requirement as a look-up for each row. For statements that read few rows, in order: a request may hold
/// many requirements, and they must not change how SQLite reads the rows.
fn add_label_lookup(sql: &mut Sql, labels: &LabelIndex, label: &LabelRequirement) {
    let LabelIndex { table, owner } = labels;
    let not = if label.negated { "not " } else { "" };
    let key = sql.bind(label.key.as_str());
    // Without values, the index by row finds the label; with values, the primary key does.
    let index = Index::allowed_if(label.values.is_some()).prefix();
    let mut lookup = format!(
        "{not}exists (select 1 from {table} l where l.{owner} = r.id and {index}l.key = ${key}"
    );
    if let Some(values) = label_values(sql, label) {
        lookup.push_str(&values);
    }
    lookup.push(')');
    sql.append(format_args!(" and {}", dialect::likely(&lookup)));
}

/// Adds the condition that the label has one of the values of the requirement, if it names values.
pub(super) fn add_label_values(sql: &mut Sql, label: &LabelRequirement) {
    if let Some(condition) = label_values(sql, label) {
        sql.push(&condition);
    }
}

fn label_values(sql: &mut Sql, label: &LabelRequirement) -> Option<String> {
    let values = label.values.as_ref()?;
    let n = sql.bind(dialect::text_list(values.iter().map(String::as_str)));
    Some(format!(" and {}", dialect::one_of("l.value", n)))
}
