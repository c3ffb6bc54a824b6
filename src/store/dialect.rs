//! The pieces of SQL in which engines differ. The rest of each statement is text that SQLite and PostgreSQL both take.
//!
//! Statements are written for SQLite. `to_postgres` translates the pieces that this module returns, once for each text.

use std::fmt::Write;

use super::Value;

/// The condition that every row fulfils.
pub const TRUE: &str = "true";

/// The condition that no row fulfils.
pub const FALSE: &str = "false";

/// The prefix of a column that prevents SQLite from using an index of the column
/// (<https://sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_>).
pub const NO_INDEX: &str = "+";

/// Follows a column that compares without regard to the case of ASCII letters.
pub const NO_CASE: &str = " collate nocase";

/// Joins two tables and keeps SQLite from reading the right one first
/// (<https://sqlite.org/optoverview.html#manual_control_of_query_plans_using_cross_join>).
pub const JOIN_IN_ORDER: &str = "cross join";

/// Returns `condition` so that SQLite does not lower its estimate of the rows that a statement finds. Without it, each
/// condition lowers the estimate, and with some forty of them SQLite expects so few rows that it reads and sorts the
/// whole list instead of reading it in order (<https://sqlite.org/lang_corefunc.html#likelihood>).
pub fn likely(condition: &str) -> String {
    format!("likelihood({condition}, 1.0)")
}

/// Returns the condition that `expression` is one of the values in the list bound to `$n`.
///
/// The list is one value, made by [`text_list`] or [`number_list`], so that a statement has the same text, and is
/// prepared once, for lists of any length.
pub fn one_of(expression: &str, n: usize) -> String {
    format!("{expression} in (select value from json_each(${n}))")
}

/// Returns a `from` clause of the rows of `table`, named `r`, whose ids are in the list bound to `$n`, in the order of
/// the list.
pub fn from_in_list_order(table: &str, n: usize) -> String {
    format!("from json_each(${n}) k {JOIN_IN_ORDER} {table} r on r.id = k.value")
}

/// Returns texts as one value for [`one_of`].
pub fn text_list<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    let texts: Vec<&str> = texts.collect();
    // Texts are always written as JSON without an error.
    serde_json::to_string(&texts)
        .unwrap_or_else(|_| "[]".into())
        .into()
}

/// Returns numbers as one value for [`one_of`] and [`from_in_list_order`].
pub fn number_list(numbers: &[i64]) -> Value {
    let mut list = String::with_capacity(numbers.len() * 8 + 2);
    list.push('[');
    for (n, number) in numbers.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(list, "{comma}{number}");
    }
    list.push(']');
    list.into()
}

/// Returns a statement for SQLite as PostgreSQL takes it. Values of lists stay JSON arrays: the parameter is then an array
/// of PostgreSQL.
///
/// | for SQLite | for PostgreSQL |
/// | --- | --- |
/// | [`one_of`] | `= any($n)`, an array |
/// | [`from_in_list_order`] | the same rows, ordered explicitly: a join has no order |
/// | [`JOIN_IN_ORDER`], [`NO_INDEX`], [`likely`] | nothing: they only steer SQLite's planner |
/// | a bound text in `lower`, a null as text | with the collation of the columns: bytes, whatever the database's locale |
/// | [`NO_CASE`] | both sides in lower case |
/// | a constant that orders | with its type |
/// | `0 as created_at` | a `bigint`, as each time is |
#[cfg(feature = "postgres")]
pub(super) fn to_postgres(sql: &str) -> String {
    const LISTED: &str = "from json_each(";
    let mut text = without_prefixes(sql)
        .replace("likelihood(", "(")
        .replace(", 1.0)", ")")
        .replace(&format!(" {JOIN_IN_ORDER} "), " join ")
        .replace("cast(null as text)", "cast(null as text) collate \"C\"")
        .replace(" 0 as created_at", " 0::bigint as created_at");
    while let Some((start, end, n)) = parameter_in(&text, " in (select value from json_each(", "))")
    {
        text.replace_range(start..end, &format!(" = any({n})"));
    }
    while let Some((start, end, n)) = parameter_in(&text, "lower(", ")") {
        // The closing parenthesis is followed by nothing that this pattern finds again.
        text.replace_range(start..end, &format!("lower ({n} collate \"C\")"));
    }
    for (compared, lowered) in [
        (
            " = any(",
            "any(lower(({n}::text[])::text collate \"C\")::text[])",
        ),
        (" = ", "lower ({n} collate \"C\")"),
    ] {
        let (before, after) = (
            format!("{NO_CASE}{compared}"),
            if compared == " = " { "" } else { ")" },
        );
        while let Some((start, end, n)) = parameter_in(&text, &before, after) {
            let column = text[..start].rfind([' ', '(']).map_or(0, |at| at + 1);
            let name = text[column..start].to_owned();
            let lowered = lowered.replace("{n}", &n);
            text.replace_range(column..end, &format!("lower({name}) = {lowered}"));
        }
    }
    // A constant in this place would be the number of a column.
    if let Some(literal) = text.find(" order by '").map(|at| at + " order by ".len())
        && let Some(length) = text[literal + 1..].find('\'')
    {
        text.insert_str(literal + 1 + length + 1, "::text");
    }
    if let Some((start, end, n)) = parameter_in(&text, LISTED, ") k ") {
        let from = format!("from unnest({n}::bigint[]) with ordinality k (value, position) ");
        text.replace_range(start..end, &from);
        text.push_str(" order by k.position");
    }
    text
}

