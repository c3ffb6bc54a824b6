use super::*;
use crate::listing::request::Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};

/// See `docs/reference/query-parameters.md#timestamps`.
#[test]
fn wrong_timestamps_are_refused() {
    let twice = format!("{TIMESTAMP_MESSAGE}, {TIMESTAMP_MESSAGE}");
    for value in [
        "=bogus",
        "=",
        "",
        "=47",
        "[]=2020-06-30T00:00:00Z",
        "=2020-06-30",
        "=2020-06-30T00:00:00.5Z",
        "=2020-06-30T00:00:00%2B00:00",
        "=2020-06-30t00:00:00Z",
        "=2020-06-30T00:00:00z",
        "=2020-06-30T00:00:00Z%0A%0A",
        "=+2020-06-30T00:00:00Z",
        "[gt]=",
        "[gt]",
        "[gt][]=2020-06-30T00:00:00Z",
        "[gt]=2020-06-30T00:00:00%2B00:00",
        // Dates and times of day that do not exist. A controller fails on them or rolls them over.
        "=2020-13-01T00:00:00Z",
        "=2020-00-01T00:00:00Z",
        "=2020-01-00T00:00:00Z",
        "=2020-02-32T00:00:00Z",
        "=2020-01-01T25:00:00Z",
        "=2020-01-01T00:60:00Z",
        "=2020-01-01T00:00:61Z",
        "=2020-02-30T00:00:00Z",
        "=2020-01-01T24:00:00Z",
        "=2020-01-01T00:00:60Z",
        "=2016-12-31T23:59:60Z",
        "[lt]=2020-13-01T00:00:00Z",
    ] {
        assert_eq!(
            messages(packages(&format!("created_ats{value}"))),
            TIMESTAMP_MESSAGE,
            "{value}"
        );
    }
    assert_eq!(messages(packages("created_ats=a,b")), twice);
    assert_eq!(
        messages(packages("created_ats=2020-06-30T00:00:00Z,")),
        TIMESTAMP_MESSAGE
    );
    assert_eq!(
        messages(packages("updated_ats=bogus")),
        TIMESTAMP_MESSAGE.replace("Created", "Updated")
    );
}

#[test]
fn wrong_operators_are_refused() {
    const WRONG_OPERATOR: &str = "Created ats Invalid relational operator: 'foo'";
    const ONE_VALUE: &str = "Created ats only accepts one value when using a relational operator";
    let foo_bad = format!("{WRONG_OPERATOR}, {TIMESTAMP_MESSAGE}");
    let foo_two = format!("{WRONG_OPERATOR}, {ONE_VALUE}");
    for (query, text) in [
        ("created_ats[foo]=2020-01-01T00:00:00Z", WRONG_OPERATOR),
        ("created_ats[foo]=bad", &foo_bad),
        ("created_ats[foo]=a,b", &foo_two),
        (
            "created_ats[gt]=2020-01-01T00:00:00Z,2020-01-02T00:00:00Z",
            ONE_VALUE,
        ),
        ("created_ats[gt]=A,B", ONE_VALUE),
        (
            "created_ats[GT]=2020-01-01T00:00:00Z",
            "Created ats Invalid relational operator: 'GT'",
        ),
    ] {
        assert_eq!(messages(packages(query)), text, "{query}");
    }
}

#[test]
fn timestamps_become_conditions() {
    let column = Package::order("created_at").unwrap();
    let at = |seconds: &[i64]| vec![Condition::At(column, seconds.to_vec())];
    let t = 1_577_836_800;
    for (query, expected) in [
        ("created_ats=2020-01-01T00:00:00Z", at(&[t])),
        ("created_ats=2020-01-01T00:00:00Z%0A", at(&[t])),
        (
            "created_ats=2020-01-01T00:00:00Z,+2020-01-01T00:00:01Z",
            at(&[t, t + 1]),
        ),
        ("created_ats=2020-01-01T00%253A00:00Z", at(&[t])),
        ("created_ats=0001-01-01T00:00:00Z", at(&[-62_135_596_800])),
        ("created_ats=0000-01-01T00:00:00Z", at(&[-62_167_219_200])),
        ("created_ats=1969-12-31T23:59:59Z", at(&[-1])),
        ("created_ats=9999-12-31T23:59:59Z", at(&[253_402_300_799])),
        (
            "created_ats[lt]=2020-01-01T00:00:00Z",
            vec![Condition::Time(column, Less, t)],
        ),
        (
            "created_ats[lte]=2020-01-01T00:00:00Z",
            vec![Condition::Time(column, LessOrEqual, t)],
        ),
        (
            "created_ats[gte]=2020-01-01T00:00:00Z%0A",
            vec![Condition::Time(column, GreaterOrEqual, t)],
        ),
        (
            "created_ats[gt]=2020-01-01T00:00:00Z&created_ats[lt]=2020-01-01T00:00:09Z&created_ats[gt]=2020-01-01T00:00:01Z",
            vec![
                Condition::Time(column, Greater, t + 1),
                Condition::Time(column, Less, t + 9),
            ],
        ),
    ] {
        assert_eq!(packages(query).unwrap().conditions, expected, "{query}");
    }
    let updated = packages("updated_ats[gte]=2020-01-01T00:00:00Z")
        .unwrap()
        .conditions;
    assert!(
        matches!(updated[..], [Condition::Time(column, GreaterOrEqual, _)] if column.name == "updated_at")
    );
}
