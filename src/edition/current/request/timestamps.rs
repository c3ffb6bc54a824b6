//! Filters by time: `created_ats` and `updated_ats`. See `docs/reference/query-parameters.md#timestamps`.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::edition::ruby::comma_list;
use crate::edition::ruby::inspect::{HashKeys, to_s};
use crate::edition::ruby::query_string::{QueryFields, QueryValue};
use crate::error::ApiError;
use crate::listing::request::{Comparison, Condition};
use crate::records::SortColumn;

const INVALID_FORMAT: &str =
    "has an invalid timestamp format. Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'";
const ONE_VALUE: &str = "only accepts one value when using a relational operator";

/// A parsed filter by time.
#[derive(Debug, Default)]
pub struct TimestampFilter {
    /// The messages, each without the name of the parameter before it.
    pub errors: Vec<String>,
    /// The conditions. They are incomplete if there are errors.
    pub conditions: Vec<Condition>,
    /// Escaped pairs that hrefs repeat.
    pub echo: Vec<String>,
}

/// Parses a comma list of times, or a map from operators to times, as a filter by `column`.
///
/// # Errors
///
/// Fails if an element of the list cannot be decoded.
pub fn parse(
    name: &str,
    value: &QueryValue,
    column: &'static SortColumn,
) -> Result<TimestampFilter, ApiError> {
    match value {
        // A controller fails on null. The nearest message is the one about an empty text.
        QueryValue::Null => Ok(TimestampFilter {
            errors: vec![INVALID_FORMAT.to_owned()],
            ..TimestampFilter::default()
        }),
        QueryValue::Map(operators) => Ok(parse_operators(name, operators, column)),
        value => parse_list(name, &to_s(value, HashKeys::Strings), column),
    }
}

fn parse_list(
    name: &str,
    text: &str,
    column: &'static SortColumn,
) -> Result<TimestampFilter, ApiError> {
    let elements = comma_list::split(text)?;
    let mut filter = TimestampFilter::default();
    let mut seconds = Vec::with_capacity(elements.len());
    for element in &elements {
        match parse_timestamp(element) {
            Some(second) => seconds.push(second),
            None => filter.errors.push(INVALID_FORMAT.to_owned()),
        }
    }
    filter.conditions.push(Condition::At(column, seconds));
    filter.echo.push(comma_list::list_pair(name, &elements));
    Ok(filter)
}

fn parse_operators(
    name: &str,
    operators: &QueryFields,
    column: &'static SortColumn,
) -> TimestampFilter {
    let mut filter = TimestampFilter::default();
    for (operator, value) in operators.iter() {
        let comparison = comparison(operator);
        if comparison.is_none() {
            filter
                .errors
                .push(format!("Invalid relational operator: '{operator}'"));
        }
        let text = to_s(value, HashKeys::Strings);
        if text.contains(',') {
            filter.errors.push(ONE_VALUE.to_owned());
            continue;
        }
        match (parse_timestamp(&text), comparison) {
            (Some(second), Some(comparison)) => {
                filter
                    .conditions
                    .push(Condition::Time(column, comparison, second));
                let name = format!("{name}[{operator}]");
                filter.echo.push(comma_list::query_pair(&name, &text));
            }
            (Some(_), None) => {}
            (None, _) => filter.errors.push(INVALID_FORMAT.to_owned()),
        }
    }
    filter
}

fn comparison(operator: &str) -> Option<Comparison> {
    match operator {
        "lt" => Some(Comparison::Less),
        "lte" => Some(Comparison::LessOrEqual),
        "gt" => Some(Comparison::Greater),
        "gte" => Some(Comparison::GreaterOrEqual),
        _ => None,
    }
}

/// Returns the second since 1970 of a `YYYY-MM-DDThh:mm:ssZ` in any year, with at most one newline after it. Returns
/// `None` for a date or a time of day that does not exist; a controller fails on some of them and rolls others over.
fn parse_timestamp(text: &str) -> Option<i64> {
    const TEMPLATE: &[u8] = b"0000-00-00T00:00:00Z";
    let text = text.strip_suffix('\n').unwrap_or(text);
    let fits = |(byte, expected): (u8, &u8)| match expected {
        b'0' => byte.is_ascii_digit(),
        expected => byte == *expected,
    };
    if text.len() != TEMPLATE.len() || !text.bytes().zip(TEMPLATE).all(fits) {
        return None;
    }
    // The time crate parses a leap second as the second before it.
    if text.ends_with(":60Z") {
        return None;
    }
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(OffsetDateTime::unix_timestamp)
}