/// Returns where `before`, a parameter and `after` stand in `text` for the first time, and the parameter.
#[cfg(feature = "postgres")]
fn parameter_in(text: &str, before: &str, after: &str) -> Option<(usize, usize, String)> {
    text.match_indices(before).find_map(|(start, _)| {
        let rest = &text[start + before.len()..];
        let digits = rest.strip_prefix('$')?;
        let digits = digits.len()
            - digits
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .len();
        let (parameter, rest) = rest.split_at(1 + digits);
        let length = before.len() + parameter.len() + after.len();
        rest.starts_with(after)
            .then(|| (start, start + length, parameter.to_owned()))
    })
}

/// Removes each [`NO_INDEX`]: PostgreSQL has no such operator for text.
#[cfg(feature = "postgres")]
fn without_prefixes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        let is_prefix = NO_INDEX.starts_with(char)
            && text[..at].ends_with([' ', '(', '\n'])
            && text[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic() || next == '\'');
        if !is_prefix {
            kept.push(char);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_json_arrays() {
        assert_eq!(
            text_list(["a", "\"b\""].into_iter()),
            r#"["a","\"b\""]"#.into()
        );
        assert_eq!(number_list(&[3, -1]), "[3,-1]".into());
        assert_eq!(number_list(&[]), "[]".into());
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn what_steers_sqlite_is_translated() {
        for (sqlite, expected) in [
            (
                format!(
                    "select id from t where {} order by 1",
                    one_of("+t.guid", 12)
                ),
                "select id from t where t.guid = any($12) order by 1",
            ),
            (
                format!(
                    "select r.id {} {JOIN_IN_ORDER} a on a.id = r.a",
                    from_in_list_order("t", 1)
                ),
                "select r.id from unnest($1::bigint[]) with ordinality k (value, position) join t r on r.id = k.value \
                 join a on a.id = r.a order by k.position",
            ),
            (
                format!(
                    "where {TRUE} and {}",
                    likely("not exists (select 1 from l where +l.key = $1)")
                ),
                "where true and (not exists (select 1 from l where l.key = $1))",
            ),
            (
                "where replace(lower(r.guid), lower($2), '') <> lower(r.guid) and a + 1 > 0".into(),
                "where replace(lower(r.guid), lower ($2 collate \"C\"), '') <> lower(r.guid) and a + 1 > 0",
            ),
            (
                format!(
                    "where r.name{NO_CASE} = $1 and +r.name{NO_CASE} in (select value from json_each($2)) and +'a' = $3"
                ),
                "where lower(r.name) = lower ($1 collate \"C\") \
                 and lower(r.name) = any(lower(($2::text[])::text collate \"C\")::text[]) and 'a' = $3",
            ),
            (
                "select a from t order by +'STOPPED' asc, r.guid asc".into(),
                "select a from t order by 'STOPPED'::text asc, r.guid asc",
            ),
            (
                "select cast(null as text), 0 as created_at".into(),
                "select cast(null as text) collate \"C\", 0::bigint as created_at",
            ),
        ] {
            assert_eq!(to_postgres(&sqlite), expected);
        }
    }
}
