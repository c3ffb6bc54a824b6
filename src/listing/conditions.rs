//! The SQL of a list, composed from fixed pieces; whatever a client sent is bound, never joined in.
//!
//! Two shapes say the same set of rows. A scan, here, is for all of them, in any order: SQLite chooses its indexes.
//! A page_query (`page_query.rs`) is for the few of one page, in order: it goes along one index, and a `+` before a column keeps
//! SQLite from taking that column's index and sorting all that matches.

use std::fmt::Write;

use super::request::{Comparison, Condition, LabelRequirement, ListRequest};
use super::visibility::Visibility;
use crate::records::{By, Filter, Resource};
use crate::store::dialect::{FALSE, NO_INDEX, TRUE};
use crate::store::{Value, dialect};

/// A statement and the values bound to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Sql {
    pub(super) fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Binds `value` to the next number, which must appear in the text before any later one does.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> usize {
        self.values.push(value.into());
        self.values.len()
    }
}

/// `select …` of every row of the list, in any order.
pub(super) fn scan<R: Resource>(what: &str, visibility: &Visibility, request: &ListRequest) -> Sql {
    scan_where::<R>(what, visibility, request, None)
}

/// As `scan`, of the rows whose id lies between `low` and `high`, both included.
pub(super) fn scan_between<R: Resource>(
    what: &str,
    visibility: &Visibility,
    request: &ListRequest,
    low: i64,
    high: i64,
) -> Sql {
    scan_where::<R>(what, visibility, request, Some((low, high)))
}

fn scan_where<R: Resource>(
    what: &str,
    visibility: &Visibility,
    request: &ListRequest,
    between: Option<(i64, i64)>,
) -> Sql {
    let mut sql = Sql::default();
    let _ = write!(sql.text, "select {what} from {} r where {TRUE}", R::TABLE);
    // Inside a range of ids the range is the way in, whatever else is asked.
    let plus = if between.is_some() { NO_INDEX } else { "" };
    if let Some((low, high)) = between {
        let (low, high) = (sql.bind(low), sql.bind(high));
        let _ = write!(sql.text, " and r.id between ${low} and ${high}");
    }
    see(&mut sql, visibility, plus);
    for condition in &request.conditions {
        match condition {
            Condition::Label(label) if between.is_none() => label_set(&mut sql, label),
            other => fulfil(&mut sql, other, plus),
        }
    }
    sql
}

/// `select` the id of the row with that guid, if it may be seen.
pub(super) fn one<R: Resource>(visibility: &Visibility, guid: &str) -> Sql {
    let mut sql = Sql::default();
    let n = sql.bind(guid);
    let _ = write!(
        sql.text,
        "select r.id from {} r where r.guid = ${n}",
        R::TABLE
    );
    see(&mut sql, visibility, NO_INDEX);
    sql
}

/// Adds the condition that no row fulfils.
fn never(sql: &mut Sql) {
    let _ = write!(sql.text, " and {FALSE}");
}

/// What the caller may see, as part of the SQL: totals and pages are the caller's own.
pub(super) fn see(sql: &mut Sql, visibility: &Visibility, plus: &str) {
    match visibility {
        Visibility::All => {}
        Visibility::Of(column, ids) => match ids.as_ref() {
            [] => never(sql),
            [id] => {
                let n = sql.bind(*id);
                let _ = write!(sql.text, " and {plus}{column} = ${n}");
            }
            ids => {
                let n = sql.bind(dialect::number_list(ids));
                let _ = write!(sql.text, " and {plus}{}", dialect::one_of(column, n));
            }
        },
    }
}

pub(super) fn fulfil(sql: &mut Sql, condition: &Condition, plus: &str) {
    match condition {
        Condition::Nothing => never(sql),
        Condition::OneOf(filter, values) => one_of(sql, filter, values, plus),
        Condition::At(order, seconds) => {
            let n = sql.bind(dialect::number_list(seconds));
            let _ = write!(sql.text, " and {plus}{}", dialect::one_of(order.column, n));
        }
        Condition::Time(order, comparison, second) => {
            let n = sql.bind(*second);
            let comparison = match comparison {
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            let _ = write!(sql.text, " and {plus}{} {comparison} ${n}", order.column);
        }
        Condition::Label(label) => label_lookup(sql, label),
    }
}

fn one_of(sql: &mut Sql, filter: &Filter, values: &[String], plus: &str) {
    let column = filter.column;
    let folded: Vec<String>;
    let values = match filter.by {
        By::FoldedValue => {
            folded = values.iter().map(|value| value.to_lowercase()).collect();
            &folded
        }
        _ => values,
    };
    // One value is an equality: SQLite then knows that an index gives the order too.
    let (equals, n) = match values {
        [value] => (true, sql.bind(value.as_str())),
        values => (
            false,
            sql.bind(dialect::text_list(values.iter().map(String::as_str))),
        ),
    };
    let is = |column: &str| {
        if equals {
            format!("{column} = ${n}")
        } else {
            dialect::one_of(column, n)
        }
    };
    let _ = match filter.by {
        By::Value | By::FoldedValue => write!(sql.text, " and {plus}{}", is(column)),
        By::Id(select) if equals => write!(sql.text, " and {plus}{column} = ({})", is(select)),
        By::Id(select) | By::Ids(select) => {
            write!(sql.text, " and {plus}{column} in ({})", is(select))
        }
    };
}

/// A label's packages as a set, made once: for scans.
pub(super) fn label_set(sql: &mut Sql, label: &LabelRequirement) {
    let not = if label.negated { "not " } else { "" };
    let key = sql.bind(label.key.as_str());
    let _ = write!(
        sql.text,
        " and r.id {not}in (select l.package_id from package_labels l where l.key = ${key}"
    );
    label_values(sql, label);
    sql.push(")");
}

/// A label's packages looked up one by one: for walks.
fn label_lookup(sql: &mut Sql, label: &LabelRequirement) {
    let not = if label.negated { "not " } else { "" };
    let key = sql.bind(label.key.as_str());
    // Without values the package is the way in, with them the key.
    let plus = if label.values.is_none() { NO_INDEX } else { "" };
    let _ = write!(
        sql.text,
        " and {not}exists (select 1 from package_labels l where l.package_id = r.id and {plus}l.key = ${key}"
    );
    label_values(sql, label);
    sql.push(")");
}

pub(super) fn label_values(sql: &mut Sql, label: &LabelRequirement) {
    if let Some(values) = &label.values {
        let n = sql.bind(dialect::text_list(values.iter().map(String::as_str)));
        let _ = write!(sql.text, " and {}", dialect::one_of("l.value", n));
    }
}
