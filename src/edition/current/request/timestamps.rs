//! Filters by time (reference: packages-api.md §1.5).

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::edition::ruby::comma_list;
use crate::edition::ruby::inspect::{Keys, to_s};
use crate::edition::ruby::query_string::{Fields, Value};
use crate::error::ApiError;
use crate::listing::request::{Comparison, Condition};
use crate::records::SortColumn;

const FORMAT: &str =
    "has an invalid timestamp format. Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'";
const ONE_VALUE: &str = "only accepts one value when using a relational operator";

/// What a filter by time asks for.
#[derive(Debug, Default)]
pub struct Times {
    /// To be put after the parameter's name.
    pub faults: Vec<String>,
    /// Complete where there is no fault.
    pub conditions: Vec<Condition>,
    /// What hrefs repeat.
    pub echo: Vec<String>,
}

/// Reads a list of times, or a map of operators and times, as a filter of `order`'s time.
pub fn read(name: &str, value: &Value, order: &'static SortColumn) -> Result<Times, ApiError> {
    match value {
        // Only null fails in the controller itself: the nearest refusal is the one of an empty text.
        Value::Null => Ok(Times {
            faults: vec![FORMAT.to_owned()],
            ..Times::default()
        }),
        Value::Map(operators) => Ok(compared(name, operators, order)),
        value => listed(name, &to_s(value, Keys::Text), order),
    }
}

fn listed(name: &str, text: &str, order: &'static SortColumn) -> Result<Times, ApiError> {
    let elements = comma_list::split(text)?;
    let mut times = Times::default();
    let mut seconds = Vec::with_capacity(elements.len());
    for element in &elements {
        match second(element) {
            Some(second) => seconds.push(second),
            None => times.faults.push(FORMAT.to_owned()),
        }
    }
    times.conditions.push(Condition::At(order, seconds));
    times.echo.push(comma_list::echo_list(name, &elements));
    Ok(times)
}

fn compared(name: &str, operators: &Fields, order: &'static SortColumn) -> Times {
    let mut times = Times::default();
    for (operator, value) in operators.iter() {
        let comparison = comparison(operator);
        if comparison.is_none() {
            times
                .faults
                .push(format!("Invalid relational operator: '{operator}'"));
        }
        let text = to_s(value, Keys::Text);
        if text.contains(',') {
            times.faults.push(ONE_VALUE.to_owned());
            continue;
        }
        match (second(&text), comparison) {
            (Some(second), Some(comparison)) => {
                times
                    .conditions
                    .push(Condition::Time(order, comparison, second));
                times
                    .echo
                    .push(comma_list::echo(&format!("{name}[{operator}]"), &text));
            }
            (Some(_), None) => {}
            (None, _) => times.faults.push(FORMAT.to_owned()),
        }
    }
    times
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

/// The second that `YYYY-MM-DDThh:mm:ssZ` names, of any year; one newline after it is tolerated. A date or
/// time of day that does not exist is none, also where a controller would roll it over (§1.5).
fn second(text: &str) -> Option<i64> {
    const FORM: &[u8] = b"0000-00-00T00:00:00Z";
    let text = text.strip_suffix('\n').unwrap_or(text);
    let right = text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == *form,
        });
    // The time crate takes a leap second for the second before it.
    if !right || text.ends_with(":60Z") {
        return None;
    }
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(OffsetDateTime::unix_timestamp)
}
