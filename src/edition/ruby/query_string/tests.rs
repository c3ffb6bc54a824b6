use super::*;

const CURRENT: QueryStringRules = QueryStringRules::RACK_3_2;
const OF_2015: QueryStringRules = QueryStringRules::RACK_1_6;

fn text(text: &str) -> QueryValue {
    QueryValue::Text(text.to_owned())
}

fn names(query: &str, rules: &QueryStringRules) -> Vec<String> {
    let fields = parse(query, rules).unwrap();
    fields.iter().map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn repeated_name_keeps_its_first_place_and_its_last_value() {
    let fields = parse("b=1&a&c=&b=2", &CURRENT).unwrap();
    let all: Vec<_> = fields.iter().collect();
    assert_eq!(
        all,
        [
            ("b", &text("2")),
            ("a", &QueryValue::Null),
            ("c", &text(""))
        ]
    );
}

#[test]
fn names_and_values_are_decoded_once() {
    let fields = parse("a=x+y%2B%2526%C3%A4&%61+b=1=2", &CURRENT).unwrap();
    assert_eq!(fields.get("a"), Some(&text("x y+%26ä")));
    assert_eq!(fields.get("a b"), Some(&text("1=2")));
}

#[test]
fn empty_pairs_and_names_are_ignored() {
    assert_eq!(names("&&=1&a=1&&=", &CURRENT), ["a"]);
    assert_eq!(names("", &CURRENT), [""; 0]);
}

#[test]
fn semicolon_separates_pairs_only_in_2015() {
    assert_eq!(names("a=1;b=2&c", &OF_2015), ["a", "b", "c"]);
    assert_eq!(names("a=1;b=2&c", &CURRENT), ["a", "c"]);
    assert_eq!(
        parse("a=1;b=2", &CURRENT).unwrap().get("a"),
        Some(&text("1;b=2"))
    );
}

#[test]
fn brackets_make_arrays_and_maps_under_the_base_name() {
    for rules in [&CURRENT, &OF_2015] {
        for query in ["foo[]=1", "foo[a]=1", "foo", "foo[a][]=1", "foo[][b]=1"] {
            assert_eq!(names(query, rules), ["foo"], "{query}");
        }
    }
    let fields = parse("a[]=1&a[]=2&a[]&b[]&c[x]=1&c[y]&c[x]=2", &CURRENT).unwrap();
    assert_eq!(
        fields.get("a"),
        Some(&QueryValue::Array(vec![text("1"), text("2")]))
    );
    assert_eq!(fields.get("b"), Some(&QueryValue::Array(vec![])));
    let Some(QueryValue::Map(map)) = fields.get("c") else {
        panic!("{fields:?}")
    };
    let map: Vec<_> = map.iter().collect();
    assert_eq!(map, [("x", &text("2")), ("y", &QueryValue::Null)]);
}

#[test]
fn map_in_an_array_is_filled_until_a_key_repeats() {
    let fields = parse("a[][x]=1&a[][y]=2&a[][x]=3&a[][]=4", &CURRENT).unwrap();
    let Some(QueryValue::Array(values)) = fields.get("a") else {
        panic!("{fields:?}")
    };
    assert_eq!(values.len(), 3);
    assert_eq!(values[2], QueryValue::Array(vec![text("4")]));
}

#[test]
fn brackets_out_of_place_are_read_as_rack_does() {
    assert_eq!(
        names("[]=1&[a]=1&a]=1&x[=1&y[b=1", &OF_2015),
        ["a", "x[", "y"]
    );
    assert_eq!(
        names("[]=1&[a]=1&a]=1&x[=1&y[b=1", &CURRENT),
        ["[]", "[a]", "a]", "x[", "y"]
    );
}

#[test]
fn malformed_escapes_and_conflicting_shapes_are_refused() {
    for query in [
        "states=%zz",
        "a=%",
        "a=%4",
        "%=1",
        "a=%+1",
        "a=%FF",
        "%C3=1",
        "created_ats=A&created_ats[gt]=B",
        "a=1&a[]=2",
        "a[]=1&a[b]=2",
        "a[b]=1&a[]=2",
        "a[b]=1&a[b][c]=2",
    ] {
        for rules in [&CURRENT, &OF_2015] {
            assert_eq!(
                parse(query, rules),
                Err(ApiError::InvalidRequest),
                "{query}"
            );
        }
    }
    let deep = format!("a{}=1", "[b]".repeat(200));
    assert_eq!(parse(&deep, &CURRENT), Err(ApiError::InvalidRequest));
    // A later scalar replaces any shape, as in Rack.
    let fields = parse("a[gt]=1&a=2", &CURRENT).unwrap();
    assert_eq!(fields.get("a"), Some(&text("2")));
}
