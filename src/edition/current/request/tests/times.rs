use super::*;
use crate::listing::request::Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};

/// §1.3, §1.5; REQ-112, REQ-114.
#[test]
fn what_is_no_time() {
    let twice = format!("{FORMAT}, {FORMAT}");
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
        // Of the right form, but no time; the controller fails, or rolls over.
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
            refusal(get(&format!("created_ats{value}"))),
            FORMAT,
            "{value}"
        );
    }
    assert_eq!(refusal(get("created_ats=a,b")), twice);
    assert_eq!(refusal(get("created_ats=2020-06-30T00:00:00Z,")), FORMAT);
    assert_eq!(
        refusal(get("updated_ats=bogus")),
        FORMAT.replace("Created", "Updated")
    );
}

#[test]
fn operators_that_are_none() {
    const FOO: &str = "Created ats Invalid relational operator: 'foo'";
    const ONE: &str = "Created ats only accepts one value when using a relational operator";
    let foo_bad = format!("{FOO}, {FORMAT}");
    let foo_two = format!("{FOO}, {ONE}");
    for (query, text) in [
        ("created_ats[foo]=2020-01-01T00:00:00Z", FOO),
        ("created_ats[foo]=bad", &foo_bad),
        ("created_ats[foo]=a,b", &foo_two),
        (
            "created_ats[gt]=2020-01-01T00:00:00Z,2020-01-02T00:00:00Z",
            ONE,
        ),
        ("created_ats[gt]=A,B", ONE),
        (
            "created_ats[GT]=2020-01-01T00:00:00Z",
            "Created ats Invalid relational operator: 'GT'",
        ),
    ] {
        assert_eq!(refusal(get(query)), text, "{query}");
    }
}

#[test]
fn times_are_conditions() {
    let order = Package::order("created_at").unwrap();
    let at = |seconds: &[i64]| vec![Condition::At(order, seconds.to_vec())];
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
            vec![Condition::Time(order, Less, t)],
        ),
        (
            "created_ats[lte]=2020-01-01T00:00:00Z",
            vec![Condition::Time(order, LessOrEqual, t)],
        ),
        (
            "created_ats[gte]=2020-01-01T00:00:00Z%0A",
            vec![Condition::Time(order, GreaterOrEqual, t)],
        ),
        (
            "created_ats[gt]=2020-01-01T00:00:00Z&created_ats[lt]=2020-01-01T00:00:09Z&created_ats[gt]=2020-01-01T00:00:01Z",
            vec![
                Condition::Time(order, Greater, t + 1),
                Condition::Time(order, Less, t + 9),
            ],
        ),
    ] {
        assert_eq!(get(query).unwrap().conditions, expected, "{query}");
    }
    let updated = get("updated_ats[gte]=2020-01-01T00:00:00Z")
        .unwrap()
        .conditions;
    assert!(
        matches!(updated[..], [Condition::Time(order, GreaterOrEqual, _)] if order.name == "updated_at")
    );
}
