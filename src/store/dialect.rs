//! The pieces of SQL in which engines differ. The rest of each statement is text that SQLite and PostgreSQL both take.

use std::fmt::Write;

use super::Value;

/// The condition that every row fulfils. SQLite has no type for truth values: it compares with numbers.
pub const TRUE: &str = "1";

/// The condition that no row fulfils.
pub const FALSE: &str = "0";

/// The prefix of a column that prevents SQLite from using an index of the column
/// (<https://sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_>).
pub const NO_INDEX: &str = "+";

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
}
